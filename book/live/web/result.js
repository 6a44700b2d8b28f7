// What one model makes of a drawing: where it lies, what comes back, and what that costs.
window.Live = window.Live || {};

(function () {
  "use strict";

  const { make } = Live;
  const ROWS = [["unit", "Costs"], ["reconstruction", "Reconstruction"], ["kl", "KL"], ["sum", "Together"]];

  Live.Result = class {
    constructor() {
      this.title = make("p", { class: "live-model-name" });
      this.picture = make("canvas", { class: "live-image", role: "img", "aria-label": "No reconstruction yet" });
      this.where = make("p", { class: "live-quiet" });
      this.numbers = {};
      const rows = ROWS.map(([key, title]) => {
        this.numbers[key] = make("dd", { text: "\u2013" });
        return make("div", {}, make("dt", { text: title }), this.numbers[key]);
      });
      this.numbers.unit.textContent = "nats";
      this.how = make("p", { class: "live-quiet" });
      this.element = make("div", { class: "live-result" },
        this.title, make("div", { class: "live-result-row" }, this.picture, make("dl", {}, ...rows)), this.where, this.how);
      this.clear();
    }

    clear() {
      Live.paint(this.picture, [new Float32Array(784)]);
      this.picture.setAttribute("aria-label", "No reconstruction yet");
      this.fill(null);
      this.say("The pad is blank: draw on it, and the reconstruction and its costs appear here.");
      this.how.textContent = "";
    }

    say(text) { this.where.textContent = text; }

    show(model, posterior, name, costs) {
      Live.paint(this.picture, [model.decodeMean(posterior.mean)]);
      this.picture.setAttribute("aria-label", `Reconstruction, near class ${name}`);
      this.say(`Encoded at ${Live.pair(posterior.mean)}, nearest test images: ${name}`);
      this.fill(costs);
      this.how.textContent = model.closedForm ? "KL in closed form." : "KL estimated from 128 draws.";
    }

    fill(costs) {
      const values = costs && { ...costs, sum: costs.reconstruction + costs.kl };
      for (const [key] of ROWS.slice(1)) {
        this.numbers[key].textContent = values ? Live.number(values[key], 1) : "\u2013";
      }
    }
  };
})();
