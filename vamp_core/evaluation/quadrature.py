"""The log-likelihood as an integral, log ∫ p(x | z) p(z) dz, where there are only one or two latents.

The plane is covered by tiles, each with a product of Gauss-Legendre rules (Davis & Rabinowitz 1984, Methods of
Numerical Integration, sections 2.7 and 5.6). A tile is cut in half along each axis for as long as some data point's
integral over it still changes, or could change. All data points share the tiles, so that a latent is decoded once.
"""

import itertools
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from vamp_core.errors import InputError
from vamp_core.evaluation.checks import check_is_likelihood
from vamp_core.evaluation.decoded import log_prob_of_all
from vamp_core.evaluation.importance import float32_networks

ORDER = 5  # points of a tile's rule along each axis
ROOTS = 16  # tiles along each axis at first
LATENTS_AT_A_TIME = 1000
DATA_AT_A_TIME = 1000
MAX_TILES = 80_000  # two million latents
DRAWS = 20_000  # from the prior, which show where it has mass between a tile's points

# A tile whose points do not show the shape of the integrand is cut if it could hold more than this share of it.
HIDDEN_SHARE = 1e-3
# They show it if log p(x | z) and log p(z) are straight over the tile but for so many nats. Over a tile of two standard
# deviations a normal density's logarithm bends by two thirds of a nat, and ORDER points integrate it to four digits.
BEND = 2.0


class Quadrature(NamedTuple):
    """log p(x) of each data point, (N,) each.

    Attributes:
        estimate: in nats.
        error: a bound on its numerical error, in nats: what the integral changed by when tiles were last cut.
    """

    estimate: np.ndarray
    error: np.ndarray


def quadrature_log_likelihood(model, x, tolerance=0.01, verbose=1):
    """log p(x) of each data point by adaptive quadrature over all of the latents, of which there are one or two.

    On a plane this is the number to use: it needs no proposal, so no mode of the posterior is missed because
    the encoder does not know of it. Networks run in float32, which limits the accuracy to some 1e-4 nats.

    Args:
        model: a `VAE` with one or two latents, or an `HVAE` with one at each level.
        x: (N, *data_shape); zeros and ones for a Bernoulli likelihood.
        tolerance: the error to aim at, in nats.
        verbose: 1 for a line about each thousand data points, 0 for none.

    Returns:
        A `Quadrature`. Where its `error` is above `tolerance`, two million latents were not enough.

    Raises:
        InputError: more than two latents, a tolerance that is not positive, or data that `log_likelihood` refuses.
    """
    if model.latent_dim > 2:
        raise InputError(
            f"The model has {model.latent_dim} latents; quadrature takes at most two in all: use log_likelihood."
        )
    if not tolerance > 0:
        raise InputError(f"tolerance is {tolerance}; choose a positive number of nats, for instance 0.01.")
    x = model.check(x)
    check_is_likelihood(model, x)
    results = []
    with float32_networks(model), model.prior.fixed():
        draws = ops.convert_to_numpy(model.ancestral(DRAWS, seed=0)).astype("float64")
        for first in range(0, len(x), DATA_AT_A_TIME):
            tiles = _Tiles(model, x[first : first + DATA_AT_A_TIME], draws)
            tiles.refine(tolerance)
            results.append(tiles.result())
            if verbose:
                print(f"{first + len(results[-1].estimate)} of {len(x)} data points, {len(tiles.level):,} tiles.")
    return Quadrature(*(np.concatenate(parts) for parts in zip(*results, strict=True)))


class TileSums(keras.Model):
    """A few tiles' shares of each data point's integral, and what their points do not show.

    A model, because Keras compiles what `predict_on_batch` runs.
    """

    def __init__(self, model, nodes):
        super().__init__(autocast=False)
        self.model, self.points = model, len(nodes)
        linear = np.concatenate([np.ones((len(nodes), 1)), nodes], axis=1)
        self.unbent = (np.eye(len(nodes)) - linear @ np.linalg.pinv(linear)).astype("float32")
        self.built = True

    def call(self, inputs):
        x, z, log_weights = inputs
        log_px = log_prob_of_all(self.model.likelihood, x, self.model.decoder(z))
        log_px = ops.reshape(log_px, (-1, self.points, x.shape[0]))
        log_prior = ops.reshape(self.model.log_prior(z), (-1, self.points, 1))
        mass = log_prior + ops.reshape(log_weights, (-1, self.points, 1))
        bend, prior_bend = (ops.max(ops.abs(ops.matmul(self.unbent, each)), axis=1) for each in (log_px, log_prior))
        return (
            ops.logsumexp(log_px + mass, axis=1),
            ops.max(log_px, axis=1),
            bend,
            ops.logsumexp(mass, axis=1),
            prior_bend,
        )


class _Tiles:
    """The tiles of one set of data points, and the integrals over them.

    A tile of level l and coordinates c covers origin + side / 2^l · [c, c + 1) along each axis.

    Attributes (T tiles, B data points, d latents):
        level, coordinates: integers, (T,) and (T, d).
        integral: log of the tile's share of p(x), (T, B).
        error: log of what that share changed by when the tile was cut from a larger one, (T, B); at first all of it.
        hidden: log of the most that the tile could hold, (T, B); −∞ where its points show its shape.
    """

    def __init__(self, model, x, draws):
        self.x, self.draws = ops.convert_to_tensor(x), draws
        self.steps = np.array(list(itertools.product((0, 1), repeat=draws.shape[1])))
        nodes, weights = np.polynomial.legendre.leggauss(ORDER)
        index = np.array(list(itertools.product(range(ORDER), repeat=draws.shape[1])))
        self.nodes, self.log_weights = (nodes[index] + 1) / 2, np.log(weights[index] / 2).sum(axis=1)
        self.tile_sums = TileSums(model, self.nodes)
        means, logvars = model.encode(x)
        reach = 6 * np.exp(logvars / 2)
        self.origin = np.minimum(draws.min(axis=0), (means - reach).min(axis=0))
        self.side = (np.maximum(draws.max(axis=0), (means + reach).max(axis=0)) - self.origin) / ROOTS
        self.level, self.coordinates = np.empty(0, int), np.empty((0, draws.shape[1]), int)
        self.integral = self.error = self.hidden = np.empty((0, len(x)), "float32")
        self.roots = set()
        self._add_roots(itertools.product(range(ROOTS), repeat=draws.shape[1]))

    def result(self):
        log_p = _log_sum(self.integral)
        return Quadrature(log_p, np.exp(_log_sum(self.error) - log_p))

    def refine(self, tolerance):
        """Cuts tiles until errors are within `tolerance`, or there are too many."""
        while len(self.level) < MAX_TILES:
            log_p = _log_sum(self.integral)
            # Some sixteen tiles hold nearly all of an integral.
            uncertain = np.any(self.error > log_p + np.log(tolerance / 16), axis=1)
            hiding = np.any(self.hidden > log_p + np.log(HIDDEN_SHARE), axis=1)
            new_roots = self._beyond_the_rim(np.any(self.integral > log_p + np.log(tolerance / 16), axis=1))
            if not (np.any(uncertain | hiding) or new_roots):
                return
            self._cut(uncertain | hiding)
            self._add_roots(new_roots)

    def _beyond_the_rim(self, holding):
        """Coordinates of tiles of the first level, not yet there, that border on one that holds something."""
        within = self.coordinates[holding] >> self.level[holding, None]
        around = np.array(list(itertools.product((-1, 0, 1), repeat=within.shape[1])))
        return {tuple(root + step) for root in np.unique(within, axis=0) for step in around} - self.roots

    def _add_roots(self, coordinates):
        coordinates = sorted(coordinates)
        if coordinates:
            self.roots.update(coordinates)
            integral, hidden = self._integrate(np.zeros(len(coordinates), int), np.array(coordinates))
            self._append(np.zeros(len(coordinates), int), np.array(coordinates), integral, integral, hidden)

    def _cut(self, chosen):
        """Replaces the chosen tiles, (T,) booleans, by their halves along each axis."""
        level = np.repeat(self.level[chosen] + 1, len(self.steps))
        coordinates = (2 * self.coordinates[chosen, None] + self.steps).reshape(len(level), -1)
        before = self.integral[chosen]
        for name in ("level", "coordinates", "integral", "error", "hidden"):
            setattr(self, name, getattr(self, name)[~chosen])
        integral, hidden = self._integrate(level, coordinates)
        parts = integral.reshape(len(before), len(self.steps), -1)
        after = _log_sum(parts, axis=1)
        # log |e^after − e^before|, shared out in proportion to what the parts hold.
        larger, smaller = np.maximum(after, before), np.minimum(after, before)
        with np.errstate(divide="ignore"):
            change = larger + np.log(-np.expm1(smaller - larger))
        error = change[:, None] + parts - after[:, None]
        self._append(level, coordinates, integral, error.reshape(integral.shape), hidden)

    def _append(self, *new):
        for name, rows in zip(("level", "coordinates", "integral", "error", "hidden"), new, strict=True):
            setattr(self, name, np.concatenate([getattr(self, name), rows]))

    def _integrate(self, level, coordinates):
        """log integrals over tiles, and the log of the most that could be hidden in them, (n, B) each."""
        side = self.side / 2.0 ** level[:, None]
        z = self.origin + side[:, None] * (coordinates[:, None] + self.nodes)
        log_weights = self.log_weights + np.log(side).sum(axis=1, keepdims=True)
        z, log_weights = z.astype("float32"), log_weights.astype("float32")
        together = LATENTS_AT_A_TIME // len(self.nodes)
        results = []
        for first in range(0, len(z), together):
            # All calls have one size, lest each be compiled anew; what the last has too many is left out.
            rows = np.minimum(np.arange(first, first + together), len(z) - 1)
            found = self.tile_sums.predict_on_batch(
                (self.x, z[rows].reshape(-1, z.shape[2]), log_weights[rows].reshape(-1))
            )
            results.append([part[: len(z) - first] for part in found])
        integral, highest, bend, mass, prior_bend = (np.concatenate(parts) for parts in zip(*results, strict=True))
        drawn = self._draws_within(level, coordinates)[:, None]
        with np.errstate(divide="ignore"):
            by_draws = np.log(drawn / len(self.draws)).astype("float32")
        # Ten draws tell that there is more of the prior than the points have met.
        unseen = (drawn >= 10) & (by_draws > mass + 0.7)
        unclear = (bend > BEND) | (prior_bend > BEND) | unseen
        return integral, np.where(unclear, highest + bend + np.maximum(mass, by_draws), -np.inf)

    def _draws_within(self, level, coordinates):
        """How many of the prior's draws lie in each tile."""
        counts = np.zeros(len(level))
        for each in np.unique(level):
            of_draws = np.floor((self.draws - self.origin) / self.side * 2.0**each).astype(int)
            tiles, number = np.unique(of_draws, axis=0, return_counts=True)
            found = {tuple(tile): n for tile, n in zip(tiles, number, strict=True)}
            here = level == each
            counts[here] = [found.get(tuple(tile), 0) for tile in coordinates[here]]
        return counts


def _log_sum(log_values, axis=0):
    return np.logaddexp.reduce(log_values.astype("float64"), axis=axis)
