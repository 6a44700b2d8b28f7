"""Latents that data may come from: decoded once for all data points, each of which keeps those that explain it best."""

import keras
import numpy as np
from keras import ops

from vamp_core.density.priors import MixturePrior, StandardNormal
from vamp_core.evaluation.decoded import log_prob_of_all

BANK = 4000  # draws from the prior
KEPT = 300  # latents that a data point keeps
LATENTS_AT_A_TIME = 1000
DATA_AT_A_TIME = 500


class LogConditional(keras.Model):
    """log p(x | z) of all data points at all latents, and log p(z): (B, ...) and (G, D) → (G, B) and (G,).

    A model, because Keras compiles what `predict_on_batch` runs.
    """

    def __init__(self, model):
        super().__init__(autocast=False)
        self.model, self.built = model, True

    def call(self, inputs):
        x, z = inputs
        return log_prob_of_all(self.model.likelihood, x, self.model.decoder(z)), self.model.log_prior(z)


class Bank:
    """Draws from a model's prior, and the posterior means of the data that are handed in.

    Args:
        model: a `VAE` or `HVAE`.
        data: (N, *data_shape), or None.
        seed: of the draws.

    Attributes:
        z: the latents, (M, D).
        log_prior: log p(z), (M,) nats, once `best` has run.
    """

    def __init__(self, model, data, seed):
        self.model = model
        self.z = prior_draws(model, BANK, np.random.default_rng(seed))
        if data is not None:
            self.z = np.concatenate([self.z, model.encode(data)[0]])

    def best(self, x):
        """The latents under which each data point is most probable, best first.

        As draws from the prior they stand for equal shares of it, so that p(x | z) is what counts.

        Args:
            x: (B, *data_shape).

        Returns:
            Rows of `z`, (B, K) integers, and log p(x | z) there, (B, K) nats.
        """
        compiled = LogConditional(self.model)
        kept = min(KEPT, len(self.z))
        index, log_px = np.zeros((len(x), 0), int), np.zeros((len(x), 0), "float32")
        log_prior = []
        for first in range(0, len(self.z), LATENTS_AT_A_TIME):
            # All calls have one size, lest each be compiled anew; what the last has too many is left out.
            rows = np.arange(first, min(first + LATENTS_AT_A_TIME, len(self.z)))
            z = self.z[np.resize(rows, LATENTS_AT_A_TIME)]
            parts = []
            for start in range(0, len(x), DATA_AT_A_TIME):
                points = np.minimum(np.arange(start, start + DATA_AT_A_TIME), len(x) - 1)
                of_all, of_prior = compiled.predict_on_batch((x[points], z))
                parts.append(of_all[: len(rows), : len(x) - start].T)
            log_prior.append(of_prior[: len(rows)])
            log_px = np.concatenate([log_px, np.concatenate(parts)], axis=1)
            index = np.concatenate([index, np.tile(rows, (len(x), 1))], axis=1)
            order = np.argsort(-log_px, axis=1, kind="stable")[:, :kept]
            log_px, index = (np.take_along_axis(each, order, axis=1) for each in (log_px, index))
        self.log_prior = np.concatenate(log_prior)
        return index, log_px


def prior_draws(model, n, rng):
    """z ~ p(z) of all latents, (n, D) float32, from NumPy's noise, which is the same on all backends.

    A prior that is not one of `vamp_core` draws by its own means.

    Args:
        model: a `VAE` or `HVAE`.
        n: number of draws.
        rng: a `numpy.random.Generator`.
    """
    prior = model.prior
    z = rng.standard_normal((n, prior.latent_dim))
    if isinstance(prior, MixturePrior):
        with prior.fixed():
            means, logvars = (ops.convert_to_numpy(part) for part in prior.components())
        component = rng.integers(len(means), size=n)
        z = means[component] + np.exp(0.5 * logvars[component]) * z
    elif not isinstance(prior, StandardNormal):
        z = ops.convert_to_numpy(prior.sample(n, int(rng.integers(2**31))))
    z = z.astype("float32")
    if model.levels == 1:
        return z
    mean, logvar = (ops.convert_to_numpy(part) for part in model.conditional_prior(ops.convert_to_tensor(z)))
    lower = mean + np.exp(0.5 * logvar) * rng.standard_normal(mean.shape)
    return np.concatenate([z, lower], axis=1).astype("float32")
