"""How heavy the tail of importance weights is: the shape k̂ of a generalized Pareto distribution."""

import numpy as np


def tail_size(samples):
    """How many of the largest weights the fit looks at, and the cut-off below them: min(S/5, 3√S) + 1.

    From Vehtari et al. 2024, *Pareto smoothed importance sampling*, section 3.
    """
    return int(min(0.2 * samples, 3.0 * np.sqrt(samples))) + 1


def pareto_k(log_weights):
    """The shape of the tail, from the largest log-weights.

    Fits a generalized Pareto distribution to what the weights exceed the smallest of them by,
    with the estimator of Zhang & Stephens 2009, *A new and efficient estimation method for the
    generalized Pareto distribution*, and the prior of Vehtari et al. 2024, appendix G, which
    pulls fits to few weights towards 0.5.

    Args:
        log_weights: (M + 1,) the largest log-weights, in any order.

    Returns:
        k̂; NaN if fewer than five weights exceed the smallest.
    """
    log_weights = np.sort(log_weights)
    weights = np.exp(log_weights - log_weights[-1])
    excess = weights[1:] - weights[0]
    count = len(excess)
    if count < 5 or excess[0] <= 0 and np.count_nonzero(excess > 0) < 5:
        return np.nan
    quartile = excess[int(count / 4 + 0.5) - 1]
    if quartile <= 0:
        return np.nan
    # A grid of the distribution's second parameter, each point weighted by its profile likelihood.
    grid = 30 + int(np.sqrt(count))
    theta = 1 / excess[-1] + (1 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))) / (3 * quartile)
    shape = np.mean(np.log1p(-theta[:, None] * excess), axis=1)
    profile = count * (np.log(-theta / shape) - shape - 1)
    weight = 1 / np.sum(np.exp(profile - profile[:, None]), axis=1)
    theta = np.sum(theta * weight) / np.sum(weight)
    k = np.mean(np.log1p(-theta * excess))
    return (count * k + 10 * 0.5) / (count + 10)
