"""Numbers about a trained model."""

import numpy as np

from vamp_core.distributions import as_generator


def mean_elbo(model, x, passes=10, seed=0):
    """The ELBO of a data set: the mean over data points and over `passes` one-sample estimates.

    Args:
        model: a `VAE` or `HVAE` (with float32 networks, for numbers to be published).
        x: (N, *data_shape).
        passes: how often noise is drawn for each data point.
        seed: of the noise.

    Returns:
        {"elbo": ..., "reconstruction": ..., "kl": ...}, nats per data point.
    """
    noise = as_generator(seed)
    x = model.check(x)
    terms = [model.elbo(x, seed=noise) for _ in range(passes)]
    return {
        name: float(np.mean([getattr(term, name) for term in terms], dtype="float64"))
        for name in ("elbo", "reconstruction", "kl")
    }
