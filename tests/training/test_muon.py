"""Muon: steps of kernels by their singular vectors alone, all other weights by Adam."""

import keras
import numpy as np
import pytest
from small_runs import config
from test_adam import steps_of

import vamp_core as vc
from vamp_core.training import build
from vamp_core.training.adam import Adam
from vamp_core.training.muon import MOMENTUM, OPTIMIZERS, STEP, Muon, is_for, orthogonal
from vamp_core.training.train import _untrained


def matrix_with(singular_values, shape=None, seed=0):
    """A matrix with these singular values, and the one with the same singular vectors whose values are all one."""
    rng = np.random.default_rng(seed)
    n = len(singular_values)
    (u, _), (v, _) = (np.linalg.qr(rng.normal(size=(side, n))) for side in shape or (n, n))
    return (u * singular_values @ v.T).astype("float32"), u @ v.T


@pytest.mark.parametrize("shape", [(40, 40), (40, 150), (150, 40)], ids=["square", "wide", "tall"])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_singular_values_come_near_one_whatever_the_scale(scale, shape):
    matrix, polar = matrix_with(np.geomspace(0.02, 1, 40), shape)
    found = vc.as_numpy(orthogonal(keras.ops.convert_to_tensor(scale * matrix))).astype("float64")
    assert found.shape == shape
    values = np.linalg.svd(found, compute_uv=False)
    assert 0.6 < values.min() and values.max() < 1.3
    # Along the singular vectors of the matrix itself, so that the product with U Vᵀ is symmetric and positive.
    assert np.trace(found @ polar.T) == pytest.approx(values.sum(), rel=0.02)


@pytest.mark.parametrize("shape", [(64, 64), (49, 8), (800, 128)], ids=["square", "convolution", "tall"])
@pytest.mark.parametrize("smallest", [1e-2, 1e-4])
def test_bfloat16_makes_no_singular_value_large_however_small_it_was(shape, smallest):
    matrix, polar = matrix_with(np.geomspace(smallest, 1, min(shape)), shape)
    exact, rounded = (
        vc.as_numpy(keras.ops.cast(orthogonal(keras.ops.cast(matrix, dtype)), "float32")).astype("float64")
        for dtype in ("float32", "bfloat16")
    )
    values = np.linalg.svd(rounded, compute_uv=False)
    assert values.max() < 1.5
    for found in (exact, rounded):
        assert np.trace(found.T @ polar) > 0.85 * np.linalg.svd(found, compute_uv=False).sum()
    assert np.trace(rounded.T @ exact) > 0.9 * np.linalg.norm(rounded) * np.linalg.norm(exact)


def test_a_matrix_of_zeros_stays_where_it_is():
    assert not vc.as_numpy(orthogonal(keras.ops.zeros((5, 5)))).any()


@pytest.mark.parametrize("shape", [(64, 64), (64, 144), (144, 64), (3, 3, 64, 64), (3, 3, 8, 64)], ids=str)
def test_the_first_step_is_the_learning_rate_times_an_orthogonal_matrix(shape):
    as_matrix = int(np.prod(shape[:-1])), shape[-1]
    gradient, polar = matrix_with(np.linspace(0.3, 1, 64), as_matrix)
    gradient = gradient.reshape(shape)
    weight = keras.Variable(np.zeros(shape, "float32"), name="kernel")
    optimizer = Muon(0.01)
    optimizer.build([weight])
    optimizer.apply([keras.ops.convert_to_tensor(gradient)], [weight])
    step = -vc.as_numpy(weight).reshape(as_matrix) / (0.01 * STEP * max(as_matrix) ** 0.5)
    np.testing.assert_allclose(np.linalg.svd(step, compute_uv=False), 1, atol=0.35)
    np.testing.assert_allclose(step, polar, atol=0.25)
    optimizer.apply([keras.ops.convert_to_tensor(gradient)], [weight])
    momentum = vc.as_numpy(optimizer._momentums[0])
    np.testing.assert_allclose(momentum, (1 + MOMENTUM) * gradient, rtol=1e-5)


def taken(model):
    return [tuple(variable.shape) for variable in model.trainable_variables if is_for(variable)]


def test_convolutions_and_dense_layers_between_hidden_units_are_muons():
    model = vc.VAE(latent_dim=40, network_size=1, encoder_trunk=(256,), decoder_trunk=(256, 256), seed=0)
    of_encoder = [(7, 7, 1, 8), (3, 3, 8, 16), (5, 5, 16, 16), (3, 3, 16, 32), (1568, 256), (256, 256)]
    # Of a transposed convolution Keras has the outputs before the inputs.
    of_decoder = [(3, 3, 32, 32), (3, 3, 16, 32), (3, 3, 16, 16), (3, 3, 8, 16), (3, 3, 1, 8)]
    assert taken(model) == [*of_encoder, (256, 256), (256, 1568), *of_decoder]


def test_flat_pseudo_inputs_are_adams_though_they_are_a_matrix():
    data, z = keras.Input((784,)), keras.Input((2,))
    encoder = keras.Model(data, [keras.layers.Dense(2)(data), keras.layers.Dense(2)(data)])
    decoder = keras.Model(z, keras.layers.Dense(784)(z))
    model = vc.VAE(encoder=encoder, decoder=decoder, prior=vc.VampPrior(500), seed=0)
    assert tuple(model.prior.pseudo_inputs.shape) == (500, 784)
    assert not taken(model)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_products_are_as_exact_as_the_policy_that_it_was_made_under(policy):
    with build.policy(policy):
        optimizer = Muon()
    assert optimizer.dtype_of_products == ("bfloat16" if policy == "mixed_bfloat16" else "float32")
    matrix, _ = matrix_with(np.linspace(0.3, 1, 64))
    exact, found = (
        vc.as_numpy(keras.ops.cast(orthogonal(keras.ops.cast(matrix, dtype)), "float32")).astype("float64")
        for dtype in ("float32", optimizer.dtype_of_products)
    )
    difference = np.linalg.norm(found - exact) / np.linalg.norm(exact)
    assert (0.001 < difference < 0.1) if policy == "mixed_bfloat16" else difference == 0


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_a_run_has_the_products_of_its_precision(precision, tmp_path):
    settings = config(tmp_path, optimizer="muon", precision=precision, epochs=1)
    model = _untrained(settings, vc.load_data("digits").x_train, precision)
    assert model.optimizer.dtype_of_products == precision.removeprefix("mixed_")


def test_where_keras_updates_all_weights_together_a_run_has_kerass_adam():
    assert (OPTIMIZERS["adam"] is Adam) == (keras.backend.backend() == "tensorflow")


def test_all_other_weights_take_adams_steps():
    (ours, _), (adams, _) = steps_of(Muon(0.1)), steps_of(Adam(0.1))
    np.testing.assert_array_equal(ours, adams)


def test_what_is_excluded_from_decay_does_not_decay():
    kernel = keras.Variable(np.ones((64, 64), "float32"), name="kernel")
    optimizer = Muon(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[kernel])
    optimizer.build([kernel])
    optimizer.apply([keras.ops.zeros((64, 64))], [kernel])
    np.testing.assert_array_equal(vc.as_numpy(kernel), 1)


@pytest.mark.parametrize(
    ("layer", "taken"),
    [
        (keras.layers.Conv2D(4, 3), True),
        (keras.layers.Conv2D(1, 3), False),
        (keras.layers.DepthwiseConv2D(3), False),
        (keras.layers.Conv2DTranspose(1, 3), True),
    ],
    ids=lambda value: value.name if isinstance(value, keras.layers.Layer) else None,
)
def test_a_kernel_between_one_channel_and_patches_is_no_matrix(layer, taken):
    layer.build((None, 8, 8, 2))
    assert is_for(layer.kernel) == taken


def test_its_kernels_decay_and_no_other_weight():
    kernel, narrow, bias = (
        keras.Variable(np.ones(shape, "float32"), name=name)
        for shape, name in (((64, 64), "kernel"), ((64, 2), "kernel"), ((64,), "bias"))
    )
    weights = [kernel, narrow, bias]
    for decay, expected in ((0.5, 0.95), (None, 0.95)):
        optimizer = Muon(0.1, weight_decay=decay)
        optimizer.build(weights)
        optimizer.apply([keras.ops.zeros(weight.shape) for weight in weights], weights)
        np.testing.assert_allclose(vc.as_numpy(kernel), expected, rtol=1e-6)
    np.testing.assert_array_equal(vc.as_numpy(narrow), 1)
    np.testing.assert_array_equal(vc.as_numpy(bias), 1)


def test_a_model_trained_with_it_is_saved_and_goes_on(tmp_path):
    images = np.random.default_rng(0).random((64, 28, 28, 1), dtype="float32")
    model = vc.VAE(latent_dim=2, network_size=0.25, decoder_trunk=(64, 64), seed=0)
    model.compile(Muon(1e-3))
    model.fit(images, batch_size=32, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is Muon
    for each in (model, loaded):
        each.fit(images, batch_size=32, shuffle=False, verbose=0)
    for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-3)
