// The numbers of the moment, and the likelihood measured three ways.
window.Playground = window.Playground || {};

(function () {
  "use strict";

  const { make, number } = Live;
  const percent = share => `${Math.round(100 * share)}\u00a0%`;
  const ROWS = [
    ["step", "Step", ({ steps }) => String(steps)],
    ["elbo", "ELBO", ({ now }) => number(now.elbo, 2)],
    ["reconstruction", "Reconstruction", ({ now }) => number(now.reconstruction, 2)],
    ["kl", "KL", ({ now }) => number(now.kl, 2)],
    ["information", "Mutual information", ({ now }) => number(now.information, 2)],
    ["misfit", "Misfit of the prior", ({ now }) => number(now.misfit, 2)],
    ["holes", "Prior draws in holes", ({ now }) => percent(now.holes)],
    ["active", "Active units", ({ now }) => `${now.active} of 2`],
    ["used", "Components in use", ({ now, model }) => `${number(now.used, 0)} of ${model.prior.count}`],
    ["scale", "Spread of the codes", ({ now }) => number(now.scale, 2)],
  ];

  Playground.Readout = class {
    constructor(names = ROWS.map(([name]) => name)) {
      this.cells = {};
      this.rows = ROWS.filter(([name]) => names.includes(name));
      this.element = make("dl", { class: "playground-numbers" }, ...this.rows.map(([name, title]) => {
        this.cells[name] = make("dd", { "data-name": name });
        return make("div", {}, make("dt", { text: title }), this.cells[name]);
      }));
    }

    show(training) {
      for (const [name, , text] of this.rows) {
        const said = text(training);
        if (this.cells[name].textContent !== said) this.cells[name].textContent = said;
      }
    }
  };

  // `rest()` stops the training and gives it; the likelihood is of points in the plane, since grey values have none.
  Playground.Likelihood = class {
    constructor(rest) {
      this.rest = rest;
      this.button = make("button", { type: "button", text: "Measure the likelihood", onclick: () => this.measure() });
      this.told = make("p", { class: "live-quiet", role: "status" });
      this.element = make("div", { class: "playground-likelihood" }, this.button, this.told);
    }

    // Takes back what was told, and what is still being measured.
    clear() {
      this.told.textContent = "";
      this.measured = null;
    }

    async measure() {
      const training = this.measured = this.rest(), { steps, model, data } = training;
      if (training.settings.data === "digits") {
        this.told.textContent = "Grey values count as probabilities of ink, so digits have no likelihood here: choose data in the plane.";
        return;
      }
      this.told.textContent = "Measuring …";
      model.refreshPrior();
      const { elbo, estimate, error, effective, samples, truth } = await Playground.likelihoods(model, data);
      if (this.measured !== training) return;
      this.told.textContent = training.steps !== steps
        ? "The training went on meanwhile: measure again, and let it rest."
        : `Step ${steps}, mean log p(x) of 50 points in nats: ELBO ${number(elbo, 2)}; ` +
          `${samples} importance samples say ${number(estimate, 2)} ± ${number(error, 2)}, of which ${number(effective, 0)} count; ` +
          `the integral over the plane, which needs no encoder, ${number(truth, 2)}.`;
    }
  };
})();
