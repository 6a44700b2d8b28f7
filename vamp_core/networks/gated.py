"""The paper's networks: gated dense layers and gated convolutions (Tomczak & Welling 2018, section 5 and supplement).

A gated layer is a linear one times the sigmoid of another (Dauphin et al. 2017); there is no
other activation. `gated_mlp` and `gated_conv` give all networks of a model by the names under
which `VAE` and `HVAE` take them: `vc.HVAE(**gated_mlp("hvae", latent_dim=80), prior="vamp")`.
"""

import functools
import math
import operator

import keras
from keras import layers, ops

from vamp_core.networks.convolutional import LOGVAR_RANGE, normal_heads

HIDDEN = 300  # units of a gated dense layer
CHANNELS = 64  # of the decoder's gated convolutions

# filters, kernel and stride of the convolutional encoder's layers; the last one makes the features small.
CONVOLUTIONS = ((32, 7, 1), (32, 3, 2), (64, 5, 1), (64, 3, 2), (6, 3, 1))


def gated_mlp(
    model="vae", image_shape=(28, 28, 1), latent_dim=40, parameters=1, logvar_range=LOGVAR_RANGE, units=HIDDEN
):
    """All networks of a model, from gated dense layers.

    Args:
        model: "vae" or "hvae".
        image_shape: shape of a data point, of any rank.
        latent_dim: D; of both levels together for an HVAE, D/2 each.
        parameters: numbers per value that the likelihood asks for.
        logvar_range: least and greatest log-variance of the latents.
        units: of a gated dense layer.

    Returns:
        {name: `keras.Model`}, keyword arguments for `VAE` or `HVAE`.
    """
    image_shape = tuple(map(operator.index, image_shape))  # Keras insists on Python's integers
    dense = functools.partial(gated_dense, units=units)

    def features(x):
        return dense(layers.Flatten()(x))

    def image(hidden):
        *event, channels = image_shape
        shape = (*event, channels * parameters)
        return layers.Reshape(shape)(layers.Dense(math.prod(shape), name="logits")(hidden))

    return _networks(model, image_shape, latent_dim, logvar_range, features, image, dense, second_layer=True)


def gated_conv(model="vae", image_shape=(28, 28, 1), latent_dim=40, parameters=1, logvar_range=LOGVAR_RANGE):
    """All networks of a model, from gated convolutions; arguments and result as for `gated_mlp`.

    The encoder's convolutions are those of `CONVOLUTIONS`; the decoder brings its latents to
    the image's size by one gated dense layer and goes through four gated 3×3 convolutions.
    """
    image_shape = tuple(map(operator.index, image_shape))

    def features(x):
        hidden = x
        for filters, kernel, strides in CONVOLUTIONS:
            hidden = gated_conv2d(hidden, filters, kernel, strides)
        return layers.Flatten()(hidden)

    def image(hidden):
        *sides, channels = image_shape
        hidden = layers.Reshape((*sides, channels))(gated_dense(hidden, math.prod(image_shape)))
        for _ in range(4):
            hidden = gated_conv2d(hidden, CHANNELS, 3)
        return layers.Conv2D(channels * parameters, 1, name="logits")(hidden)

    return _networks(model, image_shape, latent_dim, logvar_range, features, image, gated_dense, second_layer=False)


def gated_dense(hidden, units=HIDDEN):
    """A dense layer times the sigmoid of another: (B, n) → (B, units)."""
    return layers.Multiply()([layers.Dense(units)(hidden), layers.Dense(units, "sigmoid")(hidden)])


def gated_conv2d(hidden, filters, kernel, strides=1):
    """A convolution times the sigmoid of another: (B, H, W, n) → (B, H / strides, W / strides, filters)."""
    # Both in one, of twice the filters: one pass over the input instead of two.
    both = layers.Conv2D(2 * filters, kernel, strides, padding="same")(hidden)
    linear, gate = ops.split(both, 2, axis=-1)  # not ops.glu, which mistakes its result's shape below Keras 3.12
    return linear * ops.sigmoid(gate)


def _networks(model, image_shape, latent_dim, logvar_range, features, image, dense, second_layer):
    """Puts a model together from `features` of an image, an `image` from hidden units, and `dense` layers between.

    `second_layer`: whether encoder and decoder have a second gated dense layer, as the MLP has.
    """

    def deeper(hidden):
        return dense(hidden) if second_layer else hidden

    def network(name, inputs, outputs):
        return keras.Model(inputs, outputs, name=name)

    def normal(hidden):
        return normal_heads(hidden, top_dim, logvar_range)

    latent_dim = operator.index(latent_dim)
    top_dim = latent_dim if model == "vae" else latent_dim // 2
    x = keras.Input(image_shape, name="images")
    networks = {"encoder": network("encoder", x, normal(deeper(features(x))))}
    z = keras.Input((latent_dim,), name="z")
    if model == "vae":
        return {**networks, "decoder": network("decoder", z, _float32(image(deeper(dense(z)))))}

    networks["image_features"] = network("image_features", x, features(x))
    h = keras.Input(networks["image_features"].output_shape[1:], name="image_features")
    z2 = keras.Input((top_dim,), name="z2")
    joint = dense(layers.Concatenate()([h, dense(z2)]))
    networks["lower_encoder"] = network("lower_encoder", [h, z2], normal(joint))
    conditional = dense(dense(z2))
    networks["conditional_prior"] = network("conditional_prior", z2, normal(conditional))
    both = layers.Concatenate()([dense(z[:, :top_dim]), dense(z[:, top_dim:])])
    return {**networks, "decoder": network("decoder", z, _float32(image(deeper(both))))}


def _float32(logits):
    return layers.Activation("linear", dtype="float32")(logits)


GATED = {"gated_mlp": gated_mlp, "gated_conv": gated_conv}
