"""VAE and HVAE as Keras models: compile, fit, evaluate, save and load as any other."""

import keras
import numpy as np
from keras import ops, tree

from vamp_core import networks
from vamp_core.base import LatentVariableModel, batched, builds_nothing
from vamp_core.distributions import as_generator, normal_log_prob, normal_sample
from vamp_core.errors import InputError


@keras.saving.register_keras_serializable(package="vamp_core")
class VAE(LatentVariableModel):
    """A variational autoencoder with any prior (Kingma & Welling 2014; Tomczak & Welling 2018).

    Networks that are not handed in are the convolutional ones of `vamp_core.networks`.

    Args:
        image_shape: (H, W, C) of an image, for networks that are not handed in; None for (28, 28, 1).
        latent_dim: D, number of latents, likewise; None for 2.
        prior: "standard", "mog", "vamp" (500 components each), or a `vamp_core.priors.Prior`.
        likelihood: "bernoulli", "gaussian", "learned_gaussian", "discretized_logistic", or such an object.
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
        config = _config(locals())
        super().__init__(config, **kwargs)
        image_shape, latent_dim = _sizes(config)
        check_sizes(latent_dim, self.levels, activation)
        size = (network_size, activation)
        self.encoder = encoder or networks.conv_encoder(image_shape, latent_dim, *size, encoder_trunk, logvar_range)
        (data,), (mean, _) = _shapes("encoder", self.encoder)
        self.decoder = decoder or networks.conv_decoder(
            image_shape, latent_dim, *size, decoder_trunk, self.likelihood.parameters, latent_gain
        )
        (z,), _ = _shapes("decoder", self.decoder)
        _check_fit("decoder takes", [z], "the encoder gives", [mean])
        _check_asked(config, image_shape=data, latent_dim=mean[0])
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
        config = _config(locals())
        super().__init__(config, **kwargs)
        image_shape, latent_dim = _sizes(config)
        check_sizes(latent_dim, self.levels, activation)
        size, half = (network_size, activation), latent_dim // 2
        self.encoder = encoder or networks.conv_encoder(image_shape, half, *size, encoder_trunk, logvar_range)
        (data,), (mean2, _) = _shapes("encoder", self.encoder)
        self.image_features = image_features or networks.conv_features(image_shape, *size)
        (seen,), (features,) = _shapes("image_features", self.image_features)
        self.lower_encoder = lower_encoder or networks.lower_encoder(
            features[-1], *mean2, half, activation, encoder_trunk, logvar_range
        )
        joined, (mean1, _) = _shapes("lower_encoder", self.lower_encoder)
        self.conditional_prior = conditional_prior or networks.conditional_prior(
            *mean2, *mean1, activation, logvar_range
        )
        (z2,), (prior_mean1, _) = _shapes("conditional_prior", self.conditional_prior)
        dim = sum(mean2 + mean1)
        self.decoder = decoder or networks.conv_decoder(
            image_shape, dim, *size, decoder_trunk, self.likelihood.parameters, latent_gain
        )
        (z,), _ = _shapes("decoder", self.decoder)
        _check_fit("image_features take", [seen], "the encoder takes", [data])
        _check_fit("lower_encoder takes", joined, "image_features and encoder give", [features, mean2])
        _check_fit("conditional_prior takes", [z2], "the encoder gives", [mean2])
        _check_fit("conditional_prior gives", [prior_mean1], "the lower_encoder gives", [mean1])
        _check_fit("decoder takes", [z], "encoder and lower_encoder give", [(dim,)])
        _check_asked(config, image_shape=data, latent_dim=dim)
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
    """The constructor's own arguments, for `get_config`; Keras insists on Python's integers, not NumPy's."""
    left_out = {"self", "__class__", "kwargs"}
    own = {name: value for name, value in arguments.items() if name not in left_out}
    return tree.map_structure(lambda value: value.tolist() if isinstance(value, np.generic) else value, own)


def _sizes(config):
    """image_shape and latent_dim of the networks that are not handed in."""
    image_shape, latent_dim = config["image_shape"], config["latent_dim"]
    return (28, 28, 1) if image_shape is None else image_shape, 2 if latent_dim is None else latent_dim


def _check_asked(config, **sizes):
    """Raises an `InputError` where networks that are all handed in have other sizes than those asked for."""
    for name, size in sizes.items():
        asked = config[name]
        if builds_nothing(config) and asked is not None and tree.flatten(asked) != tree.flatten(size):
            raise InputError(f"{name} is {asked}, but the networks handed in are made for {size}: leave it out.")


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


NORMAL = "[mean, logvar], (B, D) each"
ROLES = {  # what each network takes and gives
    "encoder": ("data", NORMAL),
    "image_features": ("data", "features"),
    "lower_encoder": ("[features, z2]", NORMAL),
    "conditional_prior": ("z2", NORMAL),
    "decoder": ("latents", "the likelihood's parameters"),
}


def _shapes(name, network):
    """The shapes that a network takes and gives for one data point: two lists.

    Raises:
        InputError: the network cannot take its place in a model.
    """
    if not isinstance(network, keras.Model):
        raise InputError(f"The {name} is a {type(network).__name__}: hand in a keras.Model(inputs, outputs).")
    if not hasattr(network, "outputs"):
        raise InputError(
            f"The {name} does not know its shapes: make it by keras.Model(inputs, outputs), "
            "or begin a Sequential with keras.Input(shape)."
        )
    inputs, outputs = ([tuple(part.shape[1:]) for part in parts] for parts in (network.inputs, network.outputs))
    takes, gives = ROLES[name]
    of_a_normal = len(outputs) == 2 and outputs[0] == outputs[1] and len(outputs[0]) == 1
    fits = of_a_normal if gives == NORMAL else len(outputs) == 1
    as_dictionary = isinstance(getattr(network, "output", None), dict)
    if as_dictionary or not fits or len(inputs) != (2 if name == "lower_encoder" else 1):
        given = "a dictionary of " * as_dictionary + _in_words(outputs)
        raise InputError(
            f"The {name} takes {_in_words(inputs)} and gives {given}, but must take {takes} and give {gives}: "
            "change its inputs or its outputs."
        )
    return inputs, outputs


def _in_words(shapes):
    return " and ".join(f"({', '.join(map(str, ('B', *shape)))})" for shape in shapes)


def _check_fit(what, shapes, other, needed):
    if shapes != needed:
        raise InputError(f"The {what} {_in_words(shapes)}, but {other} {_in_words(needed)}: make the two agree.")
