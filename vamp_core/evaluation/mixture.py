"""Mixtures of normal densities with full covariances, one for each of several data points, in NumPy."""

import math

import numpy as np

from vamp_core.density.distributions import LOG_2PI

GOLDEN_RATIO = (math.sqrt(5) - 1) / 2


def golden_sequence(start, first, count):
    """Multiples first … first + count − 1 of the golden ratio, modulo one, from a random start in [0, 1): (B, count).

    Each number is uniform, as the start is, and any stretch of them covers [0, 1) very nearly evenly.
    """
    return (start[:, None] + GOLDEN_RATIO * np.arange(first, first + count)) % 1.0


class Mixtures:
    """K normal densities over D latents for each of B data points, and their weights.

    Args:
        means: (B, K, D).
        scales: (B, K, D, D), lower triangular: the Cholesky factors of the covariances.
        log_weights: (B, K), normalised; uniform if None.
    """

    def __init__(self, means, scales, log_weights=None):
        self.means, self.scales = means, scales
        self.log_weights = np.full(means.shape[:2], -math.log(means.shape[1])) if log_weights is None else log_weights
        self._whiten = np.linalg.inv(scales)
        log_scales = np.log(np.diagonal(scales, axis1=2, axis2=3)).sum(axis=2)
        self._log_height = -log_scales - 0.5 * means.shape[2] * LOG_2PI

    def __getitem__(self, rows):
        """The mixtures of some of the data points."""
        return Mixtures(self.means[rows], self.scales[rows], self.log_weights[rows])

    def log_components(self, z):
        """log N(z | component k): (B, S, D) → (B, S, K) nats, without the weights."""
        away = z[:, :, None] - self.means[:, None]
        white = np.einsum("bkij,bskj->bski", self._whiten, away)
        return self._log_height[:, None] - 0.5 * np.einsum("bski,bski->bsk", white, white)

    def log_prob(self, z):
        """(B, S, D) → (B, S) nats."""
        return np.logaddexp.reduce(self.log_components(z) + self.log_weights[:, None], axis=2)

    def place(self, components, noise):
        """Draws of given components, (B, S) integers, from standard normal noise (B, S, D): (B, S, D)."""
        rows = np.arange(len(components))[:, None]
        return self.means[rows, components] + np.einsum("bsij,bsj->bsi", self.scales[rows, components], noise)

    def components(self, start, first, count):
        """Which component each of the samples first … first + count − 1 of a sequence comes from, (B, count).

        The golden sequence goes through the inverse of the weights' CDF: each sample is of component k with
        probability w_k, and any stretch holds very nearly its share of each.
        """
        at = golden_sequence(start, first, count)
        edges = np.cumsum(np.exp(self.log_weights), axis=1)[:, None, :-1]
        return np.sum(at[:, :, None] >= edges, axis=2)
