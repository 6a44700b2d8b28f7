// The drawing pad: mouse, finger, pen, or the keys.
window.Live = window.Live || {};

(function () {
  "use strict";

  const { make } = Live;
  const SIDE = 280; // of the pad, in its own units
  const BLIND = "This browser answers with noise when a page reads its own drawing, so the models cannot see it: " +
    "allow this page to read canvases (\u201cextract canvas data\u201d), and draw again.";
  const STEP = 14; // of the pen moved by keys
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  Live.Pad = class {
    // Calls changed(image, finished) with 784 grey values, or null for a blank pad. `style()` says how to render.
    constructor({ style, changed }) {
      this.style = style;
      this.changed = changed;
      this.strokes = [];
      this.pen = { at: [SIDE / 2, SIDE / 4], down: false, shown: false };
      this.canvas = make("canvas", {
        class: "live-pad", width: SIDE, height: SIDE, tabindex: 0, role: "application",
        "aria-label": "Drawing pad", "aria-describedby": "live-pad-hint",
      });
      this.seen = make("canvas", { class: "live-seen", role: "img", "aria-label": "What the models see" });
      this.said = make("p", { class: "live-said", role: "status" });
      this.element = make("div", { class: "live-pad-box" },
        this.canvas,
        make("div", { class: "live-pad-side" },
          make("div", {}, this.seen, make("p", { class: "live-quiet", text: "What the models see: 28 \u00d7 28 pixels" })),
          make("div", { class: "live-buttons" },
            make("button", { type: "button", text: "Undo", onclick: () => this.undo() }),
            make("button", { type: "button", text: "Clear", onclick: () => this.clear() }))),
        this.said);
      this.listen();
      this.repaint(true);
    }

    listen() {
      const { canvas } = this;
      const place = event => {
        const box = canvas.getBoundingClientRect();
        return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
      };
      let drawing = false;
      canvas.addEventListener("pointerdown", event => {
        canvas.setPointerCapture(event.pointerId);
        drawing = true;
        this.pen.shown = this.pen.down = false;
        this.begin(place(event));
      });
      canvas.addEventListener("pointermove", event => {
        if (drawing) this.extend(place(event), false);
      });
      for (const end of ["pointerup", "pointercancel"]) {
        canvas.addEventListener(end, () => {
          if (drawing) this.repaint(true);
          drawing = false;
        });
      }
      canvas.addEventListener("keydown", event => this.key(event));
      canvas.addEventListener("focus", () => this.showPen(canvas.matches(":focus-visible")));
      canvas.addEventListener("blur", () => this.showPen(false));
    }

    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const arrow = ARROWS[event.key], { pen } = this;
      if (arrow) {
        pen.at = pen.at.map((value, d) => Math.min(Math.max(value + STEP * arrow[d], 0), SIDE));
        pen.shown = true;
        if (pen.down) this.extend(pen.at, true);
        else this.repaint(false);
      } else if (event.key === " " || event.key === "Enter") {
        pen.down = !pen.down;
        pen.shown = true;
        if (pen.down) this.begin(pen.at);
        this.say(pen.down ? "The pen is down: arrow keys draw." : "The pen is up: arrow keys move it.");
      } else if (event.key === "Escape" || event.key === "Delete" || event.key === "Backspace") {
        this.clear();
      } else {
        return;
      }
      event.preventDefault();
    }

    showPen(shown) {
      this.pen.shown = shown;
      this.pen.down = false;
      this.repaint(false);
    }

    begin(place) {
      this.strokes.push([place]);
      this.say("");
      this.repaint(false);
    }

    extend(place, finished) {
      this.strokes[this.strokes.length - 1].push(place);
      this.repaint(finished);
    }

    undo() {
      if (!this.strokes.length) return this.say("There is nothing to undo: the pad is blank.");
      this.strokes.pop();
      this.pen.down = false;
      this.repaint(true);
    }

    clear() {
      this.strokes = [];
      this.pen.down = false;
      this.say("");
      this.repaint(true);
    }

    say(text) { this.said.textContent = text; }

    // Draws the pad in the next frame and hands on what is on it.
    repaint(finished) {
      this.finished = this.finished || finished;
      if (this.waiting) return;
      this.waiting = true;
      requestAnimationFrame(() => {
        this.waiting = false;
        this.paint();
        const blind = this.strokes.length > 0 && !Live.seesItsCanvases();
        if (blind) this.say(BLIND);
        const image = blind ? null : Live.imageOf(this.strokes, this.style());
        Live.paint(this.seen, [image || new Float32Array(784)]);
        this.changed(image, this.finished);
        this.finished = false;
      });
    }

    paint() {
      const context = this.canvas.getContext("2d");
      context.fillStyle = "black";
      context.fillRect(0, 0, SIDE, SIDE);
      context.lineCap = context.lineJoin = "round";
      context.lineWidth = 20;
      context.strokeStyle = "white";
      context.fillStyle = Live.FABRIC;
      for (const stroke of this.strokes) {
        context.beginPath();
        context.moveTo(...stroke[0]);
        for (const place of stroke) context.lineTo(...place);
        if (this.style().filled && stroke.length > 2) context.fill();
        context.stroke();
      }
      if (!this.strokes.length && !this.pen.shown) this.invite(context);
      if (this.pen.shown) {
        context.beginPath();
        context.arc(...this.pen.at, 9, 0, 2 * Math.PI);
        context.lineWidth = 3;
        context.strokeStyle = this.pen.down ? "#ffa90e" : "#92dadd";
        context.stroke();
      }
    }

    invite(context) {
      context.fillStyle = "rgb(190, 190, 190)";
      context.font = "16px system-ui, sans-serif";
      context.textAlign = "center";
      context.fillText(`Draw a ${this.style().thing} here`, SIDE / 2, SIDE / 2);
    }
  };
})();
