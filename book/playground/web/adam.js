// Adam as Keras has it (Kingma and Ba 2015, with the bias corrections moved into the rate).
window.Playground = window.Playground || {};

(function () {
  "use strict";

  const FIRST = 0.9, SECOND = 0.999, EPSILON = 1e-7;

  Playground.Adam = class {
    constructor(size) {
      this.steps = 0;
      this.first = new Float64Array(size);
      this.second = new Float64Array(size);
    }

    step(values, gradients, rate) {
      this.steps += 1;
      const { first, second } = this;
      const corrected = rate * Math.sqrt(1 - SECOND ** this.steps) / (1 - FIRST ** this.steps);
      for (let i = 0; i < values.length; i++) {
        const g = gradients[i];
        first[i] += (1 - FIRST) * (g - first[i]);
        second[i] += (1 - SECOND) * (g * g - second[i]);
        values[i] -= corrected * first[i] / (Math.sqrt(second[i]) + EPSILON);
      }
    }
  };
})();
