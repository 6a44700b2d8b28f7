// The controls: what can be set, the presets, and the buttons that run a training.
window.Playground = window.Playground || {};

(function () {
  "use strict";

  const { make } = Live;

  // A field for each setting; `changed(name, text)` is called with what the reader has entered.
  Playground.Fields = class {
    constructor(names, changed) {
      this.inputs = {};
      this.element = make("div", { class: "playground-fields" }, ...names.map(name => {
        const { title, choices, whole } = Playground.SETTINGS[name];
        const input = choices
          ? make("select", {}, ...Object.entries(choices).map(([value, text]) => make("option", { value, text })))
          : make("input", { type: "text", inputmode: whole ? "numeric" : "decimal", autocomplete: "off", spellcheck: "false" });
        input.addEventListener("change", () => changed(name, input.value));
        this.inputs[name] = input;
        return make("label", { "data-name": name }, make("span", { text: title }), input);
      }));
    }

    show(settings) {
      for (const [name, input] of Object.entries(this.inputs)) input.value = settings[name];
      if (this.inputs.k) this.inputs.k.disabled = settings.prior === "standard";
    }
  };

  // A button for each preset, and the sentence and the question of the chosen one.
  Playground.Presets = class {
    constructor(choose) {
      this.buttons = Object.entries(Playground.PRESETS).map(([name, { title }]) =>
        [name, make("button", { type: "button", text: title, onclick: () => choose(name) })]);
      this.sentence = make("p", {});
      this.question = make("p", { class: "playground-question" });
      this.text = make("div", { class: "playground-told" }, this.sentence, this.question);
      this.element = make("section", { "aria-label": "Presets" },
        make("div", { class: "live-buttons" }, ...this.buttons.map(([, button]) => button)), this.text);
    }

    show(preset) {
      for (const [name, button] of this.buttons) button.setAttribute("aria-pressed", String(name === preset));
      const chosen = Playground.PRESETS[preset];
      this.text.hidden = !chosen;
      if (!chosen) return;
      this.sentence.textContent = chosen.sentence;
      this.question.textContent = chosen.question;
    }
  };
})();
