"""Derivatives with respect to tensors, from whichever backend Keras runs on: Keras itself has no call for them."""

import keras


def value_and_gradient(function, z):
    """The values of a function of each row of z, and their derivatives with respect to that row.

    May be called inside of what Keras compiles, a `call` that `predict_on_batch` runs for instance.

    Args:
        function: takes (B, D) and gives a pair: values (B,), each of its own row alone, and anything else.
        z: (B, D) tensor.

    Returns:
        ((values, anything else), gradient): the pair that `function` gave, and (B, D).
    """
    return _BACKENDS[keras.backend.backend()](function, z)


def _tensorflow(function, z):
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(z)
        values, others = function(z)
    return (values, others), tape.gradient(values, z, unconnected_gradients="zero")


def _jax(function, z):
    import jax

    def total(z):
        values, others = function(z)
        return values.sum(), (values, others)

    (_, results), gradient = jax.value_and_grad(total, has_aux=True)(z)
    return results, gradient


def _torch(function, z):
    import torch

    with torch.enable_grad():
        z = z.detach().requires_grad_()
        values, others = function(z)
        if values.requires_grad:
            (gradient,) = torch.autograd.grad(values.sum(), z, allow_unused=True, materialize_grads=True)
        else:  # nothing in them depends on z, or on any weight
            gradient = torch.zeros_like(z)
    return keras.tree.map_structure(torch.Tensor.detach, (values, others)), gradient


_BACKENDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
