// A VAE with two latents: the negative ELBO of a batch and its gradients, as `vamp_core.VAE` has them.
window.Playground = window.Playground || {};

(function () {
  "use strict";

  const LOG_2PI = Math.log(2 * Math.PI);
  const [LOWEST, HIGHEST] = Playground.LOGVAR_RANGE = [-12, 4];
  const bounded = logvar => Math.min(Math.max(logvar, LOWEST), HIGHEST);

  // Beyond an end only a pull that leads back inside counts, as in vamp_core's `bounded`.
  const pullThrough = (raw, pull) => ((raw < LOWEST && pull > 0) || (raw > HIGHEST && pull < 0) ? 0 : pull);

  Playground.Model = class {
    constructor({ size, likelihood, width, depth }, random) {
      const hidden = Array(depth).fill(width);
      this.size = size;
      this.likelihood = likelihood;
      this.encoder = new Playground.Network([size, ...hidden, 4], random, 2);
      this.decoder = new Playground.Network([2, ...hidden, size], random);
      this.usePrior(Playground.PRIORS.standard());
      this.room = 0;
    }

    // Another prior for the same networks.
    usePrior(prior) {
      this.prior = prior;
      this.refreshPrior();
    }

    makeRoom(rows) {
      if (rows <= this.room) return;
      this.room = rows;
      this.z = new Float64Array(2 * rows);
      this.byZ = new Float64Array(2 * rows);
      this.byHeads = new Float64Array(4 * rows);
      this.byOutput = new Float64Array(this.size * rows);
    }

    // Mean and log-variance of the posteriors of x, (rows, size): (rows, 2) each.
    encode(x, rows = x.length / this.size) {
      this.encoder.inputsFor(rows).set(x);
      const heads = this.encoder.forward(rows);
      const means = new Float64Array(2 * rows), logvars = new Float64Array(2 * rows);
      spread(heads, 0, rows, means, logvars);
      return { means, logvars };
    }

    // The decoder's output for latents (rows, 2): (rows, size), valid until the next call.
    decode(z, rows = z.length / 2) {
      this.decoder.inputsFor(rows).set(z);
      return this.decoder.forward(rows);
    }

    // Brings the components of a VampPrior up to date with encoder and pseudo-inputs.
    refreshPrior() {
      const { prior } = this;
      if (!prior.pseudo) return prior.mixture.refresh();
      this.encoder.inputsFor(prior.count).set(prior.pseudo);
      spread(this.encoder.forward(prior.count), 0, prior.count, prior.mixture.means, prior.mixture.logvars);
      prior.mixture.refresh();
    }

    // The mean loss of x, (rows, size), at one sample each, from noise (rows, 2); leaves all gradients in place.
    lossAndGradients(x, rows, noise, beta) {
      const { size, encoder, decoder, prior, likelihood } = this;
      const extra = prior.pseudoCount, all = rows + extra;
      this.makeRoom(all);
      const { z, byZ, byHeads, byOutput } = this;

      const inputs = encoder.inputsFor(all);
      inputs.set(x.length === rows * size ? x : x.subarray(0, rows * size));
      if (extra) inputs.set(prior.pseudo, rows * size);
      const heads = encoder.forward(all);
      if (extra) {
        spread(heads, rows, extra, prior.mixture.means, prior.mixture.logvars);
        prior.mixture.refresh();
      }

      let logQ = -rows * LOG_2PI;
      for (let r = 0; r < rows; r++) {
        for (let d = 0; d < 2; d++) {
          const logvar = bounded(heads[4 * r + 2 + d]), e = noise[2 * r + d];
          z[2 * r + d] = heads[4 * r + d] + Math.exp(0.5 * logvar) * e;
          logQ -= 0.5 * (logvar + e * e);
        }
      }

      decoder.inputsFor(rows).set(z.subarray(0, 2 * rows));
      const output = decoder.forward(rows);
      let reconstruction = 0;
      for (let at = 0; at < rows * size; at += size) {
        reconstruction += likelihood.logProb(size, x, at, output, at, -1 / rows, byOutput);
      }
      byZ.set(decoder.backward(rows, byOutput, true).subarray(0, 2 * rows));

      prior.byMeans.fill(0);
      prior.byLogvars.fill(0);
      const logP = prior.mixture.logProbAndGradients(rows, z, -beta / rows, byZ, prior.byMeans, prior.byLogvars);

      for (let r = 0; r < rows; r++) {
        for (let d = 0; d < 2; d++) {
          const raw = heads[4 * r + 2 + d], pull = byZ[2 * r + d];
          byHeads[4 * r + d] = pull;
          const byLogvar = 0.5 * (pull * Math.exp(0.5 * bounded(raw)) * noise[2 * r + d] - beta / rows);
          byHeads[4 * r + 2 + d] = pullThrough(raw, byLogvar);
        }
      }
      for (let k = 0; k < extra; k++) {
        for (let d = 0; d < 2; d++) {
          const at = 4 * (rows + k) + d;
          byHeads[at] = prior.byMeans[2 * k + d];
          byHeads[at + 2] = pullThrough(heads[at + 2], prior.byLogvars[2 * k + d]);
        }
      }
      const byInputs = encoder.backward(all, byHeads, extra > 0 && prior.values.length > 0);
      prior.collect(byInputs && byInputs.subarray(rows * size, all * size));

      const kl = logQ - logP;
      return { loss: (beta * kl - reconstruction) / rows, reconstruction: reconstruction / rows, kl: kl / rows };
    }
  };

  // The encoder's outputs in two arrays: [mean, mean, logvar, logvar] a row, from row `first` on.
  function spread(heads, first, rows, means, logvars) {
    for (let r = 0; r < rows; r++) {
      const at = 4 * (first + r);
      means[2 * r] = heads[at];
      means[2 * r + 1] = heads[at + 1];
      logvars[2 * r] = bounded(heads[at + 2]);
      logvars[2 * r + 1] = bounded(heads[at + 3]);
    }
  }
})();
