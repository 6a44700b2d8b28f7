"""Methods on one batch of tensors that take data of any length."""

import contextlib
import functools
import inspect

import numpy as np
from keras import ops, tree

from vamp_core.density.distributions import as_generator

# Data points at a time outside of training: some 200 MB of activations at network_size 4.
BATCH_SIZE = 500


def batched(what, under_prior=False):
    """Lets a method on one batch of tensors take `what` ("data" or "latents") of any length.

    A tensor goes straight through, once its shape has been looked at, and the result is differentiable; anything
    else is checked, goes through in batches of `BATCH_SIZE` and comes back as NumPy arrays.

    Args:
        what: "data" or "latents", the method's first argument.
        under_prior: whether the method takes densities from the prior, which is then held fixed for all batches.
    """

    def decorate(method):
        signature = inspect.signature(method)
        first = list(signature.parameters)[1]

        @functools.wraps(method)
        def on_any(self, *args, **kwargs):
            given = signature.bind(self, *args, **kwargs).arguments
            values, others = given[first], {name: given[name] for name in given if name not in ("self", first)}
            if ops.is_tensor(values):
                (self.check_shape if what == "data" else self.check_latents_shape)(values)
                return method(self, values, **others)
            if "seed" in others:  # one stream of noise for all batches, not the same noise for each
                others["seed"] = as_generator(others["seed"])
            values = self.check(values) if what == "data" else self.check_latents(values)
            with self.prior.fixed() if under_prior else contextlib.nullcontext():
                results = [
                    tree.map_structure(ops.convert_to_numpy, method(self, ops.convert_to_tensor(batch), **others))
                    for batch in np.split(values, range(BATCH_SIZE, len(values), BATCH_SIZE))
                ]
            return tree.map_structure(lambda *parts: np.concatenate(parts), *results)

        return on_any

    return decorate
