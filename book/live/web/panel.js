// One model: its plane, what its decoder draws at the point, the way between two pins, and what it says of a drawing.
window.Live = window.Live || {};

(function () {
  "use strict";

  const { make } = Live;
  const CLOSER = "Closer";

  Live.Panel = class {
    // `title` names the panel for screen readers; `hint` is the id of the text that says which keys there are.
    constructor({ title, hint, colours }) {
      this.colours = colours;
      this.pins = [];
      this.samples = [];
      this.build(title, hint);
      this.result = new Live.Result();
      this.plane = new Live.Plane(this.canvas, Live.index.palette);
      Live.listenToMoves(this.plane, {
        here: () => this.point,
        move: z => this.move(z),
        pin: z => this.pin(z),
        clear: () => this.clear(),
      });
      new ResizeObserver(() => this.redraw()).observe(this.canvas);
    }

    build(title, hint) {
      this.select = make("select", { onchange: () => this.choose(this.entries[this.select.selectedIndex]) });
      this.canvas = make("canvas", {
        class: "live-plane", tabindex: 0, role: "application", "aria-label": "Latent plane", "aria-describedby": hint,
      });
      this.note = make("p", { class: "live-note" });
      this.across = make("span", { class: "live-across" });
      this.up = make("span", { class: "live-up" });
      this.picture = make("canvas", { class: "live-image", role: "img", "aria-label": "Decoded image" });
      this.place = make("p", { class: "live-place" });
      this.near = make("p", { class: "live-quiet" });
      this.drawButton = make("button", { type: "button", text: "Sample the prior", onclick: () => this.sample() });
      this.closerButton = make("button", { type: "button", text: CLOSER, onclick: () => this.closer() });
      this.clearButton = make("button", { type: "button", text: "Clear", onclick: () => this.clear() });
      this.strip = make("canvas", { class: "live-strip", role: "img", hidden: true });
      this.stripText = make("p", { class: "live-quiet", text: "Pin two points (click, or Enter) to see the way from A to B." });
      this.said = make("p", { class: "live-said", role: "status" });
      this.whisper = make("p", { class: "live-hidden", "aria-live": "polite" });
      this.element = make("section", { class: "live-panel", "aria-label": title },
        make("label", { class: "live-model" }, make("span", { class: "live-hidden", text: title }), this.select),
        this.note,
        make("div", { class: "live-frame" }, this.up, this.canvas, this.across, this.said),
        make("div", { class: "live-readout" },
          this.picture,
          make("div", {}, this.place, this.near, make("div", { class: "live-buttons" }, this.drawButton, this.closerButton, this.clearButton))),
        this.strip, this.stripText, this.whisper);
    }

    // Offers some models and shows one of them.
    offer(entries, chosen) {
      this.entries = entries;
      this.select.replaceChildren(...entries.map(entry => make("option", { text: entry.title })));
      this.select.selectedIndex = entries.indexOf(chosen);
      return this.choose(chosen);
    }

    async choose(entry) {
      this.entry = entry;
      this.model = null;
      await this.safely(async () => {
        const content = await Live.load(entry, "plane");
        if (this.entry !== entry) return; // another one was chosen meanwhile
        this.model = new Live.Model(entry, content);
        this.plane.show(content, Live.index.dataSets[entry.dataSet].classes, this.model.prior);
        this.closerButton.textContent = CLOSER;
        this.point = content.start;
        this.forget();
        this.result.title.textContent = entry.title;
        this.canvas.setAttribute("aria-label", `Latent plane of the ${entry.title}`);
        this.note.textContent = `${entry.note} Test images cost it ${Live.number(-entry.elbo, 1)} nats on average.`;
        [this.across.textContent, this.up.textContent] = entry.levels === 2
          ? ["z\u2082, upper level \u2192", "z\u2081, lower level \u2192"]
          : ["z\u2081, first latent \u2192", "z\u2082, second latent \u2192"];
        Live.paint(this.picture, [Live.floatsOfBytes(content.image)]);
        this.report();
        this.redraw();
        if (this.drawing) this.encode(this.drawing, true);
        if (this.awake) await this.wake();
      });
    }

    // From now on the decoder is wanted: it is fetched, for this model and those chosen later.
    async wake() {
      this.awake = true;
      const { model } = this;
      if (!model || model.canDecode) return;
      await this.safely(async () => {
        this.say(`Loading the decoder, ${Live.number(model.entry.files.generator.bytes / 1e6, 1)} MB \u2026`);
        await model.wakeGenerator();
        if (this.model === model) this.redraw();
      });
      this.picture.classList.toggle("live-waiting", !this.model || !this.model.canDecode);
    }

    // Runs something that may fail, and says so on the page if it does.
    async safely(work) {
      try {
        this.say("");
        await work();
        if (this.said.textContent.startsWith("Loading")) this.say("");
      } catch (error) {
        this.say(error.message);
      }
    }

    say(text) { this.said.textContent = text; }

    move(z) {
      this.point = z;
      this.redraw();
      clearTimeout(this.whispering);
      this.whispering = setTimeout(() => { this.whisper.textContent = `${this.place.textContent}. ${this.near.textContent}`; }, 600);
    }

    pin(z) {
      this.pins = this.pins.length === 2 ? [z] : [...this.pins, z];
      this.redrawStrip();
      this.redraw();
    }

    forget() {
      this.pins = [];
      this.samples = [];
      this.posterior = null;
      this.result.clear();
      this.redrawStrip();
    }

    clear() {
      this.pins = [];
      this.samples = [];
      this.redrawStrip();
      this.redraw();
    }

    async sample() {
      await this.wake();
      if (!this.model || !this.model.canDecode) return;
      const z = this.model.sample();
      this.samples = [...this.samples.slice(-39), z];
      Live.glide(this.point, z, place => this.move(place));
    }

    // To the part of the plane around the point, or back to all of it.
    async closer() {
      await this.wake(); // an HVAE's density needs it
      if (!this.model || !this.model.canDecode) return;
      if (this.plane.closer) this.plane.lookAtAll();
      else this.plane.lookCloser(this.point, this.model);
      this.closerButton.textContent = this.plane.closer ? "Whole plane" : CLOSER;
      this.redraw();
    }

    // At most one decoding a frame, however often the hand moves.
    redraw() {
      if (this.waiting) return;
      this.waiting = true;
      requestAnimationFrame(() => {
        this.waiting = false;
        if (!this.model) return;
        if (this.model.canDecode) {
          Live.paint(this.picture, [this.model.decodeMean(this.point)]);
          if (this.pins.length === 2 && this.strip.hidden) this.redrawStrip();
        }
        this.report();
        this.plane.draw(this, this.colours());
      });
    }

    report() {
      const name = Live.index.dataSets[this.entry.dataSet].classes[this.plane.nearestClass(this.point)];
      this.place.textContent = `At ${Live.pair(this.point)}`;
      this.near.textContent = `Nearest test images: ${name}`;
      this.picture.setAttribute("aria-label", `Image decoded at ${Live.pair(this.point)}, near class ${name}`);
    }

    redrawStrip() {
      const ready = this.pins.length === 2 && this.model.canDecode;
      this.strip.hidden = !ready;
      this.stripText.textContent = ready
        ? `From A ${Live.pair(this.pins[0])} to B ${Live.pair(this.pins[1])} in equal steps.`
        : this.pins.length === 1 ? "Pin a second point to see the way from A to B." : "Pin two points (click, or Enter) to see the way from A to B.";
      if (!ready) return;
      Live.paint(this.strip, Live.between(...this.pins).map(z => this.model.decodeMean(z)), 2);
      this.strip.setAttribute("aria-label", `${Live.STEPS} images ${this.stripText.textContent.toLowerCase()}`);
    }

    // Shows what the model makes of an image (784); costs only once it is finished. null takes it away.
    async encode(image, finished) {
      this.drawing = image;
      if (!image) {
        this.posterior = null;
        this.result.clear();
        return this.redraw();
      }
      const { model } = this;
      if (!model) return;
      if (!model.encoder || !model.canDecode) {
        this.result.say("Loading the encoder \u2026");
        await this.safely(() => Promise.all([model.wakeRecogniser(), this.wake()]));
        if (!model.encoder || !model.canDecode) return this.result.say(this.said.textContent);
        return this.model === model && this.encode(this.drawing, true);
      }
      this.posterior = model.encode(image);
      const { mean } = this.posterior;
      const name = Live.index.dataSets[this.entry.dataSet].classes[this.plane.nearestClass(mean)];
      this.result.show(model, this.posterior, name, finished ? model.costs(image, this.posterior) : null);
      this.redraw();
    }
  };
})();
