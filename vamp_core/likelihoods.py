"""What the decoder's output means: p(x | z) for binary, grey and real-valued data.

A likelihood knows how many numbers the decoder must give per value (`parameters`), which
values it can score (`value_range`), the log-density `log_prob` and the mean, for pictures.
"""

import math

import keras
from keras import ops

from vamp_core.distributions import (
    bernoulli_log_prob,
    discretized_logistic_log_prob,
    float32,
    normal_log_prob,
)
from vamp_core.errors import InputError


class Likelihood:
    """What all likelihoods share: those with settings of their own extend `get_config`."""

    parameters = 1
    value_range = None

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable(package="vamp_core")
class Bernoulli(Likelihood):
    """Ink or no ink: the decoder gives one logit per pixel. Grey values count as probabilities of ink."""

    value_range = (0.0, 1.0)

    def log_prob(self, x, logits):
        """log p(x | z) in nats: (B, ...), (B, ...) → (B,)."""
        return bernoulli_log_prob(x, logits)

    def mean(self, logits):
        """The probability of ink, (B, ...) in [0, 1]."""
        return ops.sigmoid(float32(logits))


@keras.saving.register_keras_serializable(package="vamp_core")
class Gaussian(Likelihood):
    """A normal density with one fixed standard deviation: the decoder gives the mean."""

    def __init__(self, stddev=1.0):
        if not stddev > 0:
            raise InputError(f"stddev is {stddev}; a standard deviation is positive: pass for instance 1.0.")
        self.stddev = float(stddev)

    def log_prob(self, x, mean):
        """log p(x | z) in nats: (B, ...), (B, ...) → (B,)."""
        return normal_log_prob(x, mean, 2.0 * math.log(self.stddev))

    def mean(self, mean):
        """The mean, as the decoder gives it: (B, ...)."""
        return float32(mean)

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
        mean, logvar = ops.split(float32(mean_logvar), 2, axis=-1)
        return normal_log_prob(x, mean, ops.clip(logvar, -8.0, 4.0))

    def mean(self, mean_logvar):
        """The mean: (B, ..., 2C) → (B, ..., C)."""
        return ops.split(float32(mean_logvar), 2, axis=-1)[0]


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
        location, logscale = ops.split(float32(location_logscale), 2, axis=-1)
        return discretized_logistic_log_prob(x, ops.sigmoid(location), ops.clip(logscale, -7.0, 3.0))

    def mean(self, location_logscale):
        """The logistic's location: (B, ..., 2C) → (B, ..., C) in [0, 1]."""
        return ops.sigmoid(ops.split(float32(location_logscale), 2, axis=-1)[0])


LIKELIHOODS = {
    "bernoulli": Bernoulli,
    "gaussian": Gaussian,
    "learned_gaussian": LearnedGaussian,
    "discretized_logistic": DiscretizedLogistic,
}
