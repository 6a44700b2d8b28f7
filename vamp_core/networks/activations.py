"""Activations by the names that Keras knows them under."""

import functools

import keras
import numpy as np
from keras import ops

from vamp_core.errors import InputError


def check_activation(activation):
    """Raises an `InputError` unless `activation` works value by value, as the networks' layers need it.

    Keras knows others: a softmax mixes values, a glu halves their number, a threshold wants more arguments.
    """
    try:
        works = (_known if isinstance(activation, str) else _works_value_by_value)(activation)
    except Exception as error:  # a ValueError for a name, and whatever the backend makes of too few arguments
        raise InputError(
            f"activation is {activation!r}, which Keras does not know as an activation of one value: "
            "choose for instance relu, swish, elu or tanh."
        ) from error
    if not works:
        raise InputError(
            f"activation is {activation!r}, which does not work value by value: choose for instance relu, swish, elu "
            "or tanh."
        )


def _works_value_by_value(activation):
    function = keras.activations.get(activation)
    values = np.linspace(-2, 2, 6, dtype="float32").reshape(2, 3)
    found, among_others = _on(function, values), _on(function, values.reshape(3, 2))
    return found.shape == values.shape and np.allclose(found.ravel(), among_others.ravel(), atol=1e-6)


_known = functools.cache(_works_value_by_value)


def _on(function, values):
    return ops.convert_to_numpy(function(ops.convert_to_tensor(values)))
