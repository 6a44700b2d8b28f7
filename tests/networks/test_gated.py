"""The paper's networks: the gate, the layers, and models that train, save and load."""

import keras
import numpy as np
import pytest
from gradients import value_and_gradients
from keras import layers, ops

import vamp_core as vc
from vamp_core.networks.gated import GATED, gated_conv, gated_conv2d, gated_dense, gated_mlp

IMAGES = (np.random.default_rng(0).random((12, 8, 8, 1)) < 0.3).astype("float32")
KINDS = [(network, model) for network in GATED for model in ("vae", "hvae")]
MODELS = {"vae": vc.VAE, "hvae": vc.HVAE}


def test_a_gated_dense_layer_is_a_linear_one_times_the_sigmoid_of_another():
    inputs = keras.Input((5,))
    model = keras.Model(inputs, gated_dense(inputs, 4))
    linear, gate = (layer for layer in model.layers if layer.weights)
    assert linear.activation is keras.activations.linear
    assert gate.activation is keras.activations.sigmoid
    x = ops.convert_to_tensor(np.random.default_rng(1).normal(size=(3, 5)).astype("float32"))
    np.testing.assert_allclose(
        ops.convert_to_numpy(model(x)), ops.convert_to_numpy(linear(x)) * ops.convert_to_numpy(gate(x)), rtol=1e-6
    )


def test_a_gated_convolution_is_a_linear_one_times_the_sigmoid_of_another():
    inputs = keras.Input((8, 8, 2))
    model = keras.Model(inputs, gated_conv2d(inputs, 4, 3, 2))
    (both,) = (layer for layer in model.layers if layer.weights)
    x = np.random.default_rng(1).normal(size=(3, 8, 8, 2)).astype("float32")
    linear, gate = np.split(ops.convert_to_numpy(both(x)), 2, axis=-1)
    np.testing.assert_allclose(ops.convert_to_numpy(model(x)), linear / (1 + np.exp(-gate)), rtol=1e-5)


def kernels(network):
    """Kernel shapes of a network's layers; of gated dense ones of the linear half, of gated convolutions of both."""
    return [
        tuple(layer.kernel.shape)
        for layer in network.layers
        if isinstance(layer, (layers.Dense, layers.Conv2D)) and layer.activation is not keras.activations.sigmoid
    ]


def test_the_mlp_is_the_papers():
    vae, hvae = gated_mlp("vae", latent_dim=40), gated_mlp("hvae", latent_dim=80)
    assert kernels(vae["encoder"]) == [(784, 300), (300, 300), (300, 40), (300, 40)]
    assert kernels(vae["decoder"]) == [(40, 300), (300, 300), (300, 784)]
    assert kernels(hvae["encoder"]) == kernels(vae["encoder"])
    assert kernels(hvae["image_features"]) == [(784, 300)]
    assert kernels(hvae["lower_encoder"]) == [(40, 300), (600, 300), (300, 40), (300, 40)]
    assert kernels(hvae["conditional_prior"]) == [(40, 300), (300, 300), (300, 40), (300, 40)]
    assert kernels(hvae["decoder"]) == [(40, 300), (40, 300), (600, 300), (300, 784)]
    narrow = gated_mlp("hvae", latent_dim=80, units=50)
    assert kernels(narrow["lower_encoder"]) == [(40, 50), (100, 50), (50, 40), (50, 40)]


def test_the_convolutions_are_the_papers():
    networks = gated_conv("hvae", latent_dim=80)
    both = 2  # a convolution and its gate
    convolutions = [(7, 7, 1, 32), (3, 3, 32, 32), (5, 5, 32, 64), (3, 3, 64, 64), (3, 3, 64, 6)]
    convolutions = [(*kernel, both * filters) for *kernel, filters in convolutions]
    assert kernels(networks["encoder"]) == [*convolutions, (294, 40), (294, 40)]
    assert networks["image_features"].output_shape == (None, 294)
    assert networks["decoder"].output_shape == (None, 28, 28, 1)
    assert kernels(networks["decoder"])[2:] == [
        (600, 784), (3, 3, 1, both * 64), *[(3, 3, 64, both * 64)] * 3, (1, 1, 64, 1)
    ]  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize(("network", "kind"), KINDS)
def test_models_of_gated_networks_train_save_and_load(network, kind, tmp_path):
    networks = GATED[network](kind, image_shape=(8, 8, 1), latent_dim=4, parameters=1)
    model = MODELS[kind](**networks, prior=vc.VampPrior(pseudo_inputs=IMAGES[:3]), seed=0)
    _, gradients = value_and_gradients(
        lambda: -ops.mean(model(ops.convert_to_tensor(IMAGES)).elbo), model.trainable_variables
    )
    assert all(np.any(gradient != 0) for gradient in gradients)
    model.compile(optimizer="adam")
    model.fit(IMAGES, epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.elbo(IMAGES, seed=0).elbo, model.elbo(IMAGES, seed=0).elbo, rtol=1e-5)


@pytest.mark.parametrize("network", GATED)
def test_sizes_may_be_numpys_integers(network):
    networks = GATED[network]("hvae", image_shape=tuple(np.array(IMAGES.shape[1:])), latent_dim=np.int64(4))
    assert networks["decoder"].output_shape == (None, 8, 8, 1)


def test_the_lower_levels_do_not_mix_before_they_should():
    """The decoder's first layers look at z2 and at z1 apart: the latents arrive as [z2, z1]."""
    decoder = gated_mlp("hvae", image_shape=(8, 8, 1), latent_dim=4)["decoder"]
    z = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    swapped = z[:, [2, 3, 0, 1]]
    assert not np.allclose(ops.convert_to_numpy(decoder(z)), ops.convert_to_numpy(decoder(swapped)))
