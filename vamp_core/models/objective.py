"""The evidence lower bound, term by term and example by example."""

import math
from typing import Any, NamedTuple

import keras
from keras import ops

from vamp_core.errors import check_count


class ElboTerms(NamedTuple):
    """The two terms of the ELBO for a batch, in nats; the batch axis is kept until the last line of the loss.

    `reconstruction` is log p(x | z) and `kl` is log q(z | x) − log p(z), both at one
    reparameterised sample z ~ q(z | x), so that any prior with a density will do. Sums over
    pixels and latents, with every constant: numbers compare across priors.
    """

    reconstruction: Any
    kl: Any

    @property
    def elbo(self):
        """log p(x) ≥ E[reconstruction − kl] (Kingma & Welling 2014, eq. 3): (B,) nats."""
        return self.reconstruction - self.kl

    def loss(self, beta=1.0, samples=1, points=-1):
        """−log 1/K Σ_k exp(reconstruction_k − β · kl_k), from terms (B · K,), K samples of a data point in a row.

        At β = 1 and K = 1 the negative ELBO (Tomczak & Welling 2018, eq. 2), for more samples the negative
        importance-weighted bound (Burda et al. 2016, eq. 8). At β < 1 it bounds log ∫ p(x | z) p(z)^β q(z | x)^(1−β) dz
        whatever K is, so that KL warm-up and importance samples go together.

        Args:
            beta: weight of the KL term.
            samples: K.
            points: B, where it is known otherwise than from the terms.

        Returns:
            (B,) nats.
        """
        log_weights = self.reconstruction - beta * self.kl
        if samples == 1:
            return -log_weights
        return math.log(samples) - ops.logsumexp(ops.reshape(log_weights, (points, samples)), axis=1)


class WarmupFactor(keras.metrics.Metric):
    """What `KLWarmup` multiplies β by: 1 outside of a warm-up.

    A metric, so that compiled steps see it change; no weight, so that no file, copy or `EarlyStopping` that was made
    in a warm-up can hand it on. It shows in no log.
    """

    def __init__(self):
        super().__init__(dtype="float32", name="warmup_factor")
        # Under tf.distribute the default, a sum, would hand each replica its share of the value only.
        self.value = self.add_variable((), "ones", aggregation="mean", name="value")

    def reset_state(self):
        """Keras resets metrics with each epoch; this one is `KLWarmup`'s to set."""

    def result(self):
        return {}

    def save_own_variables(self, store):
        """Nothing to save."""

    def load_own_variables(self, store):
        """Nothing to load."""


class KLWarmup(keras.callbacks.Callback):
    """Raises the weight of the KL term from β/`epochs` to β, a step an epoch (Bowman et al. 2016).

    Early in training the prior would otherwise switch latents off before the decoder has
    learnt to use them. The weight depends on the epoch alone, so a resumed run needs no state, and
    `model.beta` stays as it is: where a training is stopped in the warm-up, the next one without this
    callback trains the ELBO.
    """

    def __init__(self, epochs):
        super().__init__()
        self.epochs = check_count("epochs", epochs)

    def on_epoch_begin(self, epoch, logs=None):
        self.model.warmup_factor.value.assign(min(1.0, (epoch + 1) / self.epochs))

    def on_train_end(self, logs=None):
        self.model.warmup_factor.value.assign(1.0)
