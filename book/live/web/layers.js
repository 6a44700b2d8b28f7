// The layers of the networks, on plain arrays: images are Float32Arrays in the order height, width, channels.
window.Live = window.Live || {};

(function () {
  "use strict";

  const activations = {
    linear: x => x,
    relu: x => (x > 0 ? x : 0),
    swish: x => x / (1 + Math.exp(-x)),
  };

  function dense(layer, x) {
    const { outputs, kernel, bias } = layer;
    const y = bias.slice();
    for (let i = 0; i < x.length; i++) {
      const value = x[i];
      if (value === 0) continue; // after a relu, half of them are
      for (let j = 0, k = i * outputs; j < outputs; j++, k++) y[j] += value * kernel[k];
    }
    return y;
  }

  // Every output pixel collects from the inputs under the kernel.
  function convolution(layer, x) {
    const { input: [height, width, depth], output: [rows, columns, filters], kernel: weights, bias } = layer;
    const { size, stride } = layer;
    const before = n => Math.max((Math.ceil(n / stride) - 1) * stride + size - n, 0) >> 1;
    const top = before(height), left = before(width);
    const y = new Float32Array(rows * columns * filters);
    for (let row = 0, to = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++, to += filters) {
        y.set(bias, to);
        for (let a = 0; a < size; a++) {
          const i = row * stride + a - top;
          if (i < 0 || i >= height) continue;
          for (let b = 0; b < size; b++) {
            const j = column * stride + b - left;
            if (j < 0 || j >= width) continue;
            accumulate(y, to, x, (i * width + j) * depth, weights, (a * size + b) * depth * filters, depth, filters);
          }
        }
      }
    }
    return y;
  }

  // Every input pixel spreads over the outputs under the kernel.
  function transposed(layer, x) {
    const { input: [height, width, depth], output: [rows, columns, filters], kernel: weights, bias } = layer;
    const { size, stride } = layer;
    const before = Math.max(size - stride, 0) >> 1;
    const y = new Float32Array(rows * columns * filters);
    for (let to = 0; to < y.length; to += filters) y.set(bias, to);
    for (let row = 0, from = 0; row < height; row++) {
      for (let column = 0; column < width; column++, from += depth) {
        for (let a = 0; a < size; a++) {
          const i = row * stride + a - before;
          if (i < 0 || i >= rows) continue;
          for (let b = 0; b < size; b++) {
            const j = column * stride + b - before;
            if (j < 0 || j >= columns) continue;
            accumulate(y, (i * columns + j) * filters, x, from, weights, (a * size + b) * depth * filters, depth, filters);
          }
        }
      }
    }
    return y;
  }

  // One pixel's `depth` inputs times a (depth, filters) matrix, added to one pixel's `filters` outputs.
  function accumulate(y, to, x, from, weights, at, depth, filters) {
    for (let c = 0; c < depth; c++, at += filters) {
      const value = x[from + c];
      if (value === 0) continue;
      for (let f = 0; f < filters; f++) y[to + f] += value * weights[at + f];
    }
  }

  const kinds = { dense, convolution, transposed };

  // Runs x through a list of layers, one after the other.
  Live.run = function (network, x) {
    for (const layer of network) {
      x = kinds[layer.kind](layer, x);
      const activation = activations[layer.activation];
      if (layer.activation !== "linear") for (let i = 0; i < x.length; i++) x[i] = activation(x[i]);
    }
    return x;
  };
})();
