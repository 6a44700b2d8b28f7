"""Numbers about a trained model."""

import numpy as np


def mean_elbo(model, x, samples=10, seed=0):
    """The ELBO of a data set: the mean over data points, of `samples` one-sample estimates each.

    Args:
        model: a `VAE` or `HVAE` (with float32 networks, for numbers to be published).
        x: (N, *data_shape).
        samples: estimates per data point.
        seed: of the noise.

    Returns:
        {"elbo": ..., "reconstruction": ..., "kl": ...}, nats per data point.
    """
    terms = model.elbo(model.check(x), samples=samples, seed=seed)
    return {name: float(np.mean(getattr(terms, name), dtype="float64")) for name in ("elbo", "reconstruction", "kl")}
