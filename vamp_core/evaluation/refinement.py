"""A normal density for each data point alone, near its posterior: by the gradient of its ELBO, then by curvature."""

import keras
import numpy as np
from keras import ops

from vamp_core.evaluation.decoded import log_prob_of_own
from vamp_core.evaluation.importance import noise_widths
from vamp_core.system.gradients import value_and_gradient

DATA_AT_A_TIME = 20
DRAWS = 4  # estimates of the ELBO that a step averages
STEPS = 100
RATE = 0.1  # of Adam at first, in standard deviations of the posterior; it falls to zero
CHECKS = 5  # evaluations that have to find the refined posterior the better one
LATENTS = 50  # of a data point, whose gradients are taken together
LEAST_CURVATURE = 0.1  # of log p(x, z), in units of the encoder's precision


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


class JointGradient(keras.Model):
    """The derivative of log p(x, z) with respect to z, at several latents of each data point: (B, S, D) → (B, S, D)."""

    def __init__(self, model):
        super().__init__(autocast=False)
        self.model, self.built = model, True

    def call(self, inputs):
        x, z = inputs
        count, dim = z.shape[1:]

        def log_joint(z):
            log_px = log_prob_of_own(self.model.likelihood, x, self.model.decoder(z), count)
            return log_px + self.model.log_prior(z), ()

        return ops.reshape(value_and_gradient(log_joint, ops.reshape(z, (-1, dim)))[1], (-1, count, dim))


class Refinement:
    """Makes the densities: first the posterior's own parameters are refined (Adam; Kingma & Ba 2015), then the mean of
    that is given the covariance that fits the curvature of log p(x, z) around it, correlations and all."""

    def __init__(self, model):
        self.model, self.compiled, self.widths = model, None, noise_widths(model)
        self.joint_gradient = JointGradient(model)

    def densities(self, x, streams):
        """A normal density near each data point's posterior.

        Args:
            x: (B, *data_shape).
            streams: a `numpy.random.Generator` for each data point.

        Returns:
            What `model.posterior` gives, as arrays, and means (B, D) and scales (B, D, D), lower triangular.
        """
        before, after = self.before_and_after(x, streams)
        mean, logvar = self._both_levels(after)
        deviation = np.exp(0.5 * logvar)
        gradient, curvature = self._curvature(x, mean, deviation)
        values, vectors = np.linalg.eigh(curvature)
        covariance = (vectors / np.maximum(values, LEAST_CURVATURE)[:, None]) @ np.swapaxes(vectors, 1, 2)
        # Newton's step to the top, held to what is still near.
        step = np.einsum("bij,bj->bi", covariance, gradient)
        length = np.sqrt(np.maximum(np.einsum("bi,bi->b", step, gradient), 1e-30) / mean.shape[1])
        mean = mean + deviation * step * np.minimum(1.0, 1.0 / length)[:, None]
        return before, mean, deviation[:, :, None] * np.linalg.cholesky(covariance)

    def _curvature(self, x, mean, deviation):
        """−∇² and ∇ of log p(x, z) in units of `deviation`, from gradients a standard deviation to either side."""
        dim = mean.shape[1]
        sides = np.concatenate([np.eye(dim), -np.eye(dim)])
        gradients = []
        for first in range(0, len(sides), LATENTS):
            # All calls have one size, lest each be compiled anew; what the last has too many is left out.
            rows = np.minimum(np.arange(first, first + LATENTS), len(sides) - 1)
            z = (mean[:, None] + deviation[:, None] * sides[rows]).astype("float32")
            gradients.append(self.joint_gradient.predict_on_batch((x, z))[:, : len(sides) - first])
        gradients = np.nan_to_num(np.concatenate(gradients, axis=1).astype("float64")) * deviation[:, None]
        curvature = 0.5 * (gradients[:, dim:] - gradients[:, :dim])
        return np.mean(gradients, axis=1), 0.5 * (curvature + np.swapaxes(curvature, 1, 2))

    def _both_levels(self, posterior):
        """Mean and log-variance of all latents, (B, D) each; of an HVAE's z1 at the mean of z2."""
        mean, logvar, *features = (ops.convert_to_tensor(part) for part in posterior)
        if features:
            of_lower = self.model.lower_encoder([*features, mean])
            mean, logvar = (ops.concatenate(pair, axis=1) for pair in zip((mean, logvar), of_lower, strict=True))
        return ops.convert_to_numpy(mean).astype("float64"), ops.convert_to_numpy(logvar).astype("float64")

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
