// What the curves and the page's numbers are: all in nats, with the formulas of the book's page on notation.
window.Playground = window.Playground || {};

(function () {
  "use strict";

  const LOG_2PI = Math.log(2 * Math.PI);
  const DRAWS = 300; // from the prior, to look for holes
  const HOLE = 2; // nats by which the prior is denser than the codes are
  const ACTIVE = 0.01; // of the prior's variance
  const SIDE = 120, REACH = 5; // of the grid of an integral over the plane: points, and standard deviations
  const IMPORTANCE_SAMPLES = 100, SCORED = 50; // draws a data point, and data points

  const noiseFor = {};
  const fixedNoise = count => (noiseFor[count] = noiseFor[count] || Float64Array.from(Live.fixedNoise(count).flat()));

  // The prior's draws, as numbers that stay the same while the prior moves: a component and noise each.
  const random = new Playground.Random(7);
  let draws = [];
  Playground.drawAnew = function () {
    draws = Array.from({ length: DRAWS }, (_, n) => [(n + random.uniform()) / DRAWS, [random.normal(), random.normal()]]);
  };
  Playground.drawAnew();

  // z = mean + standard deviation * noise: (rows, 2).
  const drawn = ({ means, logvars }, noise) => means.map((mean, i) => mean + Math.exp(0.5 * logvars[i]) * noise[i]);

  // log q(z | x) of row r.
  function logPosterior({ means, logvars }, r, x, y) {
    const dx = x - means[2 * r], dy = y - means[2 * r + 1];
    const squares = dx * dx * Math.exp(-logvars[2 * r]) + dy * dy * Math.exp(-logvars[2 * r + 1]);
    return -LOG_2PI - 0.5 * (logvars[2 * r] + logvars[2 * r + 1] + squares);
  }

  // One draw for each data point, and as many places as the prior gives, against the aggregate posterior.
  // KL = information + misfit, the two parts of Hoffman and Johnson 2016, as in vamp_core's `kl_split`.
  Playground.measure = function (model, data) {
    const { count, points, size } = data, { mixture } = model.prior;
    const posterior = model.encode(points, count), z = drawn(posterior, fixedNoise(count));
    const aggregate = new Playground.Mixture(posterior.means, posterior.logvars);
    let reconstruction = 0, information = 0, misfit = 0;
    const output = model.decode(z, count), usage = new Float64Array(mixture.count);
    for (let n = 0; n < count; n++) {
      const x = z[2 * n], y = z[2 * n + 1], logQ = aggregate.logProb(x, y), logP = mixture.logProb(x, y);
      reconstruction += model.likelihood.logProb(size, points, n * size, output, n * size) / count;
      information += (logPosterior(posterior, n, x, y) - logQ) / count;
      misfit += (logQ - logP) / count;
      for (let k = 0; k < usage.length; k++) usage[k] += mixture.terms[k] / mixture.sum / count;
    }
    const samples = draws.map(([uniform, noise]) => {
      const [x, y] = mixture.draw(uniform, noise);
      return { z: [x, y], hole: mixture.logProb(x, y) - aggregate.logProb(x, y) > HOLE };
    });
    return {
      posterior, samples, reconstruction, information, misfit,
      kl: information + misfit,
      elbo: reconstruction - information - misfit,
      holes: samples.filter(({ hole }) => hole).length / DRAWS,
      active: [0, 1].filter(d => variance(posterior.means, d) > ACTIVE * mixtureVariance(mixture, d)).length,
      used: Math.exp(-usage.reduce((sum, share) => sum + (share > 0 ? share * Math.log(share) : 0), 0)),
      scale: Math.sqrt((variance(posterior.means, 0) + variance(posterior.means, 1)) / 2),
    };
  };

  function variance(values, d) {
    let sum = 0, squares = 0;
    for (let i = d; i < values.length; i += 2) {
      sum += values[i];
      squares += values[i] ** 2;
    }
    const count = values.length / 2;
    return Math.max(squares / count - (sum / count) ** 2, 0);
  }

  // Of a latent under a mixture: the mean variance and the variance of the means.
  function mixtureVariance({ means, logvars, count }, d) {
    let within = 0;
    for (let k = 0; k < count; k++) within += Math.exp(logvars[2 * k + d]) / count;
    return within + variance(means, d);
  }

  // The mean log p(x) of some data points, three ways: the ELBO; importance samples from the encoder's posteriors, with their
  // standard error and effective number; and the integral over the plane by a grid, which needs no encoder.
  // Takes its time in slices, so that the page stays awake.
  Playground.likelihoods = async function (model, data, pause = () => new Promise(resume => setTimeout(resume))) {
    const { size, points } = data, scored = Math.min(SCORED, data.count), fresh = new Playground.Random(11);
    const { mixture } = model.prior, stride = Math.floor(data.count / scored);
    const grid = decodedGrid(model, mixture);
    const sums = { elbo: 0, estimate: 0, variance: 0, effective: 0, truth: 0 };
    for (let n = 0; n < scored; n++) {
      const at = n * stride * size, posterior = model.encode(points.subarray(at, at + size), 1);
      const z = new Float64Array(2 * IMPORTANCE_SAMPLES);
      for (let i = 0; i < z.length; i++) z[i] = posterior.means[i & 1] + Math.exp(0.5 * posterior.logvars[i & 1]) * fresh.normal();
      const output = model.decode(z);
      const logWeights = Array.from({ length: IMPORTANCE_SAMPLES }, (_, s) => {
        const x = z[2 * s], y = z[2 * s + 1];
        return model.likelihood.logProb(size, points, at, output, s * size) + mixture.logProb(x, y) - logPosterior(posterior, 0, x, y);
      });
      const total = logSumExp(logWeights), concentration = Math.exp(logSumExp(logWeights.map(w => 2 * w)) - 2 * total);
      sums.elbo += logWeights.reduce((sum, w) => sum + w, 0) / IMPORTANCE_SAMPLES / scored;
      sums.estimate += (total - Math.log(IMPORTANCE_SAMPLES)) / scored;
      sums.variance += Math.max(concentration - 1 / IMPORTANCE_SAMPLES, 0) / scored ** 2;
      sums.effective += 1 / concentration / scored;
      sums.truth += integral(grid, model.likelihood, size, points, at) / scored;
      await pause();
    }
    return { ...sums, error: Math.sqrt(sums.variance), samples: IMPORTANCE_SAMPLES };
  };

  function logSumExp(values) {
    const top = values.reduce((a, b) => Math.max(a, b));
    return top + Math.log(values.reduce((sum, value) => sum + Math.exp(value - top), 0));
  }

  // The decoder's output and log p(z) dz on a grid that holds all but nothing of the prior.
  function decodedGrid(model, mixture) {
    const limits = [0, 1].map(d => {
      let low = Infinity, high = -Infinity;
      for (let k = 0; k < mixture.count; k++) {
        const mean = mixture.means[2 * k + d], reach = REACH * Math.exp(0.5 * mixture.logvars[2 * k + d]);
        low = Math.min(low, mean - reach);
        high = Math.max(high, mean + reach);
      }
      return [low, high];
    });
    const [across, up] = limits.map(([low, high]) => (high - low) / SIDE);
    const z = new Float64Array(2 * SIDE * SIDE), logMass = new Float64Array(SIDE * SIDE);
    for (let i = 0, at = 0; i < SIDE; i++) {
      for (let j = 0; j < SIDE; j++, at++) {
        z[2 * at] = limits[0][0] + (j + 0.5) * across;
        z[2 * at + 1] = limits[1][0] + (i + 0.5) * up;
        logMass[at] = mixture.logProb(z[2 * at], z[2 * at + 1]) + Math.log(across * up);
      }
    }
    return { output: model.decode(z).slice(0, model.size * SIDE * SIDE), logMass };
  }

  function integral({ output, logMass }, likelihood, size, points, at) {
    let top = -Infinity, sum = 0;
    for (let g = 0; g < logMass.length; g++) {
      const log = logMass[g] + likelihood.logProb(size, points, at, output, g * size);
      if (log > top) {
        sum = sum * Math.exp(top - log) + 1;
        top = log;
      } else {
        sum += Math.exp(log - top);
      }
    }
    return top + Math.log(sum);
  }
})();
