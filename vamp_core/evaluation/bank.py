"""Latents that data may come from: decoded once for all data points, each of which keeps those that explain it best."""

import keras
import numpy as np
from keras import ops

from vamp_core.density.distributions import LOG_2PI
from vamp_core.density.priors import MixturePrior, StandardNormal
from vamp_core.evaluation.decoded import log_prob_of_all

BANK = 3000  # draws from the prior
# Draws from a normal density of three times its width: a posterior may lie where the prior hardly ever goes.
WIDE, WIDTH = 2000, 3.0
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
    """Draws from a model's prior, wider ones, and the posterior means of the data that are handed in.

    Args:
        model: a `VAE` or `HVAE`.
        data: (N, *data_shape), or None.
        seed: of the draws.

    Attributes:
        z: the latents, (M, D).
        log_prior: log p(z), (M,) nats, once `best` has run.
        spread: standard deviation of each latent under the prior, (D,).
    """

    def __init__(self, model, data, seed):
        self.model, rng = model, np.random.default_rng(seed)
        of_prior = prior_draws(model, BANK, rng)
        self.centre, self.spread = (part.astype("float64") for part in (of_prior.mean(axis=0), of_prior.std(axis=0)))
        wide = self.centre + WIDTH * self.spread * rng.standard_normal((WIDE, of_prior.shape[1]))
        if data is not None:
            of_prior = np.concatenate([of_prior, model.encode(data)[0]])
        self.from_prior, self.z = len(of_prior), np.concatenate([of_prior, wide.astype("float32")])

    def log_expected(self, z, log_prior):
        """log of how many of the bank's latents to expect at z, for a unit of volume: (..., D) and (...) → (...)."""
        square = np.sum(np.square((z - self.centre) / (WIDTH * self.spread)), axis=-1)
        log_wide = -0.5 * (square + z.shape[-1] * LOG_2PI) - np.sum(np.log(WIDTH * self.spread))
        return np.logaddexp(log_prior + np.log(self.from_prior), log_wide + np.log(WIDE))

    def best(self, x):
        """The latents of the largest weight, p(x, z) over the number of them to expect, of each data point.

        Args:
            x: (B, *data_shape).

        Returns:
            Rows of `z`, (B, K) integers, the largest first; log p(x, z) there, (B, K) nats; and the logarithm of the
            sum of all other weights, (B,) nats.
        """
        compiled = LogConditional(self.model)
        kept = min(KEPT, len(self.z))
        index, log_pxz, log_weights = np.zeros((len(x), 0), int), np.zeros((len(x), 0)), np.zeros((len(x), 0))
        log_prior, log_rest = [], np.full(len(x), -np.inf)
        for first in range(0, len(self.z), LATENTS_AT_A_TIME):
            # All calls have one size, lest each be compiled anew; what the last has too many is left out.
            rows = np.arange(first, min(first + LATENTS_AT_A_TIME, len(self.z)))
            z = self.z[np.resize(rows, LATENTS_AT_A_TIME)]
            parts = []
            for start in range(0, len(x), DATA_AT_A_TIME):
                points = np.minimum(np.arange(start, start + DATA_AT_A_TIME), len(x) - 1)
                of_all, of_prior = compiled.predict_on_batch((x[points], z))
                parts.append(of_all[: len(rows), : len(x) - start].T)
            log_prior.append(of_prior[: len(rows)].astype("float64"))
            new = np.concatenate(parts) + log_prior[-1]
            log_pxz = np.concatenate([log_pxz, new], axis=1)
            new = np.nan_to_num(new - self.log_expected(self.z[rows], log_prior[-1]), nan=-np.inf)
            log_weights = np.concatenate([log_weights, new], axis=1)
            index = np.concatenate([index, np.tile(rows, (len(x), 1))], axis=1)
            order = np.argsort(-log_weights, axis=1, kind="stable")
            index, log_pxz, log_weights = (
                np.take_along_axis(each, order, axis=1) for each in (index, log_pxz, log_weights)
            )
            log_rest = np.logaddexp(log_rest, np.logaddexp.reduce(log_weights[:, kept:], axis=1))
            index, log_pxz, log_weights = index[:, :kept], log_pxz[:, :kept], log_weights[:, :kept]
        self.log_prior = np.concatenate(log_prior)
        return index, log_pxz, log_rest


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
