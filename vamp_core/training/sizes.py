"""How large a model and its training step will be, known from the settings alone, before anything is built."""

import math
from dataclasses import dataclass

from vamp_core.density.likelihoods import LIKELIHOODS
from vamp_core.errors import InputError
from vamp_core.models import MODELS
from vamp_core.networks.convolutional import NARROW_TO_WIDE, filters
from vamp_core.networks.gated import CHANNELS, CONVOLUTIONS, HIDDEN
from vamp_core.networks.masked import DEPTH, FEATURES, HIDDEN_KERNEL, IMAGE_KERNEL, PIXELCNN
from vamp_core.system import hardware
from vamp_core.system.memory import in_words, machine_memory
from vamp_core.training.config import PSEUDO_INPUTS

# Bytes. A parameter is there five times in float32: itself, its gradient, Adam's two means, the copy that is scored.
PER_PARAMETER = 20
# A layer's output is there twice in a step, before and after its activation, and its gradient once.
COPIES = 3


@dataclass(frozen=True)
class Size:
    """Of a network: how many parameters it has, and how many values all its layers give for one data point."""

    parameters: int = 0
    values: int = 0

    def __add__(self, other):
        return Size(self.parameters + other.parameters, self.values + other.values)


def check_memory(config, image_shape, devices=1):
    """Refuses a training that does not fit into memory.

    Args:
        config: a `TrainingConfig`.
        image_shape: (H, W, C) of its images.
        devices: how many share out each batch.

    Raises:
        InputError: the estimate is above what this machine has.
    """
    needs, has = training_bytes(config, image_shape, devices), machine_memory()
    if has is not None and needs > has:
        has = hardware.memory()  # asked for only now, since a GPU's is slow to ask for
    if has is not None and needs > has:
        raise InputError(
            f"This training would have {parameters(config, image_shape):,} parameters and take about {in_words(needs)} "
            f"of memory, of which this machine has {in_words(has)}: choose a smaller --network_size, --latent_dim, "
            "--num_components, --batch_size or trunk."
        )


def parameters(config, image_shape):
    """The number of parameters of the model that `config` describes."""
    components = 2 * config.num_components * _top_dim(config)
    pseudo_inputs = config.num_components * math.prod(image_shape) + components * (config.turns > 1)  # which are kept
    own = {"standard": 0, "mog": components, "vamp": pseudo_inputs, "vamp_data": pseudo_inputs}
    return sum(network.parameters for network in _networks(config, image_shape).values()) + own[config.prior]


def training_bytes(config, image_shape, devices=1):
    """Bytes that a training step takes at least on each of so many devices.

    These are for all parameters, and for what layers give for the device's part of the batch and of the pseudo-inputs.
    """
    networks = _networks(config, image_shape)
    once = sum(networks[name].values for name in ("encoder", "image_features") if name in networks)
    per_sample = sum(network.values for network in networks.values()) - once
    per_sample += math.prod(image_shape) + 4 * config.latent_dim
    values = config.batch_size * (once + config.iwae_samples * per_sample)
    if config.prior in PSEUDO_INPUTS:
        values += config.num_components // config.turns * networks["encoder"].values
    shared = (4 if config.precision == "float32" else 2) * values
    if config.prior != "standard":  # the density of each latent under each component, in float32
        shared += 4 * config.batch_size * config.iwae_samples * config.num_components
    return PER_PARAMETER * parameters(config, image_shape) + COPIES * shared / devices


def _top_dim(config):
    return config.latent_dim // MODELS[config.model].levels


def _networks(config, image_shape):
    """{role: Size} of a model's networks, as `networks.convolutional`, `gated` and `masked` build them."""
    numbers = LIKELIHOODS[config.likelihood].parameters
    if config.network == "conv":
        return _convolutional(config, image_shape, numbers)
    if config.network in PIXELCNN:
        networks = _gated(PIXELCNN[config.network], config, image_shape, FEATURES)
        return networks | {"pixelcnn": _pixelcnn(image_shape, numbers, config.pixelcnn_channels)}
    return _gated(config.network, config, image_shape, numbers)


def _convolutional(config, image_shape, numbers):
    height, width, channels = image_shape
    pixels, top = height * width, _top_dim(config)
    narrow, middle, wide = (filters(base, config.network_size) for base in NARROW_TO_WIDE)
    features = (
        _conv(pixels, 7, channels, narrow)
        + _conv(pixels // 4, 3, narrow, middle)
        + _conv(pixels // 4, 5, middle, middle)
        + _conv(pixels // 16, 3, middle, wide)
        + _dense(pixels // 16 * wide, 256)
    )
    start = pixels // 16 * 32
    decoder = (
        _dense(config.latent_dim, *config.decoder_trunk, start)
        + _conv(pixels // 16, 3, 32, wide)
        + _conv(pixels // 4, 3, wide, middle)
        + _conv(pixels // 4, 3, middle, middle)
        + _conv(pixels, 3, middle, narrow)
        + _conv(pixels, 3, narrow, channels * numbers)
    )
    networks = {"encoder": features + _heads(256, *config.encoder_trunk, top), "decoder": decoder}
    if config.model == "hvae":
        joint = _dense(top, 256, 256) + _dense(512, 256)
        networks["image_features"] = features
        networks["lower_encoder"] = joint + _heads(256, *config.encoder_trunk, top)
        networks["conditional_prior"] = _heads(top, 300, 300, top)
    return networks


def _gated(network, config, image_shape, numbers):
    pixels, (height, width, channels), top = math.prod(image_shape), image_shape, _top_dim(config)
    if network == "gated_mlp":
        seen, features = HIDDEN, _gated_dense(pixels)
        image = _dense(HIDDEN, pixels * numbers)
        deeper = _gated_dense(HIDDEN)
    else:
        features, depth, deeper = Size(), channels, Size()
        for count, kernel, stride in CONVOLUTIONS:
            height, width = -(-height // stride), -(-width // stride)
            features, depth = features + _conv(height * width, kernel, depth, 2 * count), count
        seen, positions = height * width * depth, pixels // channels
        image = _gated_dense(HIDDEN, pixels) + _conv(positions, 3, channels, 2 * CHANNELS)
        for _ in range(3):
            image += _conv(positions, 3, CHANNELS, 2 * CHANNELS)
        image += _conv(positions, 1, CHANNELS, channels * numbers)
    last = HIDDEN if network == "gated_mlp" else seen
    networks = {"encoder": features + deeper + _heads(last, top)}
    if config.model == "vae":
        return networks | {"decoder": _gated_dense(top) + deeper + image}
    both = _gated_dense(top) + _gated_dense(top)
    # The MLP's second layer and the convolutions' dense one see both levels' units side by side.
    wider = Size(2 * HIDDEN * (HIDDEN if network == "gated_mlp" else pixels), 0)
    return networks | {
        "image_features": features,
        "lower_encoder": _gated_dense(top) + _gated_dense(seen + HIDDEN) + _heads(HIDDEN, top),
        "conditional_prior": _gated_dense(top) + _gated_dense(HIDDEN) + _heads(HIDDEN, top),
        "decoder": both + wider + deeper + image,
    }


def _pixelcnn(image_shape, numbers, width):
    *sides, channels = image_shape
    positions, told = math.prod(sides), FEATURES * channels
    size = Size()
    layers = [(IMAGE_KERNEL, channels), *DEPTH * [(HIDDEN_KERNEL, width)], (1, width)]
    for (kernel, inputs), count in zip(layers, [*(DEPTH + 1) * [2 * width], channels * numbers], strict=True):
        rows = kernel // 2 + 1  # those above the pixel, and its own
        size += Size((rows * kernel * inputs + told + 1) * count, 2 * positions * count)
    return size


def _conv(positions, kernel, inputs, count):
    return Size((kernel * kernel * inputs + 1) * count, positions * count)


def _dense(*widths):
    """Of dense layers, from the width of their input to that of the last one."""
    return sum((Size((n + 1) * m, m) for n, m in zip(widths, widths[1:], strict=False)), Size())


def _heads(*widths):
    """Of dense layers, the last one twice: for mean and log-variance."""
    return _dense(*widths) + _dense(*widths[-2:])


def _gated_dense(inputs, count=HIDDEN):
    return _dense(inputs, count) + _dense(inputs, count)
