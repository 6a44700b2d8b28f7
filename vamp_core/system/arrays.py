"""Where tensors leave the backend: NumPy, SciPy and Matplotlib are given arrays, never tensors."""

import keras
import numpy as np
from keras import ops


def as_numpy(values, dtype=None):
    """`values` as a NumPy array: a tensor on any device, with a gradient or not, a Keras variable, nested lists.

    NumPy's own `np.asarray` fails for a PyTorch tensor that lies on a GPU or has a gradient.
    """
    if isinstance(values, keras.Variable) or ops.is_tensor(values):
        values = ops.convert_to_numpy(values)
    return np.asarray(values, dtype)
