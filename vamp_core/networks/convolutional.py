"""The forerunner's convolutional networks, their widths scaled by `network_size`."""

import numbers

import keras
from keras import layers

from vamp_core.errors import InputError
from vamp_core.networks.bounded import Bounded

# The forerunner's limits on the log-variance of latents: a standard deviation of 0.05 to 2.7.
LOGVAR_RANGE = (-6.0, 2.0)

NARROW_TO_WIDE = (8, 16, 32)  # filters at network_size 1


def conv_encoder(
    image_shape=(28, 28, 1), latent_dim=2, network_size=4, activation="relu", trunk=(), logvar_range=LOGVAR_RANGE
):
    """The convolutional q(z | x): four convolutions, a dense layer, two heads.

    Args:
        image_shape: (H, W, C), both sides multiples of four.
        latent_dim: D.
        network_size: s; the convolutions have 8s, 16s, 16s and 32s filters.
        activation: of the convolutions and the dense layer, any name that Keras knows.
        trunk: units of dense (swish) layers before the heads, for instance (256,).
        logvar_range: least and greatest log-variance, kept as by `bounded`. Where it is too narrow, posteriors
            pile up at its ends.

    Returns:
        A `keras.Model`: images (B, H, W, C) → [mean (B, D), logvar (B, D) within `logvar_range`].
    """
    images = keras.Input(_check_shape(image_shape), name="images")
    hidden = _image_features(images, network_size, activation)
    outputs = normal_heads(_dense_stack(hidden, trunk, "swish"), latent_dim, logvar_range)
    return keras.Model(images, outputs, name="encoder")


def conv_features(image_shape=(28, 28, 1), network_size=4, activation="relu"):
    """The image's share of the HVAE's q(z1 | x, z2): the encoder's convolutions without its heads.

    Returns:
        A `keras.Model`: images (B, H, W, C) → features (B, 256).
    """
    images = keras.Input(_check_shape(image_shape), name="images")
    return keras.Model(images, _image_features(images, network_size, activation), name="image_features")


def lower_encoder(features_dim, top_dim, latent_dim, activation="relu", trunk=(), logvar_range=LOGVAR_RANGE):
    """The HVAE's q(z1 | x, z2): two dense layers on z2, joined with the image's features in one more.

    Args:
        features_dim: F, size of the image's features.
        top_dim: number of latents of z2.
        latent_dim: number of latents of z1.
        trunk, logvar_range: as in `conv_encoder`.

    Returns:
        A `keras.Model`: [features (B, F), z2 (B, top_dim)] → [mean, logvar], (B, latent_dim) each.
    """
    features = keras.Input((features_dim,), name="image_features")
    z2 = keras.Input((top_dim,), name="z2")
    hidden = _dense_stack(z2, (256, 256), activation)
    hidden = layers.Concatenate(dtype="float32")([features, hidden])
    hidden = _dense_stack(hidden, (256,), activation)
    outputs = normal_heads(_dense_stack(hidden, trunk, "swish"), latent_dim, logvar_range)
    return keras.Model([features, z2], outputs, name="lower_encoder")


def conditional_prior(top_dim, latent_dim, activation="relu", logvar_range=LOGVAR_RANGE):
    """The HVAE's p(z1 | z2): two dense layers of 300 units, then mean and log-variance.

    Returns:
        A `keras.Model`: z2 (B, top_dim) → [mean, logvar], (B, latent_dim) each.
    """
    z2 = keras.Input((top_dim,), name="z2")
    outputs = normal_heads(_dense_stack(z2, (300, 300), activation), latent_dim, logvar_range)
    return keras.Model(z2, outputs, name="conditional_prior")


def conv_decoder(
    image_shape=(28, 28, 1), latent_dim=2, network_size=4, activation="relu", trunk=(), parameters=1, latent_gain=0
):
    """The convolutional p(x | z): a dense layer onto 1/4 × 1/4 of the image, five transposed convolutions.

    Args:
        image_shape, latent_dim, network_size, activation: as in `conv_encoder`; the transposed
            convolutions have 32s, 16s, 16s, 8s and C · parameters filters.
        trunk: units of dense (swish) layers between the latent and the first dense layer, for
            instance (256, 256, 256): few latents need depth to unfold, not width.
        parameters: numbers per value that the likelihood asks for (1 for a Bernoulli).
        latent_gain: standard deviation of the weights with which the trunk's first layer starts; 0 for Keras's
            own start. There all units bend at the origin and hardly anywhere else, so that only latents far
            apart make unlike images: under a prior without a scale of its own the latents run away.

    Returns:
        A `keras.Model`: latents (B, D) → (B, H, W, C · parameters), before any sigmoid, in float32.
    """
    height, width, channels = _check_shape(image_shape)
    narrow, middle, wide = (filters(base, network_size) for base in NARROW_TO_WIDE)
    check_gain(latent_gain, trunk)
    z = keras.Input((latent_dim,), name="z")
    hidden = _dense_stack(z, trunk, "swish", latent_gain)
    hidden = layers.Dense(height // 4 * (width // 4) * 32, activation="relu", dtype="float32")(hidden)
    hidden = layers.Reshape((height // 4, width // 4, 32))(hidden)
    for count, strides in ((wide, 1), (middle, 2), (middle, 1), (narrow, 2)):
        hidden = layers.Conv2DTranspose(count, 3, strides, padding="same", activation=activation)(hidden)
    hidden = layers.Conv2DTranspose(channels * parameters, 3, padding="same", name="logits")(hidden)
    return keras.Model(z, layers.Activation("linear", dtype="float32")(hidden), name="decoder")


def _image_features(images, network_size, activation):
    """(B, H, W, C) → (B, 256): the four convolutions and the dense layer that both encoders share in shape."""
    narrow, middle, wide = (filters(base, network_size) for base in NARROW_TO_WIDE)
    hidden = images
    for count, kernel, strides in ((narrow, 7, 1), (middle, 3, 2), (middle, 5, 1), (wide, 3, 2)):
        hidden = layers.Conv2D(count, kernel, strides, padding="same", activation=activation)(hidden)
    return layers.Dense(256, activation=activation)(layers.Flatten()(hidden))


def _dense_stack(hidden, units, activation, gain=0):
    """Dense layers; with a gain, the units of the first one bend along lines all over the plane |z| ≲ 2."""
    start = {}
    if gain:
        start["kernel_initializer"] = keras.initializers.RandomNormal(stddev=gain)
        start["bias_initializer"] = keras.initializers.RandomUniform(-2 * gain, 2 * gain)
    for count in units:
        hidden = layers.Dense(count, activation=activation, dtype="float32", **start)(hidden)
        start = {}
    return hidden


def normal_heads(hidden, latent_dim, logvar_range=LOGVAR_RANGE):
    """The last layers of a q or p over latents: [mean, logvar], (B, latent_dim) each, in float32."""
    mean = layers.Dense(latent_dim, dtype="float32", name="mean")(hidden)
    logvar = layers.Dense(latent_dim, dtype="float32", name="logvar")(hidden)
    return [mean, Bounded(*logvar_range, dtype="float32")(logvar)]


def check_gain(latent_gain, trunk):
    """Raises an `InputError` for a gain that is negative, or that no layer would have."""
    if not latent_gain >= 0:
        raise InputError(f"latent_gain is {latent_gain}; choose 0 for Keras's own start, or for instance 3.")
    if latent_gain and not trunk:
        raise InputError(
            f"latent_gain is {latent_gain}, but there is no trunk that it would be of: give the decoder one, "
            "for instance (256, 256, 256), or leave the gain at 0."
        )


def filters(base, network_size):
    """base · network_size filters, at least one; otherwise an `InputError`."""
    if not isinstance(network_size, numbers.Real) or not 1 <= base * network_size < float("inf"):
        raise InputError(
            f"network_size is {network_size!r}; it scales the number of filters, from {base} up, so choose "
            f"a number of {1 / base:g} or more."
        )
    return int(base * network_size)


def _check_shape(image_shape):
    sizes_are_whole = all(isinstance(size, numbers.Integral) and size > 0 for size in image_shape)
    if len(image_shape) != 3 or not sizes_are_whole or any(side % 4 for side in image_shape[:2]):
        raise InputError(
            f"image_shape is {tuple(image_shape)}; the convolutional networks halve height and width twice, so they "
            "take (height, width, channels) with both sides multiples of 4: pad the images or use your own networks."
        )
    return tuple(map(int, image_shape))  # Keras insists on Python's integers
