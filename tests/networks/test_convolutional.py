"""The convolutional networks, layer by layer, against the forerunner's table."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from references import assert_close

from vamp_core.errors import InputError
from vamp_core.networks.convolutional import conditional_prior, conv_decoder, conv_encoder, conv_features, lower_encoder

SIZES = (1, 4)
SHAPES = ((28, 28, 1), (32, 32, 3), (8, 12, 1))

# Filters at network_size 1, kernel, stride.
ENCODER_TABLE = ((8, 7, 1), (16, 3, 2), (16, 5, 1), (32, 3, 2))
DECODER_TABLE = ((32, 3, 1), (16, 3, 2), (16, 3, 1), (8, 3, 2))


def of_kind(kind, network):
    return [layer for layer in network.layers if type(layer) is kind]


def activation(layer):
    return keras.activations.serialize(layer.activation)


def dense(network):
    """Units and activation of the dense layers, in the order in which they are passed through."""
    return [(layer.units, activation(layer)) for layer in of_kind(layers.Dense, network)]


def table(convolutions):
    """What the forerunner's table says of convolutions, and its padding and activations."""
    return [(c.filters, c.kernel_size, c.strides, c.padding, activation(c)) for c in convolutions]


def expected(rows, network_size, name):
    return [(n * network_size, (k, k), (s, s), "same", name) for n, k, s in rows]


def images(*shape):
    return np.random.uniform(size=shape).astype("float32")


@pytest.mark.parametrize("network_size", SIZES)
@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_encoder_is_the_forerunners(network_size, name):
    encoder = conv_encoder((28, 28, 1), 2, network_size, name)
    assert table(of_kind(layers.Conv2D, encoder)) == expected(ENCODER_TABLE, network_size, name)
    assert dense(encoder) == [(256, name), (2, "linear"), (2, "linear")]
    s = network_size
    weights = [7 * 7 * 8 * s, 3 * 3 * 8 * s * 16 * s, 5 * 5 * (16 * s) ** 2, 3 * 3 * 16 * s * 32 * s]
    weights += [7 * 7 * 32 * s * 256, 256 * 2, 256 * 2]
    assert encoder.count_params() == sum(weights) + (8 + 16 + 16 + 32) * s + 256 + 2 + 2


@pytest.mark.parametrize("network_size", SIZES)
@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_decoder_is_the_forerunners(network_size, name):
    decoder = conv_decoder((28, 28, 1), 2, network_size, name)
    *hidden, last = of_kind(layers.Conv2DTranspose, decoder)
    assert table(hidden) == expected(DECODER_TABLE, network_size, name)
    assert table([last]) == expected([(1, 3, 1)], 1, "linear")
    assert dense(decoder) == [(7 * 7 * 32, "relu")]  # relu whatever the other activations
    s = network_size
    weights = [32 * 32 * s, 32 * s * 16 * s, (16 * s) ** 2, 16 * s * 8 * s, 8 * s]
    biases = (32 + 16 + 16 + 8) * s + 1
    assert decoder.count_params() == (2 + 1) * 7 * 7 * 32 + 3 * 3 * sum(weights) + biases


def test_network_size_can_be_a_fraction_and_filters_are_rounded_down():
    for network_size, filters in ((0.3, [2, 4, 4, 9]), (0.125, [1, 2, 2, 4])):
        encoder = conv_encoder((8, 8, 1), network_size=network_size)
        assert [conv.filters for conv in of_kind(layers.Conv2D, encoder)] == filters


def test_images_shrink_and_grow_where_the_table_says():
    sides = [conv.output.shape[1] for conv in of_kind(layers.Conv2D, conv_encoder(network_size=1))]
    assert sides == [28, 14, 14, 7]
    sides = [conv.output.shape[1] for conv in of_kind(layers.Conv2DTranspose, conv_decoder(network_size=1))]
    assert sides == [7, 14, 14, 28, 28]


def test_image_features_are_the_encoder_without_its_heads():
    features, encoder = conv_features((8, 8, 1), 1, "tanh"), conv_encoder((8, 8, 1), 2, 1, "tanh")
    assert features.output_shape == (None, 256)
    assert table(of_kind(layers.Conv2D, features)) == expected(ENCODER_TABLE, 1, "tanh")
    assert dense(features) == [(256, "tanh")]
    features.set_weights(encoder.get_weights()[:-4])
    x = images(2, 8, 8, 1)
    mean = encoder.get_layer("mean")(features(x))
    assert_close(mean, ops.convert_to_numpy(encoder(x)[0]))


def test_lower_encoder_joins_the_image_with_two_dense_layers_of_z2():
    network = lower_encoder(7, 3, 2, "tanh")
    assert sorted(dense(network)) == [(2, "linear")] * 2 + [(256, "tanh")] * 3
    weights = 3 * 256 + 256 * 256 + (7 + 256) * 256 + 2 * 256 * 2
    assert network.count_params() == weights + 3 * 256 + 2 * 2
    features, z2 = images(4, 7), images(4, 3)
    mean, _ = (ops.convert_to_numpy(output) for output in network([features, z2]))
    for other in ([features[::-1], z2], [features, z2[::-1]]):
        assert not np.any(ops.convert_to_numpy(network(other)[0]) == mean)


def test_conditional_prior_has_two_dense_layers_of_300():
    network = conditional_prior(3, 2, "tanh")
    assert dense(network) == [(300, "tanh"), (300, "tanh"), (2, "linear"), (2, "linear")]
    assert network.count_params() == 4 * 300 + 301 * 300 + 2 * 301 * 2


@pytest.mark.parametrize("shape", SHAPES)
def test_networks_take_and_give_these_shapes(shape):
    mean, logvar = conv_encoder(shape, 5, 1)(images(2, *shape))
    assert tuple(mean.shape) == tuple(logvar.shape) == (2, 5)
    for parameters in (1, 2):
        output = conv_decoder(shape, 5, 1, parameters=parameters)(mean)
        assert tuple(output.shape) == (2, *shape[:2], shape[2] * parameters)


def networks_with_logvars():
    """The three networks that give a normal distribution, each with an input of absurd size."""
    yield conv_encoder((8, 8, 1), 3, 1), 1e4 * (images(50, 8, 8, 1) - 0.5)
    yield lower_encoder(5, 2, 3), [1e4 * (images(50, 5) - 0.5), 1e4 * (images(50, 2) - 0.5)]
    yield conditional_prior(2, 3), 1e4 * (images(50, 2) - 0.5)


def test_logvars_stay_between_minus_six_and_two_and_means_are_free():
    for network, x in networks_with_logvars():
        mean, logvar = (ops.convert_to_numpy(output) for output in network(x))
        assert logvar.min() == -6 and logvar.max() == 2, network.name
        assert abs(mean).max() > 6, network.name


@pytest.mark.parametrize("network", [conv_encoder, conv_features, conv_decoder])
@pytest.mark.parametrize("shape", [(28, 28), (30, 28, 1), (28, 30, 1), (0, 28, 1), (None, 28, 1), (2, 4, 1)])
def test_image_shapes_that_cannot_be_halved_twice_are_refused(network, shape):
    with pytest.raises(InputError, match="multiples of 4"):
        network(shape)


@pytest.mark.parametrize("network", [conv_encoder, conv_features, conv_decoder])
@pytest.mark.parametrize("network_size", [0.12, 0, -1])
def test_network_sizes_without_a_single_filter_are_refused(network, network_size):
    with pytest.raises(InputError, match=f"network_size is {network_size}"):
        network((8, 8, 1), network_size=network_size)


def computes_in(network, *kinds):
    return {layer.compute_dtype for layer in network.layers if isinstance(layer, kinds)}


def test_mixed_precision_is_for_convolutions_and_never_for_latents():
    keras.config.set_dtype_policy("mixed_bfloat16")
    shape = (8, 8, 1)
    encoder, decoder = conv_encoder(shape, 2, 1, trunk=(16,)), conv_decoder(shape, 2, 1, trunk=(16,))
    assert computes_in(encoder, layers.Conv2D) == computes_in(decoder, layers.Conv2DTranspose) == {"bfloat16"}
    to_features, *on_latents = of_kind(layers.Dense, encoder)
    assert to_features.compute_dtype == "bfloat16"
    assert {layer.compute_dtype for layer in on_latents} == {"float32"}
    for network in (decoder, lower_encoder(256, 2, 2, trunk=(16,)), conditional_prior(2, 2)):
        assert computes_in(network, layers.Dense, layers.Concatenate) == {"float32"}
    outputs = [*encoder(images(2, *shape)), decoder(images(2, 2))]
    assert [keras.backend.standardize_dtype(output.dtype) for output in outputs] == ["float32"] * 3
    assert {weight.dtype for weight in (*encoder.weights, *decoder.weights)} == {"float32"}


def test_mixed_precision_does_not_round_the_latents():
    keras.config.set_dtype_policy("mixed_bfloat16")
    z, decoder = np.float32([[4.003, -2.0007]]), conv_decoder((8, 8, 1), 2, 1)
    first = of_kind(layers.Dense, decoder)[0]
    kernel, bias = (ops.convert_to_numpy(weight).astype("float64") for weight in first.weights)
    assert_close(keras.Model(decoder.input, first.output)(z), np.maximum(z @ kernel + bias, 0))
    half = keras.Model(z_in := keras.Input((2,)), conditional_prior(2, 2)(z_in))
    assert_close(half(z)[0], ops.convert_to_numpy(half.layers[-1](z)[0]))


@pytest.mark.parametrize("trunk", [(), (64,), (64, 32)])
def test_trunk_adds_exactly_the_layers_asked_for(trunk):
    swish = [(units, "silu") for units in trunk]
    shape = (8, 8, 1)
    assert dense(conv_encoder(shape, 2, 1, "relu", trunk))[1:-2] == swish
    assert dense(conv_decoder(shape, 2, 1, "relu", trunk))[:-1] == swish
    chain = [256, *trunk]
    growth = sum((a + 1) * b for a, b in zip(chain, trunk, strict=False)) + 2 * 2 * (chain[-1] - 256)
    for network in (conv_encoder, lambda *args: lower_encoder(9, 2, 2, "relu", *args[4:])):
        without, with_trunk = network(shape, 2, 1, "relu", ()), network(shape, 2, 1, "relu", trunk)
        assert with_trunk.count_params() - without.count_params() == growth
        assert len(with_trunk.layers) - len(without.layers) == len(trunk)


@pytest.mark.parametrize("shape", [(-4, 28, 1), (28.0, 28, 1), (28, 28, 0)])
def test_sizes_that_are_not_positive_whole_numbers_are_refused(shape):
    for network in (conv_encoder, conv_decoder):
        with pytest.raises(InputError, match="image_shape is"):
            network(shape)


@pytest.mark.parametrize("size", [float("nan"), "4", None])
def test_network_sizes_that_are_not_numbers_are_refused(size):
    with pytest.raises(InputError, match="network_size is"):
        conv_encoder(network_size=size)


@pytest.mark.parametrize(("logvar_range", "expected"), [((-6.0, 2.0), [-6.0, 2.0]), ((-12.0, 6.0), [-12.0, 6.0])])
def test_log_variances_stay_within_their_range(logvar_range, expected):
    encoder = conv_encoder((8, 8, 1), 2, 1, logvar_range=logvar_range)
    encoder.get_layer("logvar").bias.assign([-100.0, 100.0])
    _, logvar = encoder(np.zeros((1, 8, 8, 1), "float32"))
    assert ops.convert_to_numpy(logvar).tolist() == [expected]


def test_a_gain_makes_the_decoder_tell_near_latents_apart_from_the_start():
    z = np.random.default_rng(0).uniform(-2, 2, (200, 2)).astype("float32")
    images = [conv_decoder((8, 8, 1), 2, 1, trunk=(64, 64), latent_gain=gain)(z) for gain in (0, 3)]
    at_keras_start, with_gain = (np.std(ops.convert_to_numpy(each), axis=0).mean() for each in images)
    assert with_gain > 3 * at_keras_start


def test_a_gain_without_a_trunk_is_refused():
    with pytest.raises(InputError, match="latent_gain is 3, but there is no trunk"):
        conv_decoder(latent_gain=3)
    with pytest.raises(InputError, match="latent_gain is -1"):
        conv_decoder(trunk=(8,), latent_gain=-1)
