"""The guards of the tests guard: what would fail on a GPU fails here."""

import keras
import numpy as np
import pytest
from keras import ops

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
