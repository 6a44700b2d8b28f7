// The latent plane on a canvas: what never moves is drawn once, what moves is drawn over it.
window.Live = window.Live || {};

(function () {
  "use strict";

  const CLOSER = 4; // times
  const FINE = 96; // points along each axis of a density that is computed here

  const ticks = ([low, high], count) => Array.from({ length: count }, (_, k) => low + (k / (count - 1)) * (high - low));
  const median = values => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
  const middle = points => [0, 1].map(d => median(points.map(point => point[d])));

  Live.Plane = class {
    constructor(canvas, palette) {
      this.canvas = canvas;
      this.context = canvas.getContext("2d");
      this.palette = palette;
      this.layers = { images: true, prior: true, components: true };
    }

    // Takes the content of a plane file.
    show(content, classes, prior) {
      const flat = Live.halves(content.points);
      this.points = Array.from({ length: flat.length / 2 }, (_, n) => [flat[2 * n], flat[2 * n + 1]]);
      this.labels = Live.bytes(content.labels);
      const { limits, side, places } = content;
      this.whole = { limits, grid: Live.halves(content.density), side, places };
      this.components = prior.means || [];
      this.names = classes.map(name => (name.length === 1 ? name : "")); // longer ones stand in the legend
      this.lookAtAll();
    }

    lookAtAll() { Object.assign(this, this.whole, { closer: false, still: null }); }

    // Shows the part of the plane around a place, whose density the model computes anew.
    lookCloser([x, y], model) {
      const limits = this.whole.limits.map(([low, high], d) => {
        const half = (high - low) / (2 * CLOSER), centre = Math.min(Math.max([x, y][d], low + half), high - half);
        return [centre - half, centre + half];
      });
      const [across, up] = limits.map(pair => ticks(pair, FINE)), grid = new Float32Array(FINE ** 2);
      const highest = this.highest(model);
      across.forEach((z, column) => {
        model.logPrior(z, up).forEach((log, row) => { grid[row * FINE + column] = log - highest; });
      });
      // From near, the classes' names have room where their points are.
      const places = this.names.map((_, label) => middle(this.points.filter((_, n) => this.labels[n] === label)));
      Object.assign(this, { limits, grid, side: FINE, places, closer: true, still: null });
    }

    // The density where the whole plane's grid has its highest value, so that bands mean the same from near and far.
    highest(model) {
      const { limits, grid, side } = this.whole, at = grid.indexOf(Math.max(...grid));
      const [across, up] = limits.map(pair => ticks(pair, side));
      return model.logPrior(across[at % side], [up[Math.floor(at / side)]])[0];
    }

    // Latents to pixels of the canvas on the page, and back.
    toPage([x, y]) {
      const [[left, right], [bottom, top]] = this.limits, size = this.size;
      return [((x - left) / (right - left)) * size, ((top - y) / (top - bottom)) * size];
    }
    toLatent([x, y]) {
      const [[left, right], [bottom, top]] = this.limits, size = this.size;
      return [left + (x / size) * (right - left), top - (y / size) * (top - bottom)];
    }
    inside(z) {
      return z.map((value, d) => Math.min(Math.max(value, this.limits[d][0]), this.limits[d][1]));
    }
    step(share) { return this.limits.map(([low, high]) => (high - low) * share); }

    // The class of most of the 15 test images nearest to a place, by what the eye sees as near.
    nearestClass(z) {
      const [right, up] = this.step(1);
      const distances = this.points.map((p, n) => [((p[0] - z[0]) / right) ** 2 + ((p[1] - z[1]) / up) ** 2, n]);
      const votes = new Map();
      for (const [, n] of distances.sort((a, b) => a[0] - b[0]).slice(0, 15)) {
        votes.set(this.labels[n], (votes.get(this.labels[n]) || 0) + 1);
      }
      return [...votes].sort((a, b) => b[1] - a[1])[0][0];
    }

    // Forgets what was drawn, after a change of size, theme or layers.
    refresh() { this.still = null; }

    get size() { return this.canvas.clientWidth; }

    // `moving`: {point, pins, samples, posterior}, all but the point optional.
    draw(moving, colours) {
      const scale = window.devicePixelRatio || 1, pixels = Math.round(this.size * scale);
      if (!this.limits || !pixels) return;
      if (this.canvas.width !== pixels || !this.still) {
        this.canvas.width = this.canvas.height = pixels;
        this.still = this.drawStill(pixels, scale, colours);
      }
      const { context } = this;
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, pixels, pixels);
      context.drawImage(this.still, 0, 0);
      context.setTransform(scale, 0, 0, scale, 0, 0);
      Live.drawMarks(context, this, moving, colours);
    }

    drawStill(pixels, scale, colours) {
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = pixels;
      const context = canvas.getContext("2d");
      if (this.layers.prior) {
        context.drawImage(Live.densityPicture(this.grid, this.side, pixels, pixels, colours.ink), 0, 0);
      }
      context.setTransform(scale, 0, 0, scale, 0, 0);
      if (this.layers.components) this.drawComponents(context, colours);
      if (this.layers.images) this.drawImages(context, colours);
      return canvas;
    }

    drawImages(context, colours) {
      const radius = Math.max(1.3, this.size / 280);
      this.points.forEach((point, n) => {
        const [x, y] = this.toPage(point);
        context.fillStyle = this.palette[this.labels[n]];
        context.beginPath();
        context.arc(x, y, radius, 0, 2 * Math.PI);
        context.fill();
      });
      context.font = "600 15px system-ui, sans-serif";
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.lineJoin = "round";
      context.lineWidth = 4;
      this.places.forEach((place, label) => {
        if (!this.names[label]) return;
        context.strokeStyle = colours.paper;
        context.strokeText(this.names[label], ...this.toPage(place));
        context.fillStyle = colours.ink;
        context.fillText(this.names[label], ...this.toPage(place));
      });
    }

    // Crosses; of an HVAE, whose components have no place on the second axis, ticks along the first.
    drawComponents(context, colours) {
      context.strokeStyle = colours.ink;
      context.globalAlpha = 0.55;
      context.lineWidth = 1;
      context.beginPath();
      for (const mean of this.components) {
        const [x, y] = this.toPage([mean[0], mean.length > 1 ? mean[1] : this.limits[1][0]]);
        const arms = mean.length > 1 ? [[-2.5, -2.5, 2.5, 2.5], [-2.5, 2.5, 2.5, -2.5]] : [[0, -9, 0, 0]];
        for (const [a, b, c, d] of arms) {
          context.moveTo(x + a, y + b);
          context.lineTo(x + c, y + d);
        }
      }
      context.stroke();
      context.globalAlpha = 1;
    }
  };
})();
