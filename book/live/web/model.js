// A VAE or an HVAE in the page. Latents are pairs, of an HVAE [z2, z1]; images are 784 grey values in [0, 1].
window.Live = window.Live || {};

(function () {
  "use strict";

  const forKL = Live.fixedNoise(128); // where it has no closed form
  const forReconstruction = Live.fixedNoise(16);

  Live.Model = class {
    constructor(entry, plane) {
      this.entry = entry;
      this.heads = y => heads(y, entry.logvarRange);
      this.twoLevels = entry.levels === 2;
      const dim = this.twoLevels ? 1 : 2;
      this.prior = plane.components ? Live.mixturePrior(plane.components, dim) : Live.standardPrior(dim);
      this.closedForm = !this.twoLevels && !plane.components;
    }

    // Both halves are fetched when they are first needed.
    get canDecode() { return Boolean(this.decoder); }
    async wakeGenerator() { Object.assign(this, await Live.load(this.entry, "generator")); }
    async wakeRecogniser() { Object.assign(this, await Live.load(this.entry, "recogniser")); }

    decode(z) { return Live.run(this.decoder, Float32Array.from(z)); }
    decodeMean(z) { return Live.sigmoid(this.decode(z)); }

    // A draw from the model's own prior.
    sample() {
      const z = this.prior.sample();
      return this.twoLevels ? [z[0], Live.drawn(...this.conditional(z), Live.normalPair(Math.random))[0]] : z;
    }

    // log p(z) at places one above the other: they share the first latent.
    logPrior(first, seconds) {
      if (!this.twoLevels) return seconds.map(second => this.prior.logProb([first, second]));
      const upper = this.prior.logProb([first]), lower = this.conditional([first]);
      return seconds.map(second => upper + Live.normalLogProb([second], ...lower));
    }

    // p(z1 | z2) and q(z1 | x, z2), as [mean, logvar].
    conditional(z2) { return this.heads(Live.run(this.conditional_prior, Float32Array.from(z2))); }
    lower(features, z2) {
      const fromZ2 = Live.run(this.lower_z2, Float32Array.from(z2));
      return this.heads(Live.run(this.lower_joined, Float32Array.of(...features, ...fromZ2)));
    }

    // Mean and log-variance of the posterior; of an HVAE's lower level, those at the upper level's mean.
    encode(x) {
      const [mean, logvar] = this.heads(Live.run(this.encoder, x));
      if (!this.twoLevels) return { mean, logvar };
      const features = Live.run(this.features, x);
      const [mean1, logvar1] = this.lower(features, mean);
      return { mean: [mean[0], mean1[0]], logvar: [logvar[0], logvar1[0]], features };
    }

    // One draw from the posterior, and what it contributes to the KL term.
    draw({ mean, logvar, features }, [first, second]) {
      if (!this.twoLevels) {
        const z = Live.drawn(mean, logvar, [first, second]);
        return { z, kl: Live.normalLogProb(z, mean, logvar) - this.prior.logProb(z) };
      }
      const z2 = Live.drawn([mean[0]], logvar, [first]);
      const [mean1, logvar1] = this.lower(features, z2);
      const z1 = Live.drawn(mean1, logvar1, [second]);
      const logQ = Live.normalLogProb(z2, mean, logvar) + Live.normalLogProb(z1, mean1, logvar1);
      const logP = this.prior.logProb(z2) + Live.normalLogProb(z1, ...this.conditional(z2));
      return { z: [z2[0], z1[0]], kl: logQ - logP };
    }

    // Both terms of the negative ELBO of an image, averaged over draws from its posterior.
    costs(x, posterior) {
      const average = (noise, value) =>
        noise.reduce((sum, pair) => sum + value(this.draw(posterior, pair)), 0) / noise.length;
      return {
        reconstruction: average(forReconstruction, ({ z }) => -Live.bernoulliLogProb(x, this.decode(z))),
        kl: this.closedForm ? Live.normalKL(posterior.mean, posterior.logvar) : average(forKL, ({ kl }) => kl),
      };
    }
  };

  // A network's last layer gives the means first, then the log-variances, which are kept within limits.
  function heads(y, [low, high]) {
    const half = y.length / 2;
    return [y.slice(0, half), y.slice(half).map(l => Math.min(Math.max(l, low), high))];
  }
})();
