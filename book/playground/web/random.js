// Randomness from a seed, so that a setting trains the same way wherever it is opened.
window.Playground = window.Playground || {};

(function () {
  "use strict";

  Playground.Random = class {
    constructor(seed) {
      this.uniform = Live.uniforms(seed);
      this.spare = [];
    }

    normal() {
      if (!this.spare.length) this.spare = Live.normalPair(this.uniform);
      return this.spare.pop();
    }

    below(count) { return Math.floor(this.uniform() * count); }

    // 0 ... count - 1 in random order.
    order(count) {
      const order = Array.from({ length: count }, (_, n) => n);
      for (let n = count - 1; n > 0; n--) {
        const other = this.below(n + 1);
        [order[n], order[other]] = [order[other], order[n]];
      }
      return order;
    }
  };
})();
