"""Importance sampling from the encoder's posterior and a refined one, both widened too: for models of many latents.

An encoder gives each data point the posterior that it can, not the best there is (Cremer et al. 2018, Inference
suboptimality in variational autoencoders). Some steps up the gradient of the data point's own ELBO mend that (Kim
et al. 2018, Semi-amortized variational autoencoders), whatever the model's posterior depends on. Samples are weighted
by the mixture of all they may have come from (Owen & Zhou 2000), so that none of its parts can do much harm.
"""

import math
import zlib

import keras
import numpy as np
from keras import ops

from vamp_core.evaluation.decoded import log_prob_of_own
from vamp_core.evaluation.importance import WORTH_COMPILING, Noise, float32_networks, noise_widths, summary
from vamp_core.evaluation.mixture import golden_sequence
from vamp_core.evaluation.posteriors import draw, standardized
from vamp_core.system.gradients import value_and_gradient

DATA_AT_A_TIME = 20
DRAWS = 4  # estimates of the ELBO that a step averages
STEPS = 100
RATE = 0.1  # of Adam at first, in standard deviations of the posterior; it falls to zero
CHECKS = 5  # evaluations that have to find the refined posterior the better one

# The mixture's parts: whether refined, the share of the samples, and what the variance exceeds that of the posterior
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
            posteriors = refinement.before_and_after(points, streams)
            starts = np.array([stream.random() for stream in streams])
            stop = min(in_company, len(x) - start)
            for begin in range(max(first - start, 0), stop, together):
                part = slice(begin, min(begin + together, stop))
                before, after = (tuple(each[part] for each in posterior) for posterior in posteriors)
                chunks = mixture.log_weights(points[part], before, after, starts[part], samples, seed)
                yield summary(chunks, samples)


class RefinedMixture(keras.Model):
    """The mixture of each data point's posterior before and after refinement, in several widths.

    A model, because Keras compiles what `predict_on_batch` runs.

    Args:
        model: a `VAE` or `HVAE`.
        count: samples per data point at a time.
        run_eagerly: whether there will be too few calls for compiling them to pay off.
    """

    def __init__(self, model, count, run_eagerly):
        super().__init__(autocast=False)
        self.model, self.count, self.run_eagerly, self.built = model, count, run_eagerly, True

    def call(self, inputs):
        """log p(x, z), and what `standardized` says of z under the posterior that it is from and the other one."""
        x, before, after, refined, noise = inputs
        pairs = [[ops.repeat(part, self.count, axis=0) for part in parts] for parts in zip(before, after, strict=True)]
        z, *own = draw(self.model, [ops.where(refined, new, old) for old, new in pairs], noise)
        other = standardized(self.model, [ops.where(refined, old, new) for old, new in pairs], z)
        log_px = log_prob_of_own(self.model.likelihood, x, self.model.decoder(z), self.count)
        return log_px + self.model.log_prior(z), *own, *other

    def log_weights(self, x, before, after, starts, samples, seed):
        """The log-weights of a few data points, `count` samples at a time.

        Args:
            x: (B, *data_shape) float32.
            before, after: what `model.posterior` gives, and the same refined.
            starts: (B,) uniform numbers, which decide what part of the mixture each sample is from.
            samples: S, per data point.
            seed: of the noise.

        Yields:
            (B, s) float64 arrays in nats, S columns in all.
        """
        widths_of_levels = noise_widths(self.model)
        noise, dim = Noise(x, seed, widths_of_levels), sum(widths_of_levels)
        widths = np.sqrt(1 + EXCESSES * math.sqrt(2 / dim))
        for first in range(0, samples, self.count):
            # All chunks have one size, lest each be compiled anew; what the last has too many is left out.
            at = golden_sequence(starts, first, self.count)
            part = np.searchsorted(np.cumsum(SHARES)[:-1], at, side="right").reshape(-1, 1)
            drawn = [(widths[part] * level).astype("float32") for level in noise.next_samples(self.count)]
            refined = REFINED[part]
            found = self.predict_on_batch((x, before, after, refined, drawn))
            log_joint, *places = (each.astype("float64")[:, None] for each in found)
            own, other = places[:2], places[2:]
            squares, heights = (np.where(refined == REFINED, a, b) for a, b in zip(own, other, strict=True))
            log_parts = np.log(SHARES / widths**dim) + heights - 0.5 * squares / widths**2
            weights = log_joint[:, 0] - np.logaddexp.reduce(log_parts, axis=1)
            yield weights.reshape(len(x), self.count)[:, : samples - first]


class PosteriorGradient(keras.Model):
    """The ELBO of each data point, and its derivative with respect to all that its posterior depends on.

    A model, because Keras compiles what `predict_on_batch` runs.
    """

    def __init__(self, model, sizes):
        super().__init__(autocast=False)
        self.model, self.splits, self.built = model, np.cumsum(sizes)[:-1].tolist(), True

    def call(self, inputs):
        x, joined, noise = inputs

        def elbo(joined):
            drawn = iter(noise)
            posterior = (ops.repeat(part, DRAWS, axis=0) for part in ops.split(joined, self.splits, axis=1))
            z, kl = self.model.draw(tuple(posterior), lambda shape: next(drawn))
            terms = log_prob_of_own(self.model.likelihood, x, self.model.decoder(z), DRAWS) - kl
            return ops.mean(ops.reshape(terms, (-1, DRAWS)), axis=1), ()

        (value, _), gradient = value_and_gradient(elbo, joined)
        return value, gradient


class Refinement:
    """Gradient ascent (Adam; Kingma & Ba 2015) on each data point's ELBO."""

    def __init__(self, model):
        self.model, self.compiled, self.widths = model, None, noise_widths(model)

    def before_and_after(self, x, streams):
        """What the posterior depends on, as the encoder gives it and refined where that is an improvement.

        Args:
            x: (B, *data_shape).
            streams: a `numpy.random.Generator` for each data point.

        Returns:
            Two tuples of arrays (B, ...), like that of `model.posterior`.
        """
        posterior = [ops.convert_to_numpy(part) for part in self.model.posterior(ops.convert_to_tensor(x))]
        sizes = [part.shape[1] for part in posterior]  # means, log-variances and, of an HVAE, features
        if self.compiled is None:
            self.compiled = PosteriorGradient(self.model, sizes)
        before = np.concatenate(posterior, axis=1)
        with np.errstate(over="ignore", invalid="ignore"):
            after = self._ascend(x, before, sizes, streams)
        gains = []
        for _ in range(CHECKS):
            noise = self._noise(streams)
            new, old = (self.compiled.predict_on_batch((x, joined, noise))[0] for joined in (after, before))
            gains.append(new - old)
        better = np.mean(gains, axis=0) > 0  # and no NaN
        chosen = np.where(better[:, None], after, before)
        return tuple(posterior), tuple(np.split(chosen, np.cumsum(sizes)[:-1], axis=1))

    def _ascend(self, x, before, sizes, streams):
        unit, after, mean, square = np.ones_like(before), before, np.zeros_like(before), np.zeros_like(before)
        for step in range(1, STEPS + 1):  # a step too far makes NaN or infinity, and is found out below
            # Means move by standard deviations, log-variances and what else there is by numbers of order one.
            unit[:, : sizes[0]] = np.exp(0.5 * after[:, sizes[0] : 2 * sizes[0]])
            _, gradient = self.compiled.predict_on_batch((x, after, self._noise(streams)))
            gradient = np.nan_to_num(gradient * unit, posinf=0.0, neginf=0.0)
            mean = 0.9 * mean + 0.1 * gradient
            square = 0.99 * square + 0.01 * np.square(gradient)
            direction = mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
            after = (after + RATE * (1 - (step - 1) / STEPS) * unit * direction).astype("float32")
        return after

    def _noise(self, streams):
        draws = [[stream.standard_normal((DRAWS, width), "float32") for stream in streams] for width in self.widths]
        return [np.concatenate(of_level) for of_level in draws]
