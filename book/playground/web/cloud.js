// Data in the plane: the points, what draws from the prior are decoded to, and the pseudo-inputs, which can be dragged.
window.Playground = window.Playground || {};

(function () {
  "use strict";

  const REACH = 2.8;
  const NEAR = 28; // pixels within which a pointer takes hold of a pseudo-input

  Playground.Cloud = class extends Playground.View {
    constructor(canvas) {
      super(canvas);
      this.limits = [[-REACH, REACH], [-REACH, REACH]];
    }

    draw({ training, layers, point, chosen }, colours) {
      if (!this.prepare()) return;
      const { now, model, data } = training;
      this.dots(data.points, Math.max(1.5, this.size / 220), data.labels, colours.groups);
      if (layers.draws) this.samples(now.samples, model.decode(Float64Array.from(now.samples.flatMap(({ z }) => z))), colours);
      const { pseudo } = model.prior;
      if (pseudo && layers.components) this.crosses(pseudo, model.prior.count > 100 ? 2 : 4, colours.component, model.prior.count > 100 ? null : colours.paper);
      if (chosen !== null) this.ring(pseudo.subarray(2 * chosen, 2 * chosen + 2), 8, colours);
      if (point) this.ring(model.decode(Float64Array.from(point)).subarray(0, 2), 7, colours);
      this.corners(colours);
    }

    // The pseudo-input under a place on the canvas, or null.
    hit({ pseudo, count }, place) {
      let found = null, nearest = NEAR;
      for (let k = 0; k < count; k++) {
        const [x, y] = this.toPage(pseudo[2 * k], pseudo[2 * k + 1]), away = Math.hypot(x - place[0], y - place[1]);
        if (away < nearest) [found, nearest] = [k, away];
      }
      return found;
    }

    // Moves a pseudo-input by so many pixels; returns those that it could not use yet.
    move({ pseudo }, k, [right, down]) {
      const scale = (2 * REACH) / this.size;
      [right * scale, -down * scale].forEach((by, d) => {
        pseudo[2 * k + d] = Math.min(Math.max(pseudo[2 * k + d] + by, -REACH), REACH);
      });
      return [0, 0];
    }

    get arrow() { return this.size / 40; } // pixels that an arrow key moves it by
  };
})();
