"""A variational autoencoder with two levels of latents."""

import keras
from keras import ops

from vamp_core.density.distributions import as_generator, normal_log_prob, normal_sample
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
class HVAE(LatentVariableModel):
    """A VAE with two levels of latents, p(z2) p(z1 | z2) p(x | z1, z2) (Tomczak & Welling 2018, section 4).

    The prior is over the top level z2 alone; z1's is learned given z2. Where both levels stand
    together, in `encode` or before the decoder, z2 comes first: [z2, z1].

    Args:
        image_shape, prior, likelihood, network_size, activation, seed: as for `VAE`.
        encoder_trunk, decoder_trunk, logvar_range, latent_gain: as for `VAE`.
        latent_dim: D of both levels together, D/2 each; None for 2.
        encoder: q(z2 | x), a `keras.Model`, data → (mean, logvar).
        image_features: a `keras.Model`, data → (B, F), the image's share of q(z1 | x, z2).
        lower_encoder: q(z1 | x, z2), a `keras.Model`, [features, z2] → (mean, logvar).
        conditional_prior: p(z1 | z2), a `keras.Model`, z2 → (mean, logvar).
        decoder: p(x | z2, z1), a `keras.Model`, (B, D) → the likelihood's parameters.

    Raises:
        InputError: as for `VAE`, and for an odd `latent_dim`.
    """

    levels = 2

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
        image_features=None,
        lower_encoder=None,
        conditional_prior=None,
        decoder=None,
        seed=None,
        **kwargs,
    ):
        config = constructor_arguments(locals())
        super().__init__(config, **kwargs)
        image_shape, latent_dim = default_sizes(config)
        check_sizes(latent_dim, self.levels, activation)
        check_logvar_range(logvar_range)
        size, half = (network_size, activation), latent_dim // 2
        self.encoder = encoder or networks.conv_encoder(image_shape, half, *size, encoder_trunk, logvar_range)
        (data,), (mean2, _) = network_shapes("encoder", self.encoder)
        self.image_features = image_features or networks.conv_features(image_shape, *size)
        (seen,), (features,) = network_shapes("image_features", self.image_features)
        self.lower_encoder = lower_encoder or networks.lower_encoder(
            features[-1], *mean2, half, activation, encoder_trunk, logvar_range
        )
        joined, (mean1, _) = network_shapes("lower_encoder", self.lower_encoder)
        self.conditional_prior = conditional_prior or networks.conditional_prior(
            *mean2, *mean1, activation, logvar_range
        )
        (z2,), (prior_mean1, _) = network_shapes("conditional_prior", self.conditional_prior)
        dim = sum(mean2 + mean1)
        self.decoder = decoder or networks.conv_decoder(
            image_shape, dim, *size, decoder_trunk, self.likelihood.parameters, latent_gain
        )
        (z,), _ = network_shapes("decoder", self.decoder)
        check_fit("image_features take", [seen], "the encoder takes", [data])
        check_fit("lower_encoder takes", joined, "image_features and encoder give", [features, mean2])
        check_fit("conditional_prior takes", [z2], "the encoder gives", [mean2])
        check_fit("conditional_prior gives", [prior_mean1], "the lower_encoder gives", [mean1])
        check_fit("decoder takes", [z], "encoder and lower_encoder give", [(dim,)])
        check_asked(config, image_shape=data, latent_dim=dim)
        self._connect(*mean2)

    def posterior(self, x):
        """What q(z2, z1 | x) depends on: mean and log-variance of z2, and the features that go into those of z1."""
        mean2, logvar2 = self.encoder(x)
        return mean2, logvar2, self.image_features(x)

    def draw(self, posterior, seed):
        """[z2, z1] ~ q(z2 | x) q(z1 | x, z2), (B, D), and log q − log p of both levels together, (B,) nats."""
        mean2, logvar2, features = posterior
        z2 = normal_sample(mean2, logvar2, seed)
        mean1, logvar1 = self.lower_encoder([features, z2])
        z1 = normal_sample(mean1, logvar1, seed)
        log_q = normal_log_prob(z2, mean2, logvar2) + normal_log_prob(z1, mean1, logvar1)
        z = ops.concatenate([z2, z1], axis=-1)
        return z, log_q - self.log_prior(z)

    @batched("latents", under_prior=True)
    def log_prior(self, z):
        """log p(z2) + log p(z1 | z2) in nats: [z2, z1] (B, D) → (B,)."""
        z2, z1 = z[:, : self.prior.latent_dim], z[:, self.prior.latent_dim :]
        return self.prior.log_prob(z2) + normal_log_prob(z1, *self.conditional_prior(z2))

    @batched("data")
    def encode(self, x):
        """Mean and log-variance of q(z2 | x) and of q(z1 | x, z2 = its mean): (B, D) each, z2 first."""
        mean2, logvar2, features = self.posterior(x)
        mean1, logvar1 = self.lower_encoder([features, mean2])
        return ops.concatenate([mean2, mean1], axis=-1), ops.concatenate([logvar2, logvar1], axis=-1)

    def ancestral(self, n, seed=None):
        """z2 ~ p(z2), then z1 ~ p(z1 | z2), joined: (n, D)."""
        seed = as_generator(seed)
        z2 = self.prior.sample(n, seed)
        z1 = normal_sample(*self.conditional_prior(z2), seed)
        return ops.concatenate([z2, z1], axis=-1)
