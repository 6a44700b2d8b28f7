"""What densities and samplers are held against: SciPy in float64, finite differences, sums over a grid."""

import numpy as np
import pytest
from keras import ops
from scipy import special, stats


def assert_close(actual, expected, rtol=1e-5, atol=1e-5):
    """Five digits, where float32 carries seven: the other two are lost in sums of many terms."""
    np.testing.assert_allclose(ops.convert_to_numpy(actual), expected, rtol=rtol, atol=atol)


def normal_logpdf(x, mean, logvar):
    """log N(x | mean, exp(logvar)) in float64, summed over all axes but the first: (B, ...) → (B,)."""
    x, mean, logvar = (np.asarray(a, "float64") for a in (x, mean, logvar))
    each = stats.norm.logpdf(x, mean, np.exp(logvar / 2))
    return each.sum(axis=tuple(range(1, each.ndim)))


def mixture_logpdf(z, means, logvars, log_weights=None):
    """log Σ_k w_k N(z | means_k, exp(logvars_k)) in float64, one component after the other: (B, D) → (B,)."""
    each = [normal_logpdf(z, mean, logvar) for mean, logvar in zip(means, logvars, strict=True)]
    log_weights = np.full(len(means), -np.log(len(means))) if log_weights is None else log_weights
    return special.logsumexp(np.stack(each, axis=1) + log_weights, axis=1)


def discretized_logistic_logpmf(level, mean, logscale):
    """Log-probability in float64 of the bin around level / 255, the outermost bins reaching to ∓∞."""
    lower = np.where(level == 0, -np.inf, (level - 0.5) / 255)
    upper = np.where(level == 255, np.inf, (level + 0.5) / 255)
    logistic = stats.logistic(np.float64(mean), np.exp(np.float64(logscale)))
    above = lower > mean  # where the CDF is near one, the difference is taken between upper tails
    small = np.where(above, logistic.logsf(upper), logistic.logcdf(lower))
    large = np.where(above, logistic.logsf(lower), logistic.logcdf(upper))
    return large + np.log1p(-np.exp(small - large))


def central_differences(fn, at, step=1e-6):
    """The gradient of the scalar function `fn` at the float64 array `at`, an entry at a time."""
    gradient = np.zeros(at.shape)
    for i in np.ndindex(at.shape):
        nudge = np.zeros(at.shape)
        nudge[i] = step
        gradient[i] = (fn(at + nudge) - fn(at - nudge)) / (2 * step)
    return gradient


def assert_samples_fit(log_prob, samples):
    """A density over the plane integrates to one, and the samples' mean log-density is minus its entropy.

    Args:
        log_prob: (N, 2) → (N,) nats, of a density without structure finer than 0.1 that stays within ±15.
        samples: (n, 2), held to four standard errors of their mean.
    """
    side, spacing = np.linspace(-15, 15, 501, retstep=True)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2).astype("float32")
    on_grid = ops.convert_to_numpy(log_prob(grid)).astype("float64")
    density = np.exp(on_grid) * spacing**2
    assert density.sum() == pytest.approx(1, abs=1e-4)
    assert tuple(samples.shape[1:]) == (2,)
    own = ops.convert_to_numpy(log_prob(samples)).astype("float64")
    assert own.mean() == pytest.approx(np.sum(density * on_grid), abs=4 * own.std() / np.sqrt(len(own)))
