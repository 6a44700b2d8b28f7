"""Small models of a table of seven columns, for tests of everything but pictures."""

import keras
import numpy as np
from keras import layers

import vamp_core as vc

TABLE = np.random.default_rng(0).random((60, 7)).astype("float32")


def dense(inputs, *outputs):
    """A network of one dense layer for each output, from inputs of so many columns."""
    inputs = [keras.Input((columns,)) for columns in inputs]
    joined = layers.Concatenate()(inputs) if len(inputs) > 1 else inputs[0]
    outputs = [layers.Dense(units)(joined) for units in outputs]
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs if len(outputs) > 1 else outputs[0])


def table_vae(kind=vc.VAE, encoder=None, **kwargs):
    """A VAE of two latents, with a hidden layer of four units in its encoder."""
    x = keras.Input((7,))
    hidden = layers.Dense(4, "tanh", name="hidden")(x)
    encoder = encoder or keras.Model(x, [layers.Dense(2)(hidden), layers.Dense(2)(hidden)])
    return kind(encoder=encoder, decoder=dense([2], 7), **{"seed": 0, **kwargs})


def table_hvae(**kwargs):
    """An HVAE whose encoder and image_features share their trunk, the natural way to write them."""
    x = keras.Input((7,))
    trunk = layers.Dense(4, "tanh", name="trunk")(x)
    return vc.HVAE(
        encoder=keras.Model(x, [layers.Dense(2)(trunk), layers.Dense(2)(trunk)]),
        image_features=keras.Model(x, trunk),
        lower_encoder=dense([4, 2], 2, 2),
        conditional_prior=dense([2], 2, 2),
        decoder=dense([4], 7),
        **{"seed": 0, **kwargs},
    )
