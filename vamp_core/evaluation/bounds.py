"""Lower bounds on the log-likelihood of a data set: the ELBO, and the tighter importance-weighted ones."""

import numpy as np

from vamp_core.errors import InputError
from vamp_core.evaluation.checks import check_knows_terms
from vamp_core.evaluation.importance import BATCH_SIZE, summaries
from vamp_core.system.arrays import as_numpy


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
    terms = model.elbo(as_numpy(x), samples=samples, seed=seed)
    return {name: float(np.mean(getattr(terms, name), dtype="float64")) for name in ("elbo", "reconstruction", "kl")}


def iwae_bound(model, x, k, seed=0):
    """The importance-weighted bound L_k: E[log 1/k Σ w], which rises with k from the ELBO to log p(x).

    One estimate per data point (Burda et al. 2016, eq. 8); grey values are allowed, as for the ELBO.

    Args:
        model: a `VAE` or `HVAE`.
        x: (N, *data_shape).
        k: number of importance samples.
        seed: of the noise.

    Returns:
        (N,) nats.

    Raises:
        InputError: k < 1, data the model cannot score, or a model with `terms` of its own.
    """
    if k < 1:
        raise InputError(f"k is {k}; choose at least one importance sample.")
    check_knows_terms(model)
    return np.concatenate([bound for bound, *_ in summaries(model, model.check(x), k, BATCH_SIZE, seed)])
