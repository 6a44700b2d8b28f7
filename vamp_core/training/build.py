"""From a configuration to the model that it describes, compiled for its training."""

import contextlib

import keras

from vamp_core.density.likelihoods import LIKELIHOODS
from vamp_core.density.pixelcnn import PixelCNN
from vamp_core.density.priors import MixtureOfGaussians
from vamp_core.density.vamp_prior import VampPrior
from vamp_core.models import MODELS
from vamp_core.networks.gated import GATED
from vamp_core.networks.masked import PIXELCNN
from vamp_core.system.devices import has_replicas
from vamp_core.training.muon import OPTIMIZERS

# On TensorFlow Keras comes back to Python, and waits for the loss there, only after so many steps. (JAX and PyTorch
# wait for none. In several replicas of TensorFlow steps that are taken together fail in its runtime.)
STEPS_TOGETHER = 8


@contextlib.contextmanager
def policy(precision):
    """Keras's dtype policy for the networks that are built inside the block."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def build_model(config, image_shape):
    """The untrained model that a configuration describes, with weights seeded by `config.seed`."""
    keras.utils.set_random_seed(config.seed)
    of_pseudo_inputs = dict(value_range=(0.0, 1.0), turns=config.turns)
    prior = {
        "standard": lambda: "standard",
        "mog": lambda: MixtureOfGaussians(config.num_components, seed=config.seed),
        "vamp": lambda: VampPrior(config.num_components, **of_pseudo_inputs),
        "vamp_data": lambda: VampPrior(config.num_components, trainable=False, **of_pseudo_inputs),
    }[config.prior]()
    likelihood, below = LIKELIHOODS[config.likelihood](), config.network
    if config.network in PIXELCNN:
        likelihood, below = PixelCNN(likelihood, channels=config.pixelcnn_channels), PIXELCNN[config.network]
    shared = dict(prior=prior, likelihood=likelihood, seed=config.seed)
    if below in GATED:
        sizes = config.latent_dim, likelihood.parameters
        networks = GATED[below](config.model, image_shape, *sizes, config.logvar_range)
        return MODELS[config.model](**networks, **shared)
    return MODELS[config.model](
        image_shape=image_shape,
        latent_dim=config.latent_dim,
        network_size=config.network_size,
        activation=config.activation,
        encoder_trunk=config.encoder_trunk,
        decoder_trunk=config.decoder_trunk,
        logvar_range=config.logvar_range,
        latent_gain=config.latent_gain,
        **shared,
    )


def compile_model(model, config, steps_per_epoch):
    """Compiles a model for the training that `config` describes; within `policy`, as it was built."""
    rate, warmup = config.lr, config.lr_warmup_epochs * steps_per_epoch
    if config.lr_schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else config.lr,
            decay_steps=config.epochs * steps_per_epoch - warmup,
            warmup_target=config.lr if warmup else None,
            warmup_steps=warmup,
        )
    elif warmup:
        rate = keras.optimizers.schedules.PolynomialDecay(0.0, warmup, end_learning_rate=config.lr)
    if config.jit == "on":
        model.supports_jit = True
    together = keras.backend.backend() == "tensorflow" and not has_replicas()
    model.compile(
        optimizer=OPTIMIZERS[config.optimizer](rate, global_clipnorm=config.clip_norm or None),
        steps_per_execution=STEPS_TOGETHER if together else 1,
        iwae_samples=config.iwae_samples,
        free_nats=config.free_nats,
        jit_compile={"auto": "auto", "on": True, "off": False}[config.jit],
    )


def in_float32(model, config, image_shape):
    """The same model with float32 networks: numbers that are published do not depend on the training's precision."""
    with policy("float32"):
        twin = build_model(config, image_shape)
    twin.set_weights(model.get_weights())
    return twin
