// A square canvas that shows a part of a plane; and the few marks that all pictures of the playground are made of.
window.Playground = window.Playground || {};

(function () {
  "use strict";

  Playground.View = class {
    constructor(canvas) {
      this.canvas = canvas;
      this.context = canvas.getContext("2d");
      this.limits = [[-1, 1], [-1, 1]];
    }

    get size() { return this.canvas.clientWidth; }

    // Places of the plane to pixels on the page, and back.
    toPage(x, y) {
      const [[left, right], [bottom, top]] = this.limits, { size } = this;
      return [((x - left) / (right - left)) * size, ((top - y) / (top - bottom)) * size];
    }
    toLatent([x, y]) {
      const [[left, right], [bottom, top]] = this.limits, { size } = this;
      return [left + (x / size) * (right - left), top - (y / size) * (top - bottom)];
    }
    inside(z) { return z.map((value, d) => Math.min(Math.max(value, this.limits[d][0]), this.limits[d][1])); }
    step(share) { return this.limits.map(([low, high]) => (high - low) * share); }

    // Clears the canvas and makes it as fine as the screen. False if it is not on the page yet.
    prepare() {
      const scale = Math.min(window.devicePixelRatio || 1, 2), pixels = Math.round(this.size * scale);
      if (!pixels) return false;
      if (this.canvas.width !== pixels) this.canvas.width = this.canvas.height = pixels;
      this.context.setTransform(scale, 0, 0, scale, 0, 0);
      this.context.clearRect(0, 0, this.size, this.size);
      return true;
    }

    // Discs at places (count, 2) in the colour that `colours[labels[n]]` names; one path a colour.
    dots(places, radius, labels, colours) {
      const { context } = this;
      colours.forEach((colour, label) => {
        context.beginPath();
        for (let n = 0; n < labels.length; n++) {
          if (labels[n] !== label) continue;
          const [x, y] = this.toPage(places[2 * n], places[2 * n + 1]);
          context.moveTo(x + radius, y);
          context.arc(x, y, radius, 0, 2 * Math.PI);
        }
        context.fillStyle = colour;
        context.fill();
      });
    }

    // Ellipses of two standard deviations around some of the means.
    ellipses({ means, logvars }, rows, colour, width, alpha) {
      const { context, size } = this, [across, up] = this.step(1).map(span => (2 * size) / span);
      context.beginPath();
      for (const n of rows) {
        const [x, y] = this.toPage(means[2 * n], means[2 * n + 1]);
        const radii = [across * Math.exp(0.5 * logvars[2 * n]), up * Math.exp(0.5 * logvars[2 * n + 1])];
        context.moveTo(x + radii[0], y);
        context.ellipse(x, y, radii[0], radii[1], 0, 0, 2 * Math.PI);
      }
      this.stroke(colour, width, alpha);
    }

    // Slanting crosses at places (count, 2), with a rim of paper if there is any.
    crosses(places, arm, colour, paper) {
      const { context } = this;
      context.beginPath();
      for (let at = 0; at < places.length; at += 2) {
        const [x, y] = this.toPage(places[at], places[at + 1]);
        context.moveTo(x - arm, y - arm);
        context.lineTo(x + arm, y + arm);
        context.moveTo(x - arm, y + arm);
        context.lineTo(x + arm, y - arm);
      }
      if (paper) this.stroke(paper, 4);
      this.stroke(colour, paper ? 2 : 1.25);
    }

    // Draws from the prior: rings; those that fell into holes are filled diamonds.
    samples(samples, places, colours) {
      const { context } = this;
      for (const hole of [false, true]) {
        context.beginPath();
        samples.forEach((sample, n) => {
          if (sample.hole !== hole) return;
          const [x, y] = this.toPage(places[2 * n], places[2 * n + 1]);
          if (!hole) {
            context.moveTo(x + 2.2, y);
            context.arc(x, y, 2.2, 0, 2 * Math.PI);
            return;
          }
          context.moveTo(x, y - 4);
          context.lineTo(x + 4, y);
          context.lineTo(x, y + 4);
          context.lineTo(x - 4, y);
          context.closePath();
        });
        if (!hole) {
          this.stroke(colours.ink, 1, 0.75);
          continue;
        }
        context.fillStyle = colours.misfit;
        context.fill();
      }
    }

    // A ring around one place: that of the reader's hand.
    ring([x, y], radius, colours) {
      const { context } = this;
      context.beginPath();
      context.arc(...this.toPage(x, y), radius, 0, 2 * Math.PI);
      this.stroke(colours.paper, 5);
      this.stroke(colours.accent, 2.5);
    }

    stroke(colour, width, alpha = 1) {
      const { context } = this;
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.globalAlpha = alpha;
      context.stroke();
      context.globalAlpha = 1;
    }

    // What the axes reach to, in the corners.
    corners(colours) {
      const { context, size, limits } = this;
      context.fillStyle = colours.muted;
      context.font = "12px system-ui, sans-serif";
      const texts = limits.map(pair => pair.map(value => Live.number(value, Math.abs(value) < 10 && value % 1 ? 1 : 0)));
      context.textBaseline = "bottom";
      context.textAlign = "left";
      context.fillText(texts[0][0], 5, size - 4);
      context.textAlign = "right";
      context.fillText(texts[0][1], size - 5, size - 4);
      context.textBaseline = "top";
      context.textAlign = "left";
      context.fillText(texts[1][1], 5, 5);
    }
  };

  // A colour half-way to white where the page is dark, so that it stands out there too.
  Playground.onPage = function (hex, dark) {
    if (!dark) return hex;
    const parts = [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
    return `rgb(${parts.map(part => Math.round(part + 0.35 * (255 - part))).join(", ")})`;
  };
})();
