// Runs a training in the page: as many steps a frame as leave the page awake, none while nobody can see it.
window.Playground = window.Playground || {};

(function () {
  "use strict";

  const FRAME = 14; // milliseconds of a frame that training and drawing may take together
  const LEAST = 4; // milliseconds of training, however long drawing takes
  const AT_ONCE = 200; // steps between two pictures for readers who prefer no motion

  Playground.Runner = class {
    // advance() takes a step and says whether to go on; draw() shows where things stand; stopped() is told when it ends.
    constructor(element, { advance, draw, stopped, rested }) {
      Object.assign(this, { advance, draw, stopped, rested });
      this.running = false;
      this.seen = true;
      this.drawing = 2; // milliseconds, a running mean
      this.still = window.matchMedia("(prefers-reduced-motion: reduce)");
      new IntersectionObserver(entries => {
        this.seen = entries[entries.length - 1].isIntersecting;
        this.wake();
      }).observe(element);
      document.addEventListener("visibilitychange", () => {
        if (document.hidden) this.slept = this.running;
        else if (this.slept) this.rested();
        this.wake();
      });
    }

    start() {
      this.running = true;
      this.left = this.still.matches ? AT_ONCE : Infinity;
      this.wake();
    }

    stop() {
      this.running = false;
      this.stopped();
    }

    // Asks for the next frame, if there is anything to do and anybody to see it.
    wake() {
      if (this.waiting || !this.running || !this.seen || document.hidden) return;
      this.waiting = true;
      requestAnimationFrame(() => {
        this.waiting = false;
        if (this.running) this.frame();
      });
    }

    frame() {
      const end = performance.now() + Math.max(FRAME - this.drawing, LEAST);
      let more = true;
      while (more && this.left > 0 && performance.now() < end) {
        more = this.advance();
        this.left -= 1;
      }
      const over = !more || this.left <= 0;
      if (over || !this.still.matches) this.timedDraw();
      if (over) this.stop();
      else this.wake();
    }

    timedDraw() {
      const start = performance.now();
      this.draw();
      this.drawing += 0.2 * (performance.now() - start - this.drawing);
    }
  };
})();
