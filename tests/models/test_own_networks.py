"""Networks of the user's own: those that fit are taken, and each that does not gets one sentence."""

import keras
import numpy as np
import pytest
from keras import layers

import vamp_core as vc
from vamp_core.models import MODELS
from vamp_core.networks.gated import gated_mlp


def dense(inputs, *outputs):
    """A network of dense layers, from the shapes of its inputs to so many units in each of its outputs."""
    inputs = [keras.Input(shape) for shape in inputs]
    hidden = layers.Concatenate()([layers.Flatten()(each) for each in inputs]) if len(inputs) > 1 else inputs[0]
    outputs = [layers.Dense(units)(hidden) for units in outputs]
    return keras.Model(inputs if len(inputs) > 1 else hidden, outputs if len(outputs) > 1 else outputs[0])


def named_outputs():
    x = keras.Input((7,))
    return keras.Model(x, {"mean": layers.Dense(3)(x), "logvar": layers.Dense(3)(x)})


class Subclassed(keras.Model):
    def call(self, x):
        return x, x


TABLE_VAE = dict(encoder=lambda: dense([(7,)], 3, 3), decoder=lambda: dense([(3,)], 7))
TABLE_HVAE = dict(
    encoder=lambda: dense([(7,)], 3, 3),
    image_features=lambda: dense([(7,)], 5),
    lower_encoder=lambda: dense([(5,), (3,)], 2, 2),
    conditional_prior=lambda: dense([(3,)], 2, 2),
    decoder=lambda: dense([(5,)], 7),
)


def of_own_networks(kind, **changed):
    networks = TABLE_VAE if kind is vc.VAE else TABLE_HVAE
    return kind(**{name: make() for name, make in {**networks, **changed}.items()}, likelihood="gaussian")


def test_own_networks_that_fit_are_accepted():
    assert of_own_networks(vc.VAE).latent_dim == 3
    sequential = of_own_networks(vc.VAE, decoder=lambda: keras.Sequential([keras.Input((3,)), layers.Dense(7)]))
    assert sequential.sample(2).shape == (2, 7)
    hvae = of_own_networks(vc.HVAE)
    assert hvae.latent_dim == 5 and hvae.elbo(np.zeros((2, 7))).kl.shape == (2,)


NOT_A_NETWORK = {
    "is a function: hand in a keras.Model": lambda: lambda x: (x, x),
    "is a Dense: hand in a keras.Model": lambda: layers.Dense(3),
    "does not know its shapes": Subclassed,
    r"does not know its shapes.*keras\.Input\(shape\)": lambda: keras.Sequential([layers.Dense(3)]),
}


@pytest.mark.parametrize("message", NOT_A_NETWORK)
@pytest.mark.parametrize("name", TABLE_HVAE)
def test_what_is_no_network_is_refused_in_every_place(name, message):
    kinds = [vc.VAE, vc.HVAE] if name in TABLE_VAE else [vc.HVAE]
    for kind in kinds:
        with pytest.raises(vc.InputError, match=f"The {name} {message}"):
            of_own_networks(kind, **{name: NOT_A_NETWORK[message]})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (dict(encoder=lambda: dense([(7,)], 3)), r"encoder takes \(B, 7\) and gives \(B, 3\), but must.*\[mean, log"),
        (dict(encoder=lambda: dense([(7,)], 3, 4)), r"gives \(B, 3\) and \(B, 4\), but must"),
        (dict(encoder=lambda: dense([(7,)], 3, 3, 3)), "but must take data and give"),
        (dict(encoder=lambda: dense([(2, 7)], 3, 3)), r"gives \(B, 2, 3\) and \(B, 2, 3\), but must"),
        (dict(encoder=lambda: dense([(7,), (7,)], 3, 3)), r"takes \(B, 7\) and \(B, 7\) and gives"),
        (dict(encoder=named_outputs), "gives a dictionary of .*but must"),
        (dict(image_features=lambda: dense([(7,)], 5, 5)), "image_features takes .* give features"),
        (dict(image_features=lambda: dense([(8,)], 5)), r"image_features take \(B, 8\), but the encoder takes"),
        (dict(image_features=lambda: dense([(7,)], 6)), r"image_features and encoder give \(B, 6\) and \(B, 3\)"),
        (dict(lower_encoder=lambda: dense([(3,)], 2, 2)), r"lower_encoder takes \(B, 3\).*take \[features, z2\]"),
        (dict(lower_encoder=lambda: dense([(3,), (5,)], 2, 2)), r"lower_encoder takes \(B, 3\) and \(B, 5\), but"),
        (dict(conditional_prior=lambda: dense([(4,)], 2, 2)), r"conditional_prior takes \(B, 4\), but the encoder"),
        (dict(conditional_prior=lambda: dense([(3,)], 4, 4)), r"conditional_prior gives \(B, 4\), but the lower_enc"),
        (dict(decoder=lambda: dense([(5,)], 7, 7)), "decoder takes .*but must take latents and give the likelihood's"),
        (dict(decoder=lambda: dense([(4,)], 7)), r"decoder takes \(B, 4\), but encoder and lower_encoder give"),
    ],
)  # fmt: skip
def test_own_networks_that_do_not_fit_are_named(changed, message):
    with pytest.raises(vc.InputError, match=message) as caught:
        of_own_networks(vc.HVAE, **changed)
    assert str(caught.value).count(". ") == 0 and str(caught.value).endswith(".")
    if "encoder" in changed:
        with pytest.raises(vc.InputError, match=message):
            of_own_networks(vc.VAE, **changed)


@pytest.mark.parametrize("kind", ["vae", "hvae"])
def test_sizes_that_contradict_own_networks_are_refused_but_old_files_that_hold_them_are_read(kind):
    networks, kind = gated_mlp(kind, image_shape=(7,), latent_dim=6), MODELS[kind]
    model = kind(**networks, image_shape=[7], latent_dim=6)
    with pytest.raises(vc.InputError, match="latent_dim is 4, but the networks handed in are made for 6"):
        kind(**networks, latent_dim=4)
    with pytest.raises(vc.InputError, match=r"image_shape is \(28, 28, 1\), but the networks .* for \(7,\)"):
        kind(**networks, image_shape=(28, 28, 1))
    # Files of version 0.1 hold what were the constructor's defaults, whatever the networks.
    old = {**model.get_config(), "image_shape": (28, 28, 1), "latent_dim": 2}
    assert kind.from_config(old).latent_dim == 6
    assert kind.from_config(kind(latent_dim=4, network_size=0.5).get_config()).latent_dim == 4
