"""Gradients from whichever backend Keras runs on: the one file of the tests that asks which it is."""

import keras


def value_and_gradients(fn, variables):
    """The value of `fn` and its derivatives.

    Args:
        fn: takes nothing and gives a scalar tensor computed from `variables`.
        variables: a list of trainable `keras.Variable`.

    Returns:
        A float and a list of NumPy arrays, zeros for a variable that plays no part in `fn`.
    """
    value, gradients = BACKENDS[keras.backend.backend()](fn, variables)
    return float(keras.ops.convert_to_numpy(value)), [keras.ops.convert_to_numpy(g) for g in gradients]


def _tensorflow(fn, variables):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = fn()
    return value, tape.gradient(value, [v.value for v in variables], unconnected_gradients="zero")


def _jax(fn, variables):
    import jax

    def stateless(values):
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return fn()

    return jax.value_and_grad(stateless)([v.value for v in variables])


def _torch(fn, variables):
    import torch

    value = fn()
    weights = [v.value for v in variables]
    return value, torch.autograd.grad(value, weights, allow_unused=True, materialize_grads=True)


BACKENDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
