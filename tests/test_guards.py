"""The guards of the tests guard: what would fail on a GPU fails here."""

import keras
import numpy as np
import pytest
from guards import ten_bit_products
from keras import ops

import vamp_core as vc
from vamp_core.system.arrays import as_numpy


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="only PyTorch's tensors refuse, on a GPU, to be arrays")
@pytest.mark.parametrize("make", [ops.convert_to_tensor, keras.Variable], ids=["tensor", "variable"])
def test_a_tensor_that_is_handed_to_numpy_raises(make):
    held = make(np.float32([1, 2]))
    with pytest.raises(TypeError, match="handed to NumPy"):
        np.asarray(held)
    with pytest.raises(TypeError, match="handed to NumPy"):
        np.testing.assert_array_equal(held, [1, 2])


@pytest.mark.parametrize("make", [ops.convert_to_tensor, keras.Variable, list], ids=["tensor", "variable", "list"])
def test_as_numpy_takes_all(make):
    held = make(np.float32([1, 2]))
    array = as_numpy(held, "float64")
    assert type(array) is np.ndarray and array.dtype == "float64" and array.tolist() == [1, 2]


def test_ten_bits_round_what_is_multiplied_in_float32_and_nothing_else():
    just_above_one = np.float32([[1 + 2.0**-12]])
    dense = keras.layers.Dense(1, kernel_initializer="ones")
    convolution = keras.layers.Conv2D(1, 1, kernel_initializer="ones")
    in_float64 = np.float64([[1 + 2.0**-12]])
    with ten_bit_products():
        assert ops.convert_to_numpy(ops.matmul(just_above_one, just_above_one)) == 1
        assert ops.convert_to_numpy(dense(just_above_one)) == 1
        assert ops.convert_to_numpy(convolution(just_above_one[:, None, None])) == 1
        assert ops.convert_to_numpy(ops.add(just_above_one, 0)) > 1
        assert in_float64 @ in_float64 > 1
    assert ops.convert_to_numpy(ops.matmul(just_above_one, just_above_one)) > 1


def normal(*shape):
    return np.random.normal(size=shape).astype("float32")


@pytest.mark.parametrize("log_prob", [
    lambda: vc.distributions.mixture_log_prob(normal(20, 40), normal(50, 40), normal(50, 40) - 5),
    lambda: vc.distributions.mixture_log_prob(normal(20, 2), normal(50, 2), normal(50, 2), np.log(np.full(50, 0.02))),
    lambda: vc.distributions.normal_log_prob(normal(20, 40), normal(20, 40), normal(20, 40)),
    *(lambda kind=kind: kind().log_prob(np.random.rand(20, 9, 9, 1).round(), normal(20, 9, 9, kind.parameters))
      for kind in (vc.Bernoulli, vc.Gaussian, vc.LearnedGaussian, vc.DiscretizedLogistic)),
])  # fmt: skip
def test_no_density_changes_under_ten_bits(log_prob):
    def seeded():
        keras.utils.set_random_seed(1)
        return ops.convert_to_numpy(log_prob())

    exact = seeded()
    with ten_bit_products():
        np.testing.assert_array_equal(seeded(), exact)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [vc.VAE, vc.HVAE])
def test_under_ten_bits_networks_move_an_elbo_by_hundredths_of_a_nat(kind):
    """What `hardware.exact_float32_products` says of networks, which multiply as the backend is set."""
    data = vc.load_data("digits")
    train, x = vc.binarize(data.x_train[:500], seed=0), vc.binarize(data.x_test[:100], seed=0)
    model = kind(image_shape=x.shape[1:], network_size=0.5, prior=vc.VampPrior(20), seed=0)
    model.compile("adam")
    model.fit(train, epochs=3, verbose=0)
    exact = model.elbo(x, seed=0).elbo
    with ten_bit_products():
        change = model.elbo(x, seed=0).elbo - exact
    assert 0 < np.abs(change).max() < 0.1
