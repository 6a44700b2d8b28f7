// Mixtures of normals over two latents with equal weights: densities, gradients and draws, in nats.
window.Playground = window.Playground || {};

(function () {
  "use strict";

  const LOG_2PI = Math.log(2 * Math.PI);
  const NOTHING = -40; // nats below the greatest term: e^-40 changes no digit of a sum

  // means, logvars: (K, 2) in one row after the other.
  Playground.Mixture = class {
    constructor(means, logvars, count = means.length / 2) {
      Object.assign(this, { means, logvars, count });
      this.precisions = new Float64Array(2 * count);
      this.constants = new Float64Array(count);
      this.terms = new Float64Array(count);
      this.refresh();
    }

    // After means or logvars have changed in place.
    refresh() {
      const { count, logvars, precisions, constants } = this;
      for (let k = 0; k < count; k++) {
        constants[k] = -LOG_2PI - 0.5 * (logvars[2 * k] + logvars[2 * k + 1]) - Math.log(count);
        precisions[2 * k] = Math.exp(-logvars[2 * k]);
        precisions[2 * k + 1] = Math.exp(-logvars[2 * k + 1]);
      }
    }

    // log p(z) at one place; leaves each component's share of it in `terms`, not yet divided by their sum.
    logProb(x, y) {
      const { count, means, precisions, constants, terms } = this;
      let top = -Infinity;
      for (let k = 0, at = 0; k < count; k++, at += 2) {
        const dx = x - means[at], dy = y - means[at + 1];
        const log = constants[k] - 0.5 * (dx * dx * precisions[at] + dy * dy * precisions[at + 1]);
        terms[k] = log;
        if (log > top) top = log;
      }
      let sum = 0;
      for (let k = 0; k < count; k++) {
        const below = terms[k] - top;
        sum += terms[k] = below > NOTHING ? Math.exp(below) : 0;
      }
      this.sum = sum;
      return top + Math.log(sum);
    }

    // log p of `rows` latents, summed. Adds `weight` times its gradients to byZ (rows, 2), byMeans and byLogvars (K, 2).
    logProbAndGradients(rows, z, weight, byZ, byMeans, byLogvars) {
      const { count, means, precisions, terms } = this;
      let total = 0;
      for (let r = 0; r < rows; r++) {
        const x = z[2 * r], y = z[2 * r + 1];
        total += this.logProb(x, y);
        const scale = weight / this.sum;
        let pullX = 0, pullY = 0;
        for (let k = 0, at = 0; k < count; k++, at += 2) {
          if (terms[k] === 0) continue;
          const share = terms[k] * scale, dx = x - means[at], dy = y - means[at + 1];
          const gx = share * dx * precisions[at], gy = share * dy * precisions[at + 1];
          pullX += gx;
          pullY += gy;
          byMeans[at] += gx;
          byMeans[at + 1] += gy;
          byLogvars[at] += 0.5 * (gx * dx - share);
          byLogvars[at + 1] += 0.5 * (gy * dy - share);
        }
        byZ[2 * r] -= pullX;
        byZ[2 * r + 1] -= pullY;
      }
      return total;
    }

    // A draw from uniform and normal numbers that are handed in, so that the same ones follow a moving prior.
    draw(uniform, noise) {
      const at = 2 * Math.min(Math.floor(uniform * this.count), this.count - 1);
      return [0, 1].map(d => this.means[at + d] + Math.exp(0.5 * this.logvars[at + d]) * noise[d]);
    }
  };
})();
