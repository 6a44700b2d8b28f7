// The four priors, each a mixture of normals; they differ in where its components come from.
window.Playground = window.Playground || {};

(function () {
  "use strict";

  // values: what is trained; pseudo: rows that go through the encoder with every batch.
  class Prior {
    constructor(count, { values = new Float64Array(0), pseudo = null } = {}) {
      Object.assign(this, { values, pseudo });
      this.gradients = new Float64Array(values.length);
      this.byMeans = new Float64Array(2 * count);
      this.byLogvars = new Float64Array(2 * count);
      this.mixture = new Playground.Mixture(new Float64Array(2 * count), new Float64Array(2 * count));
    }

    get count() { return this.mixture.count; }
    get pseudoCount() { return this.pseudo ? this.count : 0; }
    collect() {} // gradients, after those by the components are there
    constrain() {} // values, after a step
  }

  class Standard extends Prior {
    constructor() { super(1); }
  }

  // Free means and log-variances: the means start as draws from N(0, I), the variances at one.
  class MixtureOfGaussians extends Prior {
    constructor(count, random) {
      const values = new Float64Array(4 * count);
      for (let i = 0; i < 2 * count; i++) values[i] = random.normal();
      super(count, { values });
      this.mixture = new Playground.Mixture(values.subarray(0, 2 * count), values.subarray(2 * count));
    }

    collect() {
      this.gradients.set(this.byMeans);
      this.gradients.set(this.byLogvars, this.byMeans.length);
    }

    constrain() { this.mixture.refresh(); }
  }

  // The encoder's posteriors at pseudo-inputs, which start at data points chosen at random (Tomczak and Welling 2018).
  class VampPrior extends Prior {
    constructor(count, random, data, trained) {
      const pseudo = new Float64Array(count * data.size);
      random.order(data.count).slice(0, count).forEach((n, k) => {
        pseudo.set(data.points.subarray(n * data.size, (n + 1) * data.size), k * data.size);
      });
      super(count, trained ? { values: pseudo, pseudo } : { pseudo });
      this.range = data.range;
    }

    // `byPseudo` is the loss's gradient by the pseudo-inputs.
    collect(byPseudo) {
      if (this.values.length) this.gradients.set(byPseudo);
    }

    // Onto the range of the data, as vamp_core's WithinRange does.
    constrain() {
      if (!this.range) return;
      const [low, high] = this.range;
      for (let i = 0; i < this.values.length; i++) this.values[i] = Math.min(Math.max(this.values[i], low), high);
    }
  }

  Playground.PRIORS = {
    standard: () => new Standard(),
    mixture: (count, random) => new MixtureOfGaussians(count, random),
    vamp: (count, random, data) => new VampPrior(count, random, data, true),
    fixed: (count, random, data) => new VampPrior(count, random, data, false),
  };
})();
