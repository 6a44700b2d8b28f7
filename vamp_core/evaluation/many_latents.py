"""Importance sampling from the encoder's posterior and from a normal density of one's own making: for many latents.

An encoder gives each data point the posterior that it can, not the best there is (Cremer et al. 2018, Inference
suboptimality in variational autoencoders), and one without correlations. `vamp_core.evaluation.refinement` makes one
for each data point alone. Samples are of both, each in several widths, and weighted by the mixture of all they may
have come from (Owen & Zhou 2000), so that none of its parts can do much harm.
"""

import math
import zlib

import keras
import numpy as np
from keras import ops

from vamp_core.density.distributions import LOG_2PI
from vamp_core.evaluation.decoded import log_prob_of_own
from vamp_core.evaluation.importance import WORTH_COMPILING, Noise, float32_networks, noise_widths, summary
from vamp_core.evaluation.mixture import golden_sequence
from vamp_core.evaluation.posteriors import draw, standardized
from vamp_core.evaluation.refinement import DATA_AT_A_TIME, Refinement

# The mixture's parts: whether refined, the share of the samples, and what the variance exceeds that of the density
# by, in units of the standard deviation of |ε|² / D for ε ~ N(0, I).
REFINED = np.array([False, False, True, True, True])
SHARES = np.array([0.25, 0.15, 0.25, 0.2, 0.15])
EXCESSES = np.array([0.0, 1.0, 0.0, 1.0, 3.0])


def refined_summaries(model, x, samples, batch_size, seed, first=0):
    """Yields the `summary` of the next few data points from the `first` on until all are done; see `summaries`."""
    together = max(1, batch_size // samples)
    chunks = math.ceil(samples / batch_size)
    # Data points are refined in the same company after an interruption, to the same numbers to the last digit.
    in_company = min(DATA_AT_A_TIME, len(x))
    aligned = first // in_company * in_company
    with float32_networks(model), model.prior.fixed():
        few = chunks * math.ceil(len(x) / together) < WORTH_COMPILING
        mixture = RefinedMixture(model, math.ceil(samples / chunks), run_eagerly=few)
        refinement = Refinement(model)
        for start in range(aligned, len(x), in_company):
            points = x[np.minimum(np.arange(start, start + in_company), len(x) - 1)]
            streams = [np.random.default_rng([seed, zlib.crc32(point.tobytes()), 2]) for point in points]
            posterior, means, scales = refinement.densities(points, streams)
            starts = np.array([stream.random() for stream in streams])
            stop = min(in_company, len(x) - start)
            for begin in range(max(first - start, 0), stop, together):
                part = slice(begin, min(begin + together, stop))
                own = (tuple(each[part] for each in posterior), means[part], scales[part])
                yield summary(mixture.log_weights(points[part], *own, starts[part], samples, seed), samples)


class RefinedMixture(keras.Model):
    """The mixture of each data point's posterior and its refined density, in several widths.

    A model, because Keras compiles what `predict_on_batch` runs.

    Args:
        model: a `VAE` or `HVAE`.
        count: samples per data point at a time.
        run_eagerly: whether there will be too few calls for compiling them to pay off.
    """

    def __init__(self, model, count, run_eagerly):
        super().__init__(autocast=False)
        self.model, self.count, self.widths = model, count, noise_widths(model)
        self.run_eagerly, self.built = run_eagerly, True

    def call(self, inputs):
        """log p(x, z), and the `standardized` squares and heights of z under the posterior and the refined density."""
        x, posterior, means, scales, whiten, refined, noise = inputs
        repeated = [ops.repeat(part, self.count, axis=0) for part in posterior]
        by_encoder, *_ = draw(self.model, repeated, noise)
        noise = self._of_points(ops.concatenate(noise, axis=1))
        z = self._of_points(by_encoder)
        z = ops.where(refined, ops.expand_dims(means, 1) + ops.matmul(noise, ops.swapaxes(scales, 1, 2)), z)
        white = ops.matmul(z - ops.expand_dims(means, 1), ops.swapaxes(whiten, 1, 2))
        z = ops.reshape(z, (-1, z.shape[2]))
        square, height = standardized(self.model, repeated, z)
        log_px = log_prob_of_own(self.model.likelihood, x, self.model.decoder(z), self.count)
        square_refined = ops.reshape(ops.sum(ops.square(white), axis=2), (-1,))
        return log_px + self.model.log_prior(z), square, height, square_refined

    def _of_points(self, values):
        return ops.reshape(values, (-1, self.count, values.shape[1]))

    def log_weights(self, x, posterior, means, scales, starts, samples, seed):
        """The log-weights of a few data points, `count` samples at a time.

        Args:
            x: (B, *data_shape) float32.
            posterior: what `model.posterior` gives.
            means, scales: of the refined densities, (B, D) and (B, D, D) lower triangular.
            starts: (B,) uniform numbers, which decide what part of the mixture each sample is from.
            samples: S, per data point.
            seed: of the noise.

        Yields:
            (B, s) float64 arrays in nats, S columns in all.
        """
        noise, dim = Noise(x, seed, self.widths), means.shape[1]
        widths = np.sqrt(1 + EXCESSES * math.sqrt(2 / dim))
        log_scales = np.log(np.diagonal(scales, axis1=1, axis2=2)).sum(axis=1)
        height_refined = np.repeat(-log_scales - 0.5 * dim * LOG_2PI, self.count)
        fixed = [part.astype("float32") for part in (means, scales, np.linalg.inv(scales))]
        for first in range(0, samples, self.count):
            # All chunks have one size, lest each be compiled anew; what the last has too many is left out.
            at = golden_sequence(starts, first, self.count)
            part = np.searchsorted(np.cumsum(SHARES)[:-1], at, side="right")
            width = widths[part].reshape(-1, 1)
            drawn = [(width * level).astype("float32") for level in noise.next_samples(self.count)]
            found = self.predict_on_batch((x, posterior, *fixed, REFINED[part][:, :, None], drawn))
            log_joint, square, height, square_refined = (each.astype("float64") for each in found)
            squares = np.where(REFINED, square_refined[:, None], square[:, None])
            heights = np.where(REFINED, height_refined[:, None], height[:, None])
            log_parts = np.log(SHARES / widths**dim) + heights - 0.5 * squares / widths**2
            weights = log_joint - np.logaddexp.reduce(log_parts, axis=1)
            yield weights.reshape(len(x), self.count)[:, : samples - first]
