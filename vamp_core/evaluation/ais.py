"""Annealed importance sampling: log p(x) from below, and for data of the model's own from above as well.

Chains move from a start q(z) that can be drawn from to the posterior, over densities q(z)^(1 − β) p(x, z)^β with β
rising from 0 to 1 (Neal 2001; Wu et al. 2017 for models with decoders). Run backwards from a latent that is known to
have made x, they bound log p(x) from above (Grosse et al. 2015, bidirectional Monte Carlo).
"""

import math
import zlib
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from vamp_core.errors import InputError, check_count, check_seed
from vamp_core.evaluation.bank import prior_draws
from vamp_core.evaluation.checks import check_has_gradient, check_is_likelihood
from vamp_core.evaluation.hamiltonian import Transition
from vamp_core.evaluation.importance import BATCH_SIZE, float32_networks, summary

STARTS = ("posterior", "prior")

# Step sizes are found by other chains, with a quarter as many temperatures.
PILOT_SHARE = 4
ACCEPTANCE = 0.65  # to aim at (Neal 2011, section 5.4.4.3)
GAIN = 0.5
FIRST_STEP = 0.3  # in standard deviations of the encoder's posterior
STEEPNESS = 4.0  # of the sigmoid that temperatures follow (Wu et al. 2017, section 6.1)


class AnnealedLogLikelihood(NamedTuple):
    """What annealed importance sampling says of log p(x), an entry per data point, (N,) each.

    Attributes:
        estimate: log 1/C Σ w over the C chains, in nats: a lower bound on average.
        standard_error: of the estimate, in nats, from the chains' spread.
        effective_chains: (Σw)² / Σw², between 1 and C.
        acceptance: share of the chains' steps that were taken.
    """

    estimate: np.ndarray
    standard_error: np.ndarray
    effective_chains: np.ndarray
    acceptance: np.ndarray


class BidirectionalBounds(NamedTuple):
    """Data drawn from a model, and log p(x) of each from both sides.

    Attributes:
        x: the data, (n, *data_shape).
        lower, upper: stochastic bounds in nats, (n,): below and above log p(x) on average.
        lower_error, upper_error: their standard errors in nats, (n,), from the chains' spread.
    """

    x: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    lower_error: np.ndarray
    upper_error: np.ndarray


def ais_log_likelihood(
    model, x, chains=8, temperatures=200, start="posterior", batch_size=BATCH_SIZE, seed=0, verbose=1
):
    """log p(x) of each data point by annealed importance sampling with Hamiltonian transitions.

    A stochastic lower bound, whatever the step sizes: these are found by a run of other chains and fixed before
    the chains that count begin. Noise depends on `seed` and the data point alone.

    Args:
        model: a `VAE` or `HVAE`.
        x: (N, *data_shape); zeros and ones for a Bernoulli likelihood.
        chains: C, per data point.
        temperatures: steps from the start to the posterior; the more, the tighter the bound.
        start: "posterior", the encoder's, or "prior". The encoder's is the nearer by far; where it may not know of
            all modes, on a plane above all, the prior reaches them.
        batch_size: chains that run at a time, of all data points together.
        seed: of the noise, an integer ≥ 0.
        verbose: 1 for a progress bar, 0 for none.

    Returns:
        An `AnnealedLogLikelihood`.

    Raises:
        InputError: counts < 1, an unknown start, data that `log_likelihood` refuses, or a likelihood without gradient.
    """
    x = model.check(x)
    annealing = _checked(model, x, chains, temperatures, start, batch_size, seed)
    progress, results = keras.utils.Progbar(len(x), unit_name="image", verbose=verbose), []
    with float32_networks(model), model.prior.fixed():
        for points, real in annealing.groups(x):
            steps = points.pilot()
            log_weights, acceptance = points.forward(steps)
            estimate, error, effective, _ = summary([log_weights], annealing.chains)
            results.append([part[:real] for part in (estimate, error, effective, acceptance)])
            progress.add(real)
    return AnnealedLogLikelihood(*np.concatenate(results, axis=1))


def bidirectional_bounds(
    model, n, chains=8, temperatures=200, start="posterior", batch_size=BATCH_SIZE, seed=0, verbose=1
):
    """log p(x) of data drawn from the model, from below and from above.

    The gap between the two bounds is the most that either is off by, on average, and so tells how far
    `ais_log_likelihood` with the same settings may be trusted for data like the model's own.

    Args:
        model, chains, temperatures, start, batch_size, seed, verbose: as for `ais_log_likelihood`.
        n: how many data points to draw.

    Returns:
        `BidirectionalBounds`.

    Raises:
        InputError: as for `ais_log_likelihood`, and n < 1.
    """
    n, seed = check_count("n", n), check_seed(seed)
    with float32_networks(model), model.prior.fixed():
        z = prior_draws(model, n, np.random.default_rng(seed))
        x = ops.convert_to_numpy(model.likelihood.sample(ops.convert_to_tensor(model.decode(z)), seed % 2**31))
        annealing = _checked(model, x, chains, temperatures, start, batch_size, seed)
        progress, results = keras.utils.Progbar(n, unit_name="image", verbose=verbose), []
        for points, real in annealing.groups(x):
            steps = points.pilot()
            below = summary([points.forward(steps)[0]], annealing.chains)
            above = summary([-points.backward(steps, z[points.rows])], annealing.chains)
            results.append([part[:real] for part in (below[0], -above[0], below[1], above[1])])
            progress.add(real)
    return BidirectionalBounds(x, *np.concatenate(results, axis=1))


def _checked(model, x, chains, temperatures, start, batch_size, seed):
    """The `_Annealing` of settings that make sense."""
    counts = dict(chains=chains, temperatures=temperatures, batch_size=batch_size)
    counts = {name: check_count(name, value) for name, value in counts.items()}
    if start not in STARTS:
        raise InputError(f"start is {start!r}; choose one of {', '.join(STARTS)}.")
    check_is_likelihood(model, x)
    check_has_gradient(model, x)
    return _Annealing(model, start == "prior", seed=check_seed(seed), **counts)


class _Annealing:
    """The settings of a run, and what Keras compiles for all of it."""

    def __init__(self, model, from_prior, chains, temperatures, batch_size, seed):
        self.model, self.from_prior, self.chains, self.seed = model, from_prior, chains, seed
        self.together = max(1, batch_size // chains)
        self.betas = _schedule(temperatures)
        self.pilot_betas = _schedule(math.ceil(temperatures / PILOT_SHARE))
        self.transition = Transition(model, chains, from_prior)

    def groups(self, x):
        """The `_Points` of a few data points at a time, and how many of these are not there to fill the last group."""
        together = min(self.together, len(x))
        for first in range(0, len(x), together):
            # All groups have one size, lest each be compiled anew.
            rows = np.minimum(np.arange(first, first + together), len(x) - 1)
            yield _Points(self, x, rows), min(together, len(x) - first)


def _schedule(temperatures):
    """0 = β_0 < … < β_T = 1, close together at both ends."""
    sigmoid = np.tanh(0.5 * STEEPNESS * np.linspace(-1, 1, temperatures + 1))
    return (sigmoid - sigmoid[0]) / (sigmoid[-1] - sigmoid[0])


class _Points:
    """A few data points, their encoder's posterior and their streams of noise."""

    def __init__(self, annealing, x, rows):
        self.annealing, self.rows = annealing, rows
        model, self.chains = annealing.model, annealing.chains
        self.keys = [(annealing.seed, zlib.crc32(point.tobytes())) for point in x[rows]]
        self.x = ops.convert_to_tensor(x[rows])
        self.posterior = tuple(model.posterior(self.x))
        _, logvar = model.encode(x[rows])
        self.scale = ops.convert_to_tensor(np.repeat(np.exp(0.5 * logvar), self.chains, axis=0))

    def pilot(self):
        """Step sizes for each temperature of the run and each data point, (T, B), from chains of their own."""
        betas, streams = self.annealing.pilot_betas, self._streams("pilot")
        log_step = np.full(len(self.rows), math.log(FIRST_STEP))
        z, log_steps = self._start(streams), []
        for beta in betas[1:]:
            z, _, acceptance = self._step(z, streams, beta, np.exp(log_step))
            log_step = log_step + GAIN * (acceptance.mean(axis=1) - ACCEPTANCE)
            log_steps.append(log_step)
        at = np.array(log_steps)
        return np.exp([np.interp(self.annealing.betas[1:], betas[1:], column) for column in at.T]).T

    def forward(self, steps):
        """log w of each chain, (B, C) nats, and the share of steps taken, (B,)."""
        betas, streams = self.annealing.betas, self._streams("forward")
        z = self._start(streams)
        z, gap, _ = self._step(z, streams, 0.0, np.zeros(len(self.rows)))
        log_weights, taken = np.zeros_like(gap), []
        for before, beta, step in zip(betas[:-1], betas[1:], steps, strict=True):
            log_weights += (beta - before) * gap
            if beta < 1:
                z, gap, acceptance = self._step(z, streams, beta, step)
                taken.append(acceptance.mean(axis=1))
        return log_weights, np.mean(taken, axis=0) if taken else np.full(len(self.rows), np.nan)

    def backward(self, steps, z):
        """log w of chains that run from latents z, (B, D), drawn from the posterior: (B, C) nats."""
        betas, streams = self.annealing.betas, self._streams("backward")
        z = np.repeat(z, self.chains, axis=0)
        log_weights = np.zeros((len(self.rows), self.chains))
        for before, beta, step in zip(betas[-2::-1], betas[:0:-1], steps[::-1], strict=True):
            z, gap, _ = self._step(z, streams, beta, step)
            log_weights += (beta - before) * gap
        return log_weights

    def _streams(self, purpose):
        level = 3 + ("pilot", "forward", "backward").index(purpose)
        return [np.random.default_rng([*key, level]) for key in self.keys]

    def _start(self, streams):
        """z ~ q(z), (B · C, D)."""
        if self.annealing.from_prior:
            return np.concatenate([prior_draws(self.annealing.model, self.chains, stream) for stream in streams])

        def noise(shape):
            drawn = [stream.standard_normal((self.chains, shape[1]), "float32") for stream in streams]
            return ops.convert_to_tensor(np.concatenate(drawn))

        repeated = tuple(ops.repeat(part, self.chains, axis=0) for part in self.posterior)
        return self.annealing.model.draw(repeated, noise)[0]

    def _step(self, z, streams, beta, step):
        """z after a step at β, (B · C, D); log p(x, z) − log q(z) there, and the probability of the step, (B, C)."""
        dim = self.scale.shape[1]
        momentum = np.concatenate([stream.standard_normal((self.chains, dim), "float32") for stream in streams])
        log_uniform = np.concatenate([-stream.standard_exponential(self.chains, "float32") for stream in streams])
        betas = np.full((len(momentum), 1), beta, "float32")
        steps = np.repeat(step, self.chains)[:, None].astype("float32")
        inputs = (self.x, self.posterior, z, momentum, log_uniform, betas, steps, self.scale)
        z, gap, acceptance = self.annealing.transition.predict_on_batch(inputs)
        shape = (len(self.rows), self.chains)
        return z, gap.reshape(shape).astype("float64"), acceptance.reshape(shape)
