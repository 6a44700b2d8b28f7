"""VAE and HVAE as Keras models: compile, fit, evaluate, save and load as any other."""

import keras
from keras import ops

from vamp_core import networks
from vamp_core.base import LatentVariableModel, batched
from vamp_core.distributions import as_generator, normal_log_prob, normal_sample
from vamp_core.errors import InputError


@keras.saving.register_keras_serializable(package="vamp_core")
class VAE(LatentVariableModel):
    """A variational autoencoder with any prior (Kingma & Welling 2014; Tomczak & Welling 2018).

    Networks that are not handed in are the convolutional ones of `vamp_core.networks`.

    Args:
        image_shape: (H, W, C) of an image, for networks that are not handed in.
        latent_dim: D, number of latents, likewise.
        prior: "standard", "mog", "vamp" (500 components each), or a `vamp_core.priors.Prior`.
        likelihood: "bernoulli", "gaussian", "learned_gaussian", "discretized_logistic", or such an object.
        network_size, activation, encoder_trunk, decoder_trunk, logvar_range: see `networks.conv_encoder`
            and `conv_decoder`.
        encoder: a `keras.Model`, data (B, ...) → (mean, logvar), (B, D) each.
        decoder: a `keras.Model`, latents (B, D) → the likelihood's parameters, (B, ...).
        seed: of the noise drawn in training; None for a different one each time.

    Raises:
        InputError: an unknown name, a size that is not positive, or networks that do not fit together.
    """

    levels = 1

    def __init__(
        self,
        image_shape=(28, 28, 1),
        latent_dim=2,
        prior="standard",
        likelihood="bernoulli",
        network_size=4,
        activation="relu",
        encoder_trunk=(),
        decoder_trunk=(),
        logvar_range=networks.LOGVAR_RANGE,
        encoder=None,
        decoder=None,
        seed=None,
        **kwargs,
    ):
        config = _config(locals())
        super().__init__(config, **kwargs)
        check_sizes(latent_dim, self.levels, activation)
        size = (network_size, activation)
        self.encoder = encoder or networks.conv_encoder(image_shape, latent_dim, *size, encoder_trunk, logvar_range)
        self.decoder = decoder or networks.conv_decoder(
            image_shape, latent_dim, *size, decoder_trunk, self.likelihood.parameters
        )
        _check_fit("encoder", self.encoder.output_shape[0][-1], self.decoder.input_shape[-1])
        self._connect(self.decoder.input_shape[-1])

    def posterior(self, x):
        mean, logvar = self.encoder(x)
        return mean, logvar

    def draw(self, posterior, seed):
        mean, logvar = posterior
        z = normal_sample(mean, logvar, seed)
        return z, normal_log_prob(z, mean, logvar) - self.log_prior(z)

    @batched("latents")
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


@keras.saving.register_keras_serializable(package="vamp_core")
class HVAE(LatentVariableModel):
    """A VAE with two levels of latents, p(z2) p(z1 | z2) p(x | z1, z2) (Tomczak & Welling 2018, section 4).

    The prior is over the top level z2 alone; z1's is learned given z2. Where both levels stand
    together, in `encode` or before the decoder, z2 comes first: [z2, z1].

    Args:
        image_shape, prior, likelihood, network_size, activation, encoder_trunk, decoder_trunk, logvar_range,
            seed: as for `VAE`.
        latent_dim: D of both levels together, D/2 each.
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
        image_shape=(28, 28, 1),
        latent_dim=2,
        prior="standard",
        likelihood="bernoulli",
        network_size=4,
        activation="relu",
        encoder_trunk=(),
        decoder_trunk=(),
        logvar_range=networks.LOGVAR_RANGE,
        encoder=None,
        image_features=None,
        lower_encoder=None,
        conditional_prior=None,
        decoder=None,
        seed=None,
        **kwargs,
    ):
        config = _config(locals())
        super().__init__(config, **kwargs)
        check_sizes(latent_dim, self.levels, activation)
        size, half = (network_size, activation), latent_dim // 2
        self.encoder = encoder or networks.conv_encoder(image_shape, half, *size, encoder_trunk, logvar_range)
        self.image_features = image_features or networks.conv_features(image_shape, *size)
        top_dim = self.encoder.output_shape[0][-1]
        self.lower_encoder = lower_encoder or networks.lower_encoder(
            self.image_features.output_shape[-1], top_dim, half, activation, encoder_trunk, logvar_range
        )
        lower_dim = self.lower_encoder.output_shape[0][-1]
        self.conditional_prior = conditional_prior or networks.conditional_prior(
            top_dim, lower_dim, activation, logvar_range
        )
        self.decoder = decoder or networks.conv_decoder(
            image_shape, top_dim + lower_dim, *size, decoder_trunk, self.likelihood.parameters
        )
        _check_fit("conditional_prior", self.conditional_prior.output_shape[0][-1], lower_dim)
        _check_fit("encoders", top_dim + lower_dim, self.decoder.input_shape[-1])
        self._connect(top_dim)

    def posterior(self, x):
        mean2, logvar2 = self.encoder(x)
        return mean2, logvar2, self.image_features(x)

    def draw(self, posterior, seed):
        mean2, logvar2, features = posterior
        z2 = normal_sample(mean2, logvar2, seed)
        mean1, logvar1 = self.lower_encoder([features, z2])
        z1 = normal_sample(mean1, logvar1, seed)
        log_q = normal_log_prob(z2, mean2, logvar2) + normal_log_prob(z1, mean1, logvar1)
        z = ops.concatenate([z2, z1], axis=-1)
        return z, log_q - self.log_prior(z)

    @batched("latents")
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


MODELS = {"vae": VAE, "hvae": HVAE}


def _config(arguments):
    """The constructor's own arguments, for `get_config`."""
    left_out = {"self", "__class__", "kwargs"}
    return {name: value for name, value in arguments.items() if name not in left_out}


def check_sizes(latent_dim, levels, activation):
    """Raises an `InputError` for numbers of latents or activations that no model can have."""
    if latent_dim < 1:
        raise InputError(f"latent_dim is {latent_dim}; choose a positive number of latents.")
    if latent_dim % levels:
        raise InputError(
            f"latent_dim is {latent_dim}; an HVAE shares it out over {levels} levels: choose an even number."
        )
    try:
        keras.activations.get(activation)
    except ValueError as error:
        raise InputError(
            f"activation is {activation!r}, which Keras does not know; choose for instance relu, swish, elu or tanh."
        ) from error


def _check_fit(what, given, needed):
    if given != needed:
        raise InputError(f"The {what} give {given} latents where {needed} are needed: make the two agree.")
