"""Numbers about a trained model: ELBO, log-likelihood with its error, and what its latents carry.

The log-likelihood is estimated by importance sampling with the approximate posterior as
proposal (Rezende et al. 2014, appendix E; Burda et al. 2016): with weights
w_s = p(x, z_s) / q(z_s | x), log p(x) ≈ log 1/S Σ_s w_s. The estimate is a lower bound on
average, and poor where few samples carry all the weight: so each comes with its error.
"""

import zlib
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from vamp_core.errors import InputError
from vamp_core.likelihoods import Bernoulli
from vamp_core.pareto import pareto_k, tail_size
from vamp_core.priors import Prior


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
    terms = model.elbo(np.asarray(x), samples=samples, seed=seed)
    return {name: float(np.mean(getattr(terms, name), dtype="float64")) for name in ("elbo", "reconstruction", "kl")}


class LogLikelihood(NamedTuple):
    """What importance sampling says of log p(x), an entry per data point, (N,) each.

    Attributes:
        estimate: log 1/S Σ w, in nats.
        standard_error: of the estimate, in nats, by the delta method: √(Σw² / (Σw)² − 1/S).
        effective_samples: (Σw)² / Σw², between 1 and S.
        pareto_k: shape of the weights' tail; above 0.7 neither estimate nor error can be
            relied on (Vehtari et al. 2024).
    """

    estimate: np.ndarray
    standard_error: np.ndarray
    effective_samples: np.ndarray
    pareto_k: np.ndarray


def log_likelihood(model, x, samples=5000, batch_size=2000, seed=0, verbose=1):
    """Importance-sampled log p(x) of each data point, with its error.

    The encoder runs once per data point; latents are decoded in batches that span data points.
    Weights are reduced as they come, so memory does not grow with `samples`. The noise of a
    data point depends on `seed` and the point alone: order and batch size do not matter.

    Args:
        model: a `VAE` or `HVAE` with float32 networks.
        x: (N, *data_shape); zeros and ones for a Bernoulli likelihood.
        samples: S, importance samples per data point.
        batch_size: latents decoded at a time.
        seed: of the noise.
        verbose: 1 for a progress bar, 0 for none.

    Returns:
        A `LogLikelihood`. After an interruption from the keyboard, of the data points done so far.

    Raises:
        InputError: samples or batch_size < 1, data the model cannot score, grey values under a
            Bernoulli likelihood, or a prior without a density.
    """
    for name, value in (("samples", samples), ("batch_size", batch_size)):
        if value < 1:
            raise InputError(f"{name} is {value}; choose at least one.")
    x = model.check(x)
    _check_is_likelihood(model, x)
    at_a_time = max(1, batch_size // samples)
    progress = keras.utils.Progbar(len(x), unit_name="image", verbose=verbose)
    done = []
    try:
        with model.prior.fixed():
            for first in range(0, len(x), at_a_time):
                batch = x[first : first + at_a_time]
                done.append(_summary(_log_weights(model, batch, samples, batch_size, seed), samples))
                progress.add(len(batch))
    except KeyboardInterrupt:
        if not done:
            raise
        finished = sum(len(estimates) for estimates, *_ in done)
        print(f"\nInterrupted: the result holds the first {finished} of {len(x)} data points.")
    return LogLikelihood(*(np.concatenate(column) for column in zip(*done, strict=True)))


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
    """
    if k < 1:
        raise InputError(f"k is {k}; choose at least one importance sample.")
    x = model.check(x)
    batch_size = 2000
    at_a_time = max(1, batch_size // k)
    with model.prior.fixed():
        parts = [
            _summary(_log_weights(model, x[first : first + at_a_time], k, batch_size, seed), k)[0]
            for first in range(0, len(x), at_a_time)
        ]
    return np.concatenate(parts)


class _Noise:
    """Standard normal noise that depends on the seed and the data point alone.

    Called with a shape (B · s, D), it gives the next s draws of each of the B points. A model
    with several levels of latents calls once per level; each has a stream of its own.
    """

    def __init__(self, x, seed):
        self.keys = [(seed, zlib.crc32(point.tobytes())) for point in x]
        self.streams = []
        self.level = 0

    def next_samples(self):
        self.level = 0
        return self

    def __call__(self, shape):
        if self.level == len(self.streams):
            self.streams.append([np.random.default_rng([*key, self.level]) for key in self.keys])
        streams = self.streams[self.level]
        self.level += 1
        each = (shape[0] // len(streams), shape[1])
        return ops.convert_to_tensor(np.concatenate([rng.standard_normal(each, "float32") for rng in streams]))


def _log_weights(model, x, samples, batch_size, seed):
    """Yields log w for the next samples of a batch of data points: (B, s) arrays, `samples` columns in all."""
    noise = _Noise(x, seed)
    x = ops.convert_to_tensor(x)
    posterior = model.posterior(x)
    for first in range(0, samples, max(1, batch_size // len(x))):
        count = min(samples - first, max(1, batch_size // len(x)))
        points, *repeated = (ops.repeat(part, count, axis=0) for part in (x, *posterior))
        terms = model.terms(points, tuple(repeated), noise.next_samples())
        yield ops.convert_to_numpy(terms.elbo).reshape(len(x), count).astype("float64")


def _summary(chunks, samples):
    """Reduces chunks of log-weights to (estimate, standard_error, effective_samples, pareto_k), (B,) each."""
    tail_of = tail_size(samples)
    log_sum, log_sum_of_squares, tail = -np.inf, -np.inf, None
    for log_weights in chunks:
        log_sum = np.logaddexp(log_sum, np.logaddexp.reduce(log_weights, axis=1))
        log_sum_of_squares = np.logaddexp(log_sum_of_squares, np.logaddexp.reduce(2 * log_weights, axis=1))
        tail = log_weights if tail is None else np.concatenate([tail, log_weights], axis=1)
        if tail.shape[1] > tail_of:
            tail = np.partition(tail, -tail_of, axis=1)[:, -tail_of:]
    concentration = np.exp(log_sum_of_squares - 2 * log_sum)
    error = np.sqrt(np.maximum(concentration - 1 / samples, 0.0))
    k = np.array([pareto_k(row) for row in tail])
    return log_sum - np.log(samples), error, 1 / concentration, k


def _check_is_likelihood(model, x):
    if isinstance(model.likelihood, Bernoulli) and not np.all((x == 0) | (x == 1)):
        raise InputError(
            "The images are grey, but a Bernoulli likelihood gives probabilities to black and white only, so the "
            "number would not be a likelihood: draw ink with vamp_core.binarize(x, seed), or use the ELBO."
        )
    if type(model.prior).log_prob is Prior.log_prob:
        raise InputError(f"The prior {type(model.prior).__name__} has no density: give it a log_prob(z).")
