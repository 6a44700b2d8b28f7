"""The evidence lower bound, term by term and example by example."""

import math
from typing import Any, NamedTuple

import keras
from keras import ops

from vamp_core.errors import InputError


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

    def loss(self, beta=1.0, samples=1):
        """−log 1/K Σ_k exp(reconstruction_k − β · kl_k), from terms (B · K,), K samples of a data point in a row.

        At β = 1 and K = 1 the negative ELBO (Tomczak & Welling 2018, eq. 2), for more samples the negative
        importance-weighted bound (Burda et al. 2016, eq. 8). At β < 1 it bounds log ∫ p(x | z) p(z)^β q(z | x)^(1−β) dz
        whatever K is, so that KL warm-up and importance samples go together.

        Args:
            beta: weight of the KL term.
            samples: K.

        Returns:
            (B,) nats.
        """
        log_weights = self.reconstruction - beta * self.kl
        if samples == 1:
            return -log_weights
        return math.log(samples) - ops.logsumexp(ops.reshape(log_weights, (-1, samples)), axis=1)


class KLWarmup(keras.callbacks.Callback):
    """Raises the weight β of the KL term from 1/`epochs` to 1, a step an epoch (Bowman et al. 2016).

    Early in training the prior would otherwise switch latents off before the decoder has
    learnt to use them. The weight depends on the epoch alone, so a resumed run needs no state.
    """

    def __init__(self, epochs):
        if epochs < 1:
            raise InputError(f"epochs is {epochs}; a warm-up takes at least one (for none leave the callback out).")
        super().__init__()
        self.epochs = epochs

    def on_epoch_begin(self, epoch, logs=None):
        self.model.beta.assign(min(1.0, (epoch + 1) / self.epochs))

    def on_train_end(self, logs=None):
        self.model.beta.assign(1.0)
