"""Methods on one batch of tensors that take data of any length."""

import functools

import numpy as np
from keras import ops, tree

from vamp_core.density.distributions import as_generator

# Data points at a time outside of training: some 200 MB of activations at network_size 4.
BATCH_SIZE = 500


def batched(what):
    """Lets a method on one batch of tensors take `what` ("data" or "latents") of any length.

    A tensor goes straight through and the result is differentiable; anything else is checked,
    goes through in batches of `BATCH_SIZE` and comes back as NumPy arrays.
    """

    def decorate(method):
        @functools.wraps(method)
        def on_any(self, values, **kwargs):
            if ops.is_tensor(values):
                return method(self, values, **kwargs)
            if "seed" in kwargs:  # one stream of noise for all batches, not the same noise for each
                kwargs["seed"] = as_generator(kwargs["seed"])
            values = self.check(values) if what == "data" else self._check_latents(values)
            with self.prior.fixed():
                results = [
                    tree.map_structure(ops.convert_to_numpy, method(self, ops.convert_to_tensor(batch), **kwargs))
                    for batch in np.split(values, range(BATCH_SIZE, len(values), BATCH_SIZE))
                ]
            return tree.map_structure(lambda *parts: np.concatenate(parts), *results)

        return on_any

    return decorate
