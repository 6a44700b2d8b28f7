"""Causality of the PixelCNN's network, by gradient: no pixel's parameters see the pixel itself or a later one."""

import keras
import numpy as np
import pytest
from gradients import value_and_gradients
from keras import ops

from vamp_core.networks import masked
from vamp_core.networks.masked import MaskedConv2D, causal_mask, pixelcnn


def influence(network, parameters):
    """[i, j]: how strongly value j of an image moves the parameters of value i, values in the order of drawing."""
    shape = network.inputs[0].shape[1:]
    size = int(np.prod(shape))
    # An image for each value: from its own output alone comes the gradient of that copy.
    images = keras.Variable(np.random.random((size, *shape)).astype("float32"))
    maps = ops.convert_to_tensor(np.random.normal(size=(size, *network.inputs[1].shape[1:])).astype("float32"))
    own = ops.convert_to_tensor(np.tile(np.eye(size, dtype="float32").reshape(size, *shape), parameters))

    def outputs():
        return ops.sum(network([ops.convert_to_tensor(images), maps]) * own)

    return np.abs(value_and_gradients(outputs, [images])[1][0]).reshape(size, size)


@pytest.mark.parametrize(
    "shape, channels, parameters", [((3, 3, 1), 4, 1), ((5, 7, 1), 3, 2), ((4, 3, 3), 7, 2), ((2, 9, 2), 4, 1)]
)
def test_a_pixel_depends_on_those_before_it_and_no_other(shape, channels, parameters):
    found = influence(pixelcnn(shape, 2, parameters, channels), parameters)
    assert not found[np.triu_indices(len(found))].any()
    assert (np.diagonal(found, -1) > 0)[: shape[1] * shape[2] - 1].all()  # in the first row, the value just before


def sees_itself(*arguments):
    return causal_mask(*arguments[:3], sees_itself=True)


def sees_one_more(*arguments):
    mask = causal_mask(*arguments)
    middle = mask.shape[1] // 2
    mask[-1, middle + 1 : middle + 2] = 1
    return mask


def forgets_channels(kernel_size, groups_in, groups_out, itself):
    return causal_mask(kernel_size, 0 * groups_in, 0 * groups_out + 1, itself)


@pytest.mark.parametrize("mutant", [sees_itself, sees_one_more, forgets_channels])
def test_a_mask_that_lets_too_much_through_is_caught(mutant, monkeypatch):
    monkeypatch.setattr(masked, "causal_mask", mutant)
    found = influence(pixelcnn((3, 4, 2), 2, channels=4), 1)
    assert found[np.triu_indices(len(found))].any()


def test_the_mask_of_a_plain_kernel():
    assert causal_mask(3, [0], [0], sees_itself=False)[..., 0, 0].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert causal_mask(3, [0], [0], sees_itself=True)[..., 0, 0].tolist() == [[1, 1, 1], [1, 1, 0]]
    red_green_blue = np.arange(3)
    assert causal_mask(1, red_green_blue, red_green_blue, False)[0, 0].tolist() == [[0, 1, 1], [0, 0, 1], [0, 0, 0]]


def test_a_masked_layer_is_a_convolution_with_a_masked_kernel():
    layer, whole = MaskedConv2D(6, 3, image_channels=2, sets=2), keras.layers.Conv2D(12, 3, padding="same")
    x = np.random.normal(size=(2, 5, 4, 4)).astype("float32")
    layer.build(x.shape), whole.build(x.shape)
    layer.bias.assign(np.arange(12))
    kernel = np.zeros(whole.kernel.shape, "float32")
    kernel[:2] = ops.convert_to_numpy(layer.masked_kernel())
    whole.set_weights([kernel, np.arange(12)])
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), ops.convert_to_numpy(whole(x)), atol=1e-5)
    copy = MaskedConv2D.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config() and copy.compute_output_shape(x.shape) == (2, 5, 4, 12)
