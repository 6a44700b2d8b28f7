"""What the decoder's output means: p(x | z) for binary, grey and real-valued data.

A likelihood knows how many numbers the decoder must give per value (`parameters`), which
values it can score (`value_range`), the log-density `log_prob`, the mean, for pictures, and
how to draw data (`sample`).
"""

import math
import numbers

import keras
from keras import ops, random

from vamp_core.density.distributions import (
    as_generator,
    bernoulli_log_prob,
    discretized_logistic_log_prob,
    float32,
    normal_log_prob,
    normal_sample,
)
from vamp_core.errors import InputError
from vamp_core.networks.bounded import bounded


class Likelihood:
    """What all likelihoods share. Write your own as a subclass; one with settings extends `get_config`.

    Attributes:
        parameters: numbers that the decoder gives for each value of the data, joined on the last axis.
        value_range: (low, high) of the data that can be scored, None for all numbers.
        binary: whether it gives probabilities to zeros and ones alone.
    """

    parameters = 1
    value_range = None
    binary = False

    def connect(self, data_shape, output_shape):
        """Called once by the model, which says what the data and the decoder's output are shaped like.

        Raises:
            InputError: this likelihood cannot go with such an output.
        """
        *event, channels = data_shape
        expected = (*event, channels * self.parameters)
        if output_shape != expected:
            raise InputError(
                f"The decoder gives {output_shape} for one data point, but a {type(self).__name__} likelihood of data "
                f"shaped {data_shape} needs {expected}: change the decoder's last layer or the likelihood."
            )

    def log_prob(self, x, output):
        """log p(x | z) in nats, of data and the decoder's output: (B, ...), (B, ...) → (B,)."""
        raise NotImplementedError

    def mean(self, output):
        """The mean of p(x | z), of the shape of the data."""
        raise NotImplementedError

    def sample(self, output, seed=None):
        """One draw x ~ p(x | z) for each entry of the decoder's output, of the shape of the data.

        Args:
            output: the decoder's output, (B, ...).
            seed: an integer for the same draws at each call, a `keras.random.SeedGenerator`
                for fresh ones, None for draws that cannot be repeated.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not say how to draw data: give it a sample(output, seed)."
        )

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable(package="vamp_core")
class Bernoulli(Likelihood):
    """Ink or no ink: the decoder gives one logit per pixel. Grey values count as probabilities of ink."""

    value_range = (0.0, 1.0)
    binary = True

    def log_prob(self, x, logits):
        """log p(x | z) in nats: (B, ...), (B, ...) → (B,)."""
        return bernoulli_log_prob(x, logits)

    def mean(self, logits):
        """The probability of ink, (B, ...) in [0, 1]."""
        return ops.sigmoid(float32(logits))

    def sample(self, logits, seed=None):
        """Ink, 1, or no ink, 0, drawn for each pixel: (B, ...)."""
        uniform = random.uniform(ops.shape(logits), dtype="float32", seed=as_generator(seed))
        return float32(uniform < self.mean(logits))


@keras.saving.register_keras_serializable(package="vamp_core")
class Gaussian(Likelihood):
    """A normal density with one fixed standard deviation: the decoder gives the mean."""

    def __init__(self, stddev=1.0):
        if not isinstance(stddev, numbers.Real) or not 0 < stddev < math.inf:
            raise InputError(f"stddev is {stddev}; a standard deviation is positive: pass for instance 1.0.")
        self.stddev = float(stddev)
        self._logvar = 2.0 * math.log(self.stddev)

    def log_prob(self, x, mean):
        """log p(x | z) in nats: (B, ...), (B, ...) → (B,)."""
        return normal_log_prob(x, mean, self._logvar)

    def mean(self, mean):
        """The mean, as the decoder gives it: (B, ...)."""
        return float32(mean)

    def sample(self, mean, seed=None):
        """The mean with noise of the fixed standard deviation: (B, ...)."""
        return normal_sample(mean, self._logvar, as_generator(seed))

    def get_config(self):
        return {"stddev": self.stddev}


@keras.saving.register_keras_serializable(package="vamp_core")
class LearnedGaussian(Likelihood):
    """A normal density whose mean and log-variance the decoder both gives, joined on the last axis.

    The log-variance is kept in [−8, 4]: a density, unlike a probability, grows without bound
    where a value is reproduced exactly.
    """

    parameters = 2

    def log_prob(self, x, mean_logvar):
        """log p(x | z) in nats: (B, ..., C), (B, ..., 2C) → (B,)."""
        return normal_log_prob(x, *self._mean_and_logvar(mean_logvar))

    def mean(self, mean_logvar):
        """The mean: (B, ..., 2C) → (B, ..., C)."""
        return self._mean_and_logvar(mean_logvar)[0]

    def sample(self, mean_logvar, seed=None):
        """The mean with noise of the learnt variance: (B, ..., 2C) → (B, ..., C)."""
        return normal_sample(*self._mean_and_logvar(mean_logvar), as_generator(seed))

    def _mean_and_logvar(self, mean_logvar):
        mean, logvar = ops.split(float32(mean_logvar), 2, axis=-1)
        return mean, bounded(logvar, -8.0, 4.0)


@keras.saving.register_keras_serializable(package="vamp_core")
class DiscretizedLogistic(Likelihood):
    """Grey values on 256 levels: the decoder gives location (as a logit) and log-scale of a logistic.

    A true likelihood for grey images, as the paper uses for Frey Faces. The log-scale is kept
    in [−7, 3]: from a quarter of a grey level to a density that is flat over all of them.
    """

    parameters = 2
    value_range = (0.0, 1.0)

    def log_prob(self, x, location_logscale):
        """log P(x | z) in nats: (B, ..., C) on 256 levels in [0, 1], (B, ..., 2C) → (B,)."""
        return discretized_logistic_log_prob(x, *self._mean_and_logscale(location_logscale))

    def mean(self, location_logscale):
        """The logistic's location: (B, ..., 2C) → (B, ..., C) in [0, 1]."""
        return self._mean_and_logscale(location_logscale)[0]

    def sample(self, location_logscale, seed=None):
        """Grey values drawn from the logistic and rounded to the 256 levels: (B, ..., 2C) → (B, ..., C)."""
        mean, logscale = self._mean_and_logscale(location_logscale)
        uniform = random.uniform(ops.shape(mean), dtype="float32", seed=as_generator(seed))
        noise = ops.log(uniform) - ops.log1p(-uniform)  # the inverse of the logistic's CDF
        return ops.round(255.0 * ops.clip(mean + ops.exp(logscale) * noise, 0.0, 1.0)) / 255.0

    def _mean_and_logscale(self, location_logscale):
        location, logscale = ops.split(float32(location_logscale), 2, axis=-1)
        return ops.sigmoid(location), bounded(logscale, -7.0, 3.0)


LIKELIHOODS = {
    "bernoulli": Bernoulli,
    "gaussian": Gaussian,
    "learned_gaussian": LearnedGaussian,
    "discretized_logistic": DiscretizedLogistic,
}
