// What the decoder's output means: log p(x | z) in nats, with every constant, and its gradient.
window.Playground = window.Playground || {};

(function () {
  "use strict";

  const LOG_2PI = Math.log(2 * Math.PI);

  // Both take `size` values of x and of the decoder's output at given places and write weight times the gradient to `by`.
  Playground.gaussian = function (stddev) {
    const precision = 1 / stddev ** 2, constant = -0.5 * (LOG_2PI + 2 * Math.log(stddev));
    return {
      stddev,
      range: null,
      logProb(size, x, atX, output, atOutput, weight = 0, by = null) {
        let sum = size * constant;
        for (let i = 0; i < size; i++) {
          const difference = x[atX + i] - output[atOutput + i];
          sum -= 0.5 * precision * difference * difference;
          if (by) by[atOutput + i] = weight * precision * difference;
        }
        return sum;
      },
      mean: output => output,
    };
  };

  // Grey values count as probabilities of ink, as everywhere in the book.
  Playground.bernoulli = {
    range: [0, 1],
    logProb(size, x, atX, logits, atLogits, weight = 0, by = null) {
      let sum = 0;
      for (let i = 0; i < size; i++) {
        const logit = logits[atLogits + i], small = Math.exp(-Math.abs(logit));
        sum += x[atX + i] * logit - Math.max(logit, 0) - Math.log1p(small);
        if (by) by[atLogits + i] = weight * (x[atX + i] - (logit > 0 ? 1 : small) / (1 + small));
      }
      return sum;
    },
    mean: logit => 1 / (1 + Math.exp(-logit)),
  };
})();
