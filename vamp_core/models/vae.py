"""A variational autoencoder with one level of latents."""

import keras

from vamp_core.density.distributions import normal_log_prob, normal_sample
from vamp_core.models.base import LatentVariableModel
from vamp_core.models.batched import batched
from vamp_core.models.checks import (
    check_asked,
    check_fit,
    check_logvar_range,
    check_sizes,
    constructor_arguments,
    default_sizes,
    network_shapes,
)
from vamp_core.networks import convolutional as networks


@keras.saving.register_keras_serializable(package="vamp_core")
class VAE(LatentVariableModel):
    """A variational autoencoder with any prior (Kingma & Welling 2014; Tomczak & Welling 2018).

    Networks that are not handed in are the convolutional ones of `vamp_core.networks`.

    Args:
        image_shape: (H, W, C) of an image, for networks that are not handed in; None for (28, 28, 1).
        latent_dim: D, number of latents, likewise; None for 2.
        prior: "standard", "mog", "vamp" (500 components each), or a `vc.Prior`.
        likelihood: "bernoulli", "gaussian", "learned_gaussian", "discretized_logistic", or such an object;
            `vc.PixelCNN(...)` for pixels that depend on each other, given the latents.
        network_size, activation, encoder_trunk, decoder_trunk, logvar_range, latent_gain: see
            `networks.conv_encoder` and `conv_decoder`.
        encoder: a `keras.Model`, data (B, ...) → (mean, logvar), (B, D) each.
        decoder: a `keras.Model`, latents (B, D) → the likelihood's parameters, (B, ...).
        seed: of the noise drawn in training; None for a different one each time.

    Raises:
        InputError: an unknown name, a size that is not positive, or networks that do not fit together.
    """

    levels = 1

    def __init__(
        self,
        image_shape=None,
        latent_dim=None,
        prior="standard",
        likelihood="bernoulli",
        network_size=4,
        activation="relu",
        encoder_trunk=(),
        decoder_trunk=(),
        logvar_range=networks.LOGVAR_RANGE,
        latent_gain=0,
        encoder=None,
        decoder=None,
        seed=None,
        **kwargs,
    ):
        config = constructor_arguments(locals())
        super().__init__(config, **kwargs)
        image_shape, latent_dim = default_sizes(config)
        check_sizes(latent_dim, self.levels, activation)
        check_logvar_range(logvar_range)
        size = (network_size, activation)
        self.encoder = encoder or networks.conv_encoder(image_shape, latent_dim, *size, encoder_trunk, logvar_range)
        (data,), (mean, _) = network_shapes("encoder", self.encoder)
        self.decoder = decoder or networks.conv_decoder(
            image_shape, latent_dim, *size, decoder_trunk, self.likelihood.parameters, latent_gain
        )
        (z,), _ = network_shapes("decoder", self.decoder)
        check_fit("decoder takes", [z], "the encoder gives", [mean])
        check_asked(config, image_shape=data, latent_dim=mean[0])
        self._connect(*mean)

    def posterior(self, x):
        """What q(z | x) depends on: its mean and log-variance, (B, D) tensors."""
        mean, logvar = self.encoder(x)
        return mean, logvar

    def draw(self, posterior, seed):
        """z ~ q(z | x), (B, D), and log q(z | x) − log p(z), (B,) nats."""
        mean, logvar = posterior
        z = normal_sample(mean, logvar, seed)
        return z, normal_log_prob(z, mean, logvar) - self.log_prior(z)

    @batched("latents", under_prior=True)
    def log_prior(self, z):
        """log p(z) in nats: (B, D) → (B,)."""
        return self.prior.log_prob(z)

    @batched("data")
    def encode(self, x):
        """Mean and log-variance of q(z | x): (B, *data_shape) → (B, D) each."""
        return self.posterior(x)

    def ancestral(self, n, seed=None):
        """z ~ p(z): (n, D)."""
        return self.prior.sample(n, seed)
