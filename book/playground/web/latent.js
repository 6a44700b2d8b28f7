// The latent plane: the prior's density, the posteriors of the data, the prior's components and draws, and the reader's point.
window.Playground = window.Playground || {};

(function () {
  "use strict";

  const SHOWN = 80; // posteriors whose ellipses are drawn
  const MANY = 20; // components, from which on they are drawn smaller and fainter, lest they hide the codes
  const SMALLEST = 4, STEP = 1.4; // what the axes reach to, and by which factor they grow

  Playground.LatentView = class extends Playground.View {
    constructor(canvas) {
      super(canvas);
      this.reach = SMALLEST;
    }

    // The axes grow with what they show, and shrink only when it has become much smaller.
    fit({ posterior, samples }) {
      const sizes = [...posterior.means].map(Math.abs).sort((a, b) => a - b);
      const drawn = samples.map(({ z }) => Math.max(...z.map(Math.abs))).sort((a, b) => a - b);
      const needed = 1.1 * Math.max(sizes[Math.floor(0.995 * sizes.length)], drawn[Math.floor(0.97 * drawn.length)]);
      while (this.reach < needed && this.reach < 1e6) this.reach *= STEP;
      while (this.reach > SMALLEST && needed < this.reach / STEP ** 2) this.reach /= STEP;
      if (this.reach < SMALLEST * 1.01) this.reach = SMALLEST;
      const end = this.reach < 10 ? Math.round(10 * this.reach) / 10 : Math.round(this.reach);
      this.limits = [[-end, end], [-end, end]];
    }

    draw({ training, layers, point, chosen }, colours) {
      if (!this.prepare()) return;
      const { now, model, data } = training, { mixture } = model.prior;
      this.fit(now);
      const { context, size } = this;
      if (layers.density) context.drawImage(this.density(mixture, now, colours), 0, 0, size, size);
      const rows = Array.from({ length: Math.min(SHOWN, data.count) }, (_, n) => Math.floor((n * data.count) / SHOWN));
      if (layers.codes) {
        this.ellipses(now.posterior, rows, colours.ink, 0.75, 0.35);
        this.dots(now.posterior.means, Math.max(1.5, size / 220), data.labels, colours.groups);
      }
      if (layers.draws) this.samples(now.samples, now.samples.flatMap(({ z }) => z), colours);
      if (layers.components && (mixture.count > 1 || model.prior.pseudo)) {
        this.ellipses(mixture, Array(mixture.count).keys(), colours.component, 1, Math.max(Math.min(0.8, 12 / mixture.count), 0.06));
        this.crosses(mixture.means, mixture.count > MANY ? 2 : 3, colours.component, mixture.count > MANY ? null : colours.paper);
      }
      if (chosen !== null) {
        this.ellipses(mixture, [chosen], colours.accent, 3);
        this.ring(mixture.means.subarray(2 * chosen, 2 * chosen + 2), 8, colours);
      }
      if (point) this.ring(point, 7, colours);
      this.corners(colours);
    }

    // Bands one nat apart, as on the live page; as old as the codes that they are seen with.
    density(mixture, now, colours) {
      const { reach } = this, { ink } = colours, drawn = this.drawn || {};
      if (drawn.now !== now || drawn.reach !== reach || drawn.ink !== ink) {
        this.drawn = { now, reach, ink, picture: this.picture(mixture, ink) };
      }
      return this.drawn.picture;
    }

    // Coarser for many components, since each point asks all of them.
    picture(mixture, ink) {
      const side = mixture.count > 100 ? 28 : 44, grid = new Float32Array(side * side);
      let top = -Infinity;
      const [[left, right], [bottom, high]] = this.limits;
      for (let i = 0, at = 0; i < side; i++) {
        for (let j = 0; j < side; j++, at++) {
          const log = mixture.logProb(left + ((right - left) * j) / (side - 1), bottom + ((high - bottom) * i) / (side - 1));
          grid[at] = log;
          if (log > top) top = log;
        }
      }
      for (let at = 0; at < grid.length; at++) grid[at] -= top;
      return Live.densityPicture(grid, side, 180, 180, ink);
    }
  };
})();
