"""Where the posterior's mass is, found without trusting the encoder, for models of few latents.

Incremental mixture importance sampling (Raftery & Bao 2010, Biometrics 66:1162-1173), for many data points at once.
From draws of the prior, the encoder's posterior and wider copies of both, the one of the largest weight is chosen, a
normal density is laid over its neighbourhood and drawn from; and so again. Weights are those of the mixture of all
densities so far (Veach & Guibas 1995; Owen & Zhou 2000): a component that repeats another does no harm.
"""

import keras
import numpy as np
from keras import ops

from vamp_core.evaluation.decoded import log_prob_of_own
from vamp_core.evaluation.mixture import Mixtures

# Most latents for which neighbours among a few thousand draws are near.
FEW_LATENTS = 4

WIDTHS = (1.0, 3.0, 8.0)  # of the encoder's posterior, in its own standard deviations
ROUNDS = 10
DRAWS = 50  # of each component, and as many neighbours give a component its covariance
DATA_AT_A_TIME = 20  # which makes a thousand latents decoded at a time
LOWEST = -1e30  # nats
EVEN = 0.3  # share of the final samples that goes to all components alike


class LogJoint(keras.Model):
    """log p(x, z) and log p(z) of data points at latents of their own: (B, ...) and (B, S, D) → (B, S) each.

    A model, because Keras compiles what `predict_on_batch` runs.
    """

    def __init__(self, model, run_eagerly=False):
        super().__init__(autocast=False)
        self.model, self.run_eagerly, self.built = model, run_eagerly, True

    def call(self, inputs):
        x, z = inputs
        count, dim = z.shape[1:]
        z = ops.reshape(z, (-1, dim))
        log_prior = self.model.log_prior(z)
        log_joint = log_prior + log_prob_of_own(self.model.likelihood, x, self.model.decoder(z), count)
        return ops.reshape(log_joint, (-1, count)), ops.reshape(log_prior, (-1, count))

    def at(self, x, z):
        """(B, ...) and (B, S, D) arrays → (B, S) float64 each."""
        return [part.astype("float64") for part in self.predict_on_batch((x, z.astype("float32")))]


class Search:
    """Finds a proposal for each data point.

    Args:
        log_joint: a `LogJoint`.
        bank: a `Bank` whose `best` has run.
    """

    def __init__(self, log_joint, bank):
        self.log_joint, self.bank = log_joint, bank

    def proposals(self, x, posterior, best, streams):
        """The proposals of `DATA_AT_A_TIME` data points.

        Args:
            x: (B, *data_shape).
            posterior: the encoder's mean and log-variance, (B, D) each.
            best: what `Bank.best` gives for these data points.
            streams: a `numpy.random.Generator` for each.

        Returns:
            `Mixtures`, and the estimates of log p(x) that the search itself gives, (B,) nats.
        """
        points = _Points(x, self.log_joint, self.bank, *best)
        mean, logvar = (part.astype("float64") for part in posterior)
        for width in WIDTHS:
            scales = width * np.exp(0.5 * logvar)[:, :, None] * np.eye(mean.shape[1])
            points.draw(Mixtures(mean[:, None], scales[:, None]), streams)
        for _ in range(ROUNDS):
            points.draw(points.around_the_heaviest(), streams)
        return points.proposals()


class _Points:
    """All latents tried so far, of each data point: z (B, P, D), and of each the logarithm of p(x, z), (B, P).

    Those of the bank whose weight is the least are not among them: together, as `log_rest`, they are what is known of
    that part of the integral where the weights are less than any that was kept.

    Attributes:
        log_banked: log of how many of the bank's latents to expect at z, (B, P).
        log_components: log-densities of all components so far at z, (B, P, K).
    """

    def __init__(self, x, log_joint, bank, index, log_pxz, log_rest):
        self.x, self.log_joint, self.bank, self.log_rest = x, log_joint, bank, log_rest
        self.z, self.log_pxz = bank.z[index].astype("float64"), log_pxz
        self.log_banked = bank.log_expected(self.z, bank.log_prior[index])
        kept = np.nan_to_num(log_pxz - self.log_banked, nan=-np.inf)  # a decoder may give NaN far out
        self.least = np.where(np.isfinite(log_rest), kept.min(axis=1), -np.inf)
        self.mixtures, self.log_components = [], np.empty((*log_pxz.shape, 0))

    def draw(self, component, streams):
        noise = np.stack([stream.standard_normal((DRAWS, self.z.shape[2])) for stream in streams])
        z = component.place(np.zeros(noise.shape[:2], int), noise)
        log_pxz, log_prior = self.log_joint.at(self.x, z)
        seen = [self.log_components, component.log_components(self.z)]
        own = [each.log_components(z) for each in (*self.mixtures, component)]
        self.mixtures.append(component)
        self.log_components = np.concatenate([np.concatenate(seen, axis=2), np.concatenate(own, axis=2)], axis=1)
        self.z = np.concatenate([self.z, z], axis=1)
        self.log_pxz = np.concatenate([self.log_pxz, log_pxz], axis=1)
        self.log_banked = np.concatenate([self.log_banked, self.bank.log_expected(z, log_prior)], axis=1)

    def log_weights(self):
        """log of p(x, z) over the expected number of points at z: sums estimate p(x)."""
        of_components = np.logaddexp.reduce(self.log_components, axis=2) + np.log(DRAWS)
        log_weights = self.log_pxz - np.logaddexp(self.log_banked, of_components)
        return np.nan_to_num(log_weights, nan=LOWEST, neginf=LOWEST)  # a data point of no density at all

    def around_the_heaviest(self):
        """A normal density over the neighbours of each data point's heaviest latent: `Mixtures` of one component."""
        log_weights = self.log_weights()
        heaviest = np.argmax(log_weights, axis=1)[:, None]
        centre = np.take_along_axis(self.z, heaviest[:, :, None], axis=1)
        away = self.z - centre
        near = np.argpartition(np.sum(np.square(away / self.bank.spread), axis=2), DRAWS, axis=1)[:, :DRAWS]
        away = np.take_along_axis(away, near[:, :, None], axis=1)
        weights = np.exp(np.take_along_axis(log_weights - log_weights.max(axis=1, keepdims=True), near, axis=1))
        weights = 0.8 * weights / weights.sum(axis=1, keepdims=True) + 0.2 / DRAWS
        covariances = np.einsum("bn,bni,bnj->bij", weights, away, away)
        # A floor far below any posterior keeps it positive definite where all neighbours lie on a line.
        scales = np.linalg.cholesky(covariances + np.diag(np.square(1e-5 * self.bank.spread)))
        return Mixtures(centre, scales[:, None])

    def proposals(self):
        """All components, weighted by their share of the posterior (a step of EM), and the estimates of log p(x)."""
        log_weights = self.log_weights()
        within = self.log_pxz - self.log_banked >= self.least[:, None]
        estimate = np.logaddexp(np.logaddexp.reduce(np.where(within, log_weights, LOWEST), axis=1), self.log_rest)
        log_total = np.logaddexp.reduce(self.log_components, axis=2, keepdims=True)
        share = np.einsum(
            "bp,bpk->bk", np.exp(log_weights - estimate[:, None]), np.exp(self.log_components - log_total)
        )
        rest = np.exp(self.log_rest - estimate)[:, None]
        share = (1 - rest) * share / share.sum(axis=1, keepdims=True)
        # A posterior so wide that much of it lies under no latent that was kept is left to the widest components.
        share[:, : len(WIDTHS)] += rest / len(WIDTHS)
        share = (1 - EVEN) * share + EVEN / share.shape[1]
        means, scales = (
            np.concatenate([getattr(m, name) for m in self.mixtures], axis=1) for name in ("means", "scales")
        )
        return Mixtures(means, scales, np.log(share)), estimate
