// Densities and costs, all in nats: natural logarithms, as everywhere in the book.
window.Live = window.Live || {};

(function () {
  "use strict";

  const LOG_2PI = Math.log(2 * Math.PI);

  // log N(x | mean, exp(logvar)), summed over latents.
  Live.normalLogProb = function (x, mean, logvar) {
    let sum = 0;
    for (let d = 0; d < x.length; d++) {
      sum -= 0.5 * (LOG_2PI + logvar[d] + (x[d] - mean[d]) ** 2 * Math.exp(-logvar[d]));
    }
    return sum;
  };

  // KL( N(mean, exp(logvar)) || N(0, I) ) in closed form.
  Live.normalKL = function (mean, logvar) {
    let sum = 0;
    for (let d = 0; d < mean.length; d++) sum += 0.5 * (mean[d] ** 2 + Math.exp(logvar[d]) - 1 - logvar[d]);
    return sum;
  };

  // log p(x | z) of grey values in [0, 1], scored as if they were probabilities of ink.
  Live.bernoulliLogProb = function (x, logits) {
    let sum = 0;
    for (let i = 0; i < x.length; i++) {
      sum += x[i] * logits[i] - Math.max(logits[i], 0) - Math.log1p(Math.exp(-Math.abs(logits[i])));
    }
    return sum;
  };

  Live.sigmoid = logits => Float32Array.from(logits, l => 1 / (1 + Math.exp(-l)));

  // Two standard normal numbers from two uniform ones (Box and Muller).
  Live.normalPair = function (uniform) {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform())), angle = 2 * Math.PI * uniform();
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  };

  // Uniform numbers in (0, 1), always the same for a seed (Park and Miller 1988).
  Live.uniforms = function (seed) {
    let state = seed;
    return () => (state = (state * 48271) % 2147483647) / 2147483647;
  };

  // The noise of an estimate, pairs of normal numbers: always the same, so that the same drawing always costs the same.
  // It is balanced: every pair comes with its opposite, and the variance is exactly one.
  Live.fixedNoise = function (count) {
    const uniform = Live.uniforms(1);
    const half = Array.from({ length: count / 2 }, () => Live.normalPair(uniform));
    const size = [0, 1].map(d => Math.sqrt(half.reduce((sum, pair) => sum + pair[d] ** 2, 0) / half.length));
    return [1, -1].flatMap(sign => half.map(pair => pair.map((value, d) => (sign * value) / size[d])));
  };

  // A standard normal prior over `dim` latents.
  Live.standardPrior = dim => ({
    logProb: z => Live.normalLogProb(z, new Float32Array(dim), new Float32Array(dim)),
    sample: () => Live.normalPair(Math.random).slice(0, dim),
  });

  // A mixture of normals with equal weights, from the packed components of a VampPrior.
  Live.mixturePrior = function (packed, dim) {
    const allMeans = Live.floats(packed.means), allLogvars = Live.floats(packed.logvars);
    const count = allMeans.length / dim;
    const rows = all => Array.from({ length: count }, (_, k) => all.subarray(k * dim, (k + 1) * dim));
    const means = rows(allMeans), logvars = rows(allLogvars);
    return {
      means,
      logvars,
      logProb(z) {
        const logs = means.map((mean, k) => Live.normalLogProb(z, mean, logvars[k]));
        const top = Math.max(...logs);
        return top + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - top), 0) / count);
      },
      sample() {
        const k = Math.floor(Math.random() * count);
        return drawn(means[k], logvars[k], Live.normalPair(Math.random));
      },
    };
  };

  // mean + standard deviation * noise.
  const drawn = (mean, logvar, noise) => Array.from(mean, (m, d) => m + Math.exp(0.5 * logvar[d]) * noise[d]);
  Live.drawn = drawn;
})();
