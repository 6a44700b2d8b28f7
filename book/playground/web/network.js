// Dense layers one after the other, relu between them, with gradients by backpropagation.
window.Playground = window.Playground || {};

(function () {
  "use strict";

  const { addProduct } = Playground;

  Playground.Network = class {
    // sizes: [inputs, hidden ..., outputs]. The last layer holds `heads` equal ones side by side (mean and log-variance).
    // Weights start as in Keras: uniform with the variance of Glorot and Bengio 2010, biases at zero.
    constructor(sizes, random, heads = 1) {
      this.sizes = sizes;
      const count = sizes.slice(1).reduce((sum, outputs, l) => sum + (sizes[l] + 1) * outputs, 0);
      this.values = new Float64Array(count);
      this.gradients = new Float64Array(count);
      let at = 0;
      this.layers = sizes.slice(1).map((outputs, l) => {
        const inputs = sizes[l], kernel = at, bias = at + inputs * outputs;
        at = bias + outputs;
        const limit = Math.sqrt(6 / (inputs + outputs / (l === sizes.length - 2 ? heads : 1)));
        for (let i = kernel; i < bias; i++) this.values[i] = limit * (2 * random.uniform() - 1);
        const both = array => ({ kernel: array.subarray(kernel, bias), bias: array.subarray(bias, at) });
        return { inputs, outputs, ...both(this.values), gradients: both(this.gradients) };
      });
      this.room = 0;
    }

    // Arrays for so many rows; `reached[l]` is what goes into layer l, `pulled[l]` the loss's gradient there.
    makeRoom(rows) {
      if (rows <= this.room) return;
      this.room = rows;
      this.reached = this.sizes.map(size => new Float64Array(rows * size));
      this.pulled = this.sizes.map(size => new Float64Array(rows * size));
    }

    // The array that inputs are to be written to, row by row.
    inputsFor(rows) {
      this.makeRoom(rows);
      return this.reached[0];
    }

    // Outputs for what has been written to `inputsFor(rows)`: rows of the last size, valid until the next call.
    forward(rows) {
      this.layers.forEach(({ inputs, outputs, kernel, bias }, l) => {
        const from = this.reached[l], to = this.reached[l + 1], end = rows * outputs;
        for (let at = 0; at < end; at += outputs) to.set(bias, at);
        addProduct(rows, outputs, inputs, from, inputs, 1, kernel, outputs, 1, to, outputs);
        if (l < this.layers.length - 1) for (let i = 0; i < end; i++) if (to[i] < 0) to[i] = 0;
      });
      return this.reached[this.layers.length];
    }

    // From the loss's gradient by the outputs to `gradients`; returns that by the inputs, if wanted.
    backward(rows, byOutputs, inputsWanted) {
      this.gradients.fill(0);
      let pull = byOutputs;
      for (let l = this.layers.length - 1; l >= 0; l--) {
        const { inputs, outputs, kernel, gradients } = this.layers[l], from = this.reached[l];
        addProduct(inputs, outputs, rows, from, 1, inputs, pull, outputs, 1, gradients.kernel, outputs);
        const { bias } = gradients;
        for (let r = 0, at = 0; r < rows; r++) for (let j = 0; j < outputs; j++, at++) bias[j] += pull[at];
        if (l === 0 && !inputsWanted) return null;
        const next = this.pulled[l], end = rows * inputs;
        next.fill(0, 0, end);
        addProduct(rows, inputs, outputs, pull, outputs, 1, kernel, 1, outputs, next, inputs);
        if (l > 0) for (let i = 0; i < end; i++) if (from[i] <= 0) next[i] = 0;
        pull = next;
      }
      return pull;
    }
  };
})();
