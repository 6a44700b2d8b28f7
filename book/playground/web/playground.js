// Puts everything together wherever a page has an element of class "playground". Attributes of that element:
//   data-small     a small one: two pictures, the prior and the buttons; it leaves the address alone
//   data-settings  what it starts with, written as in the address; on the whole page the address has precedence
window.Playground = window.Playground || {};

(function () {
  "use strict";

  const { make, number } = Live;
  const LAYERS = { density: "Density of the prior", codes: "Posteriors", components: "Components and pseudo-inputs", draws: "Draws from the prior" };
  const FIELDS = [["data", "prior", "k", "beta"], ["warmup", "rate", "width", "depth", "seed"]]; // above the pictures, and below
  const CURVES = [
    { reconstruction: "Reconstruction", elbo: "ELBO" },
    { kl: "KL, the sum of", information: "mutual information", misfit: "misfit" },
  ];
  // Of the book's palette: groups of data that are no digits; then one colour for each quantity.
  const GROUPS = [0, 3, 4, 9, 6];

  class Page {
    constructor(root) {
      this.root = root;
      this.small = root.hasAttribute("data-small");
      const given = (!this.small && location.hash.includes("=") && location.hash) || root.dataset.settings || "";
      const { settings, preset, sentences } = Playground.readAddress(given);
      this.settings = settings;
      this.preset = preset;
      this.layers = Object.fromEntries(Object.keys(LAYERS).map(layer => [layer, true]));
      this.build();
      this.listen();
      this.startAgain();
      this.say(sentences.join(" "));
    }

    build() {
      const { small } = this;
      this.playButton = make("button", { type: "button", class: "playground-play", onclick: () => this.toggle() });
      this.buttons = make("div", { class: "live-buttons" }, this.playButton,
        make("button", { type: "button", text: "Step", onclick: () => this.oneStep() }),
        make("button", { type: "button", text: "Start again", onclick: () => { this.startAgain(); this.say(""); } }));
      this.said = make("p", { class: "live-said", role: "status" });
      const changed = (name, text) => this.change(name, text);
      this.fields = (small ? [["prior"]] : FIELDS).map(names => new Playground.Fields(names, changed));
      this.presets = new Playground.Presets(name => this.choosePreset(name));
      this.readout = new Playground.Readout(small ? ["step", "elbo", "misfit", "holes"] : undefined);
      this.likelihood = new Playground.Likelihood(() => {
        if (this.runner.running) this.runner.stop();
        return this.training;
      });
      const canvas = (label, hint) => make("canvas", { class: "live-plane", tabindex: 0, role: "application", "aria-label": label, "aria-describedby": hint });
      this.dataCanvas = canvas("Data, and what the decoder makes of the prior's draws", "playground-data-hint");
      this.planeCanvas = canvas("Latent plane", "playground-plane-hint");
      this.plane = new Playground.LatentView(this.planeCanvas);
      this.cloud = new Playground.Cloud(this.dataCanvas);
      this.tiles = new Playground.Tiles(this.dataCanvas);
      this.picture = make("canvas", { class: "playground-seen", width: 8, height: 8, role: "img", "aria-label": "Decoded at the point" });
      this.decoded = make("p", { class: "live-quiet" });
      this.charts = CURVES.map(curves => new Playground.Chart(curves));

      const dataPanel = make("section", { class: "playground-panel", "aria-label": "Data" },
        make("p", { class: "playground-title", text: "Data" }), this.dataCanvas,
        make("p", { id: "playground-data-hint", class: "live-quiet", text: "Drag a pseudo-input of a VampPrior. By keys: Enter takes the next one, arrows move it, Escape lets go." }));
      const planePanel = make("section", { class: "playground-panel", "aria-label": "Latent plane" },
        make("p", { class: "playground-title", text: "Latent plane" }), this.planeCanvas,
        make("p", { id: "playground-plane-hint", class: "live-quiet", text: "Move over the plane, or tap it, to decode a place. By keys: arrows move the place (Shift: further), Escape clears." }),
        make("div", { class: "playground-decoded" }, this.picture, this.decoded));
      const curvePanel = make("section", { class: "playground-panel", "aria-label": "Curves" },
        make("p", { class: "playground-title", text: "In nats, over the data" }), ...this.charts.map(({ element }) => element));
      const top = make("div", { class: "playground-top" }, this.fields[0].element, this.buttons);
      const parts = small
        ? [top, this.said, make("div", { class: "playground-panels" }, dataPanel, planePanel), this.readout.element]
        : [this.presets.element, top, this.said, make("div", { class: "playground-panels" }, dataPanel, planePanel, curvePanel),
          this.layerFields(), this.readout.element, this.fields[1].element, this.likelihood.element];
      this.root.replaceChildren(...parts);
      this.root.classList.toggle("live-wide", !small);
    }

    layerFields() {
      return make("fieldset", { class: "playground-layers" }, make("legend", { class: "live-hidden", text: "What the pictures show" }),
        make("button", { type: "button", text: "Draw anew", onclick: () => { Playground.drawAnew(); this.training.measure(); this.redraw(); } }),
        ...Object.entries(LAYERS).map(([layer, text]) => make("label", {},
          make("input", { type: "checkbox", checked: true, onchange: event => { this.layers[layer] = event.target.checked; this.redraw(); } }),
          make("span", { text }))));
    }

    listen() {
      this.runner = new Playground.Runner(this.root, {
        advance: () => this.advance(),
        draw: () => this.draw(),
        stopped: () => this.showPlaying(),
        rested: () => this.say(`The training rested while the tab was hidden, and goes on from step ${this.training.steps}.`),
      });
      const place = z => { this.point = z; this.redraw(); };
      Live.listenToMoves(this.plane, {
        here: () => this.point || [0, 0],
        move: place,
        pin: place,
        clear: () => place(null),
      });
      Playground.listenToHand(this.dataCanvas, {
        view: () => this.view,
        prior: () => this.training.model.prior,
        chosen: () => this.chosen,
        choose: k => { this.chosen = k; this.redraw(); },
        moved: () => { this.training.measure(); this.redraw(); },
      });
      new ResizeObserver(() => this.redraw()).observe(this.root);
      new MutationObserver(() => { this.colours = null; this.redraw(); })
        .observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
      if (!this.small) window.addEventListener("hashchange", () => this.followAddress());
    }

    // -- what the reader asks for --------------------------------------------------------

    toggle() {
      if (this.runner.running) return this.runner.stop();
      this.say("");
      this.runner.start();
      this.showPlaying();
    }

    oneStep() {
      this.say("");
      if (this.runner.running) this.runner.stop();
      this.advance();
      this.training.measure();
      this.redraw();
    }

    choosePreset(name) {
      this.preset = name;
      this.settings = Playground.startOf(name);
      this.startAgain();
      this.say("");
      this.runner.start();
      this.showPlaying();
    }

    startAgain() {
      this.training = new Playground.Training(this.settings);
      this.view = this.settings.data === "digits" ? this.tiles : this.cloud;
      this.chosen = this.point = null;
      this.until = (Playground.PRESETS[this.preset] || {}).until;
      this.likelihood.clear();
      this.presets.show(this.preset);
      this.settled();
    }

    change(name, text) {
      const { value, sentence } = Playground.read(name, text, this.settings[name]);
      this.settings[name] = value;
      this.say(sentence || "");
      if (Playground.STARTS_AGAIN.includes(name)) return this.startAgain();
      if (name === "prior" || name === "k") {
        this.training.changePrior(this.settings.prior, this.settings.k);
        this.training.measure();
        this.chosen = null;
      } else {
        this.training.settings[name] = value;
      }
      this.settled();
    }

    // Shows the settings, in the fields and in the address.
    settled() {
      for (const fields of this.fields) fields.show(this.settings);
      this.showPlaying();
      this.redraw();
      if (this.small) return;
      this.address = Playground.writeAddress(this.settings, this.preset);
      // Without a part after the # when there is none, so that the page's own address stays as it was.
      if (this.address || location.hash.includes("=")) history.replaceState(null, "", `#${this.address}`);
    }

    followAddress() {
      if (location.hash === `#${this.address}` || !location.hash.includes("=")) return;
      const { settings, preset, sentences } = Playground.readAddress(location.hash);
      Object.assign(this, { settings, preset });
      this.runner.running = false;
      this.startAgain();
      this.say(sentences.join(" "));
    }

    // -- training and showing it ---------------------------------------------------------

    // One step; false if the training is to pause.
    advance() {
      const { training } = this, before = training.steps;
      if (!training.step()) {
        training.goBack();
        this.say(`At step ${before} the loss left all bounds: a learning rate of ${training.settings.rate} is too high here. ` +
          `The networks are back at step ${training.steps}; choose a smaller rate and go on, or start again.`);
        return false;
      }
      if (training.steps !== this.until) return true;
      this.until = null;
      training.measure();
      return false;
    }

    say(sentence) { this.said.textContent = sentence; }

    showPlaying() {
      const { running, still } = this.runner;
      const start = still.matches ? "Train 200 steps" : this.training.steps ? "Go on" : "Play";
      this.playButton.textContent = running ? "Pause" : start;
    }

    // Once a frame, however much has changed.
    redraw() {
      if (this.waiting || this.runner.running && !this.runner.still.matches) return;
      this.waiting = true;
      requestAnimationFrame(() => {
        this.waiting = false;
        this.draw();
      });
    }

    draw() {
      this.colours = this.colours || this.readColours();
      const { training, layers, point } = this, chosen = this.chosen < training.model.prior.pseudoCount ? this.chosen : null;
      const groups = training.settings.data === "digits" ? this.colours.classes : this.colours.few;
      const colours = Object.assign(this.colours, { groups });
      this.plane.draw({ training, layers, point, chosen }, colours);
      this.view.draw({ training, layers, point, chosen }, colours);
      if (!this.small) for (const chart of this.charts) chart.draw(training.curve, colours);
      this.readout.show(training);
      this.showDecoded();
    }

    showDecoded() {
      const { point, training } = this, digits = training.settings.data === "digits";
      this.picture.hidden = !digits;
      this.picture.classList.toggle("live-waiting", !point);
      if (!point) {
        this.decoded.textContent = "";
        return;
      }
      const output = training.model.decode(Float64Array.from(point)).slice(0, training.data.size);
      if (digits) Playground.paintDigit(this.picture, output.map(training.model.likelihood.mean));
      this.decoded.textContent = digits ? `Decoded at ${Live.pair(point)}` : `${Live.pair(point)} is decoded to ${Live.pair(output)}`;
    }

    readColours() {
      const dark = document.documentElement.dataset.theme === "dark", style = getComputedStyle(this.root);
      const palette = Playground.PALETTE.map(hex => Playground.onPage(hex, dark)), page = Live.coloursOf(this.root);
      return {
        ...page,
        muted: style.getPropertyValue("--live-muted").trim(),
        line: style.getPropertyValue("--live-line").trim(),
        classes: palette,
        few: GROUPS.map(k => palette[k]),
        reconstruction: palette[0], elbo: page.ink, kl: palette[7], information: palette[5], misfit: palette[2], holes: palette[2],
        component: palette[5],
      };
    }
  }

  document.querySelectorAll(".playground").forEach(root => {
    const sorry = reason => {
      const still = root.querySelector("noscript"); // what it holds is text where scripts run
      if (still) still.replaceWith(document.createRange().createContextualFragment(still.textContent));
      root.append(make("p", { class: "live-said", role: "status", text: reason }));
    };
    if (!window.PointerEvent || !window.ResizeObserver || !window.IntersectionObserver) {
      return sorry("This browser lacks what the playground needs (pointer events and observers), so the picture stands in for it: " +
        "a current Firefox, Chrome, Edge or Safari shows it.");
    }
    try {
      root.page = new Page(root);
    } catch (error) {
      sorry(`The playground could not start (${error.message}), so a picture has to do: reload the page, or try another browser.`);
    }
  });
})();
