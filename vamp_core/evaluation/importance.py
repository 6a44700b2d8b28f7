"""Log-weights of importance samples, where nearly all time of a log-likelihood goes.

A chunk is `count` samples for each of a few data points. Where there are many, Keras compiles
their computation once and runs it for all, whatever the backend.
"""

import contextlib
import math
import threading
import weakref
import zlib

import keras
import numpy as np
from keras import ops

from vamp_core.evaluation.decoded import log_prob_of_own
from vamp_core.evaluation.pareto import pareto_k, tail_size

# Latents decoded at a time: enough to keep a CPU busy, and 100 MB in the widest layer at network_size 4.
BATCH_SIZE = 1000

# Compiling takes about as long as is saved on so many chunks.
WORTH_COMPILING = 20


class Chunk(keras.Model):
    """log w = log p(x, z) − log q(z | x) of `count` samples per data point.

    A model, because Keras compiles what `predict_on_batch` runs.

    Args:
        model: a `VAE` or `HVAE`.
        count: samples per data point in a chunk.
        run_eagerly: whether there will be too few chunks for compiling them to pay off.
    """

    def __init__(self, model, count, run_eagerly):
        super().__init__(autocast=False)
        self.model, self.count, self.widths = model, count, noise_widths(model)
        self.run_eagerly, self.built = run_eagerly, True

    def call(self, inputs):
        x, posterior, noise = inputs
        noise = iter(noise)
        repeated = tuple(ops.repeat(part, self.count, axis=0) for part in posterior)
        z, kl = self.model.draw(repeated, lambda shape: next(noise))
        return log_prob_of_own(self.model.likelihood, x, self.model.decoder(z), self.count) - kl


def log_weights(chunk, x, samples, seed):
    """The log-weights of a few data points, `chunk.count` samples at a time.

    The encoder runs once. Noise depends on `seed` and the data point alone, so that neither the
    order of the data nor the number of samples at a time matters.

    Args:
        chunk: a `Chunk`.
        x: (B, *data_shape) float32.
        samples: S, per data point.
        seed: of the noise.

    Yields:
        (B, s) float64 arrays in nats, S columns in all.
    """
    points = ops.convert_to_tensor(x)
    posterior = chunk.model.posterior(points)
    noise = Noise(x, seed, chunk.widths)
    for first in range(0, samples, chunk.count):
        weights = chunk.predict_on_batch((points, posterior, noise.next_samples(chunk.count)))
        # All chunks have one size, lest each be compiled anew; what the last has too many is left out.
        yield weights.reshape(len(x), chunk.count)[:, : samples - first].astype("float64")


class Noise:
    """Standard normal noise with a stream of its own for each data point and each level of latents."""

    def __init__(self, x, seed, widths):
        keys = [(seed, zlib.crc32(point.tobytes())) for point in x]
        self.widths = widths
        self.streams = [[np.random.default_rng([*key, level]) for key in keys] for level in range(len(widths))]

    def next_samples(self, count):
        """The next `count` draws for each of the B data points: (B · count, width) per level."""
        return [
            np.concatenate([stream.standard_normal((count, width), "float32") for stream in streams])
            for width, streams in zip(self.widths, self.streams, strict=True)
        ]


def noise_widths(model):
    """How many latents the model draws at each level, in the order of drawing."""
    widths = []

    def record(shape):
        widths.append(shape[-1])
        return ops.zeros(shape)

    model.draw(model.posterior(ops.zeros((1, *model.data_shape))), record)
    return widths


def summaries(model, x, samples, batch_size, seed, first=0):
    """Yields the `summary` of the next few data points from the `first` on until all are done."""
    together = max(1, batch_size // samples)
    chunks = math.ceil(samples / batch_size)
    count = math.ceil(samples / chunks)
    with float32_networks(model), model.prior.fixed():
        # Compiled or not as all of `x` would be: the two may differ in the last digit.
        chunk = Chunk(model, count, run_eagerly=chunks * math.ceil(len(x) / together) < WORTH_COMPILING)
        for start in range(first, len(x), together):
            yield summary(log_weights(chunk, x[start : start + together], samples, seed), samples)


def summary(chunks, samples):
    """Reduces chunks of log-weights to (estimate, standard_error, effective_samples, pareto_k), (B,) each."""
    tail_of = tail_size(samples)
    log_sum, log_sum_of_squares, tail = -np.inf, -np.inf, None
    for chunk in chunks:
        log_sum = np.logaddexp(log_sum, np.logaddexp.reduce(chunk, axis=1))
        log_sum_of_squares = np.logaddexp(log_sum_of_squares, np.logaddexp.reduce(2 * chunk, axis=1))
        tail = chunk if tail is None else np.concatenate([tail, chunk], axis=1)
        if tail.shape[1] > tail_of:
            tail = np.partition(tail, -tail_of, axis=1)[:, -tail_of:]
    concentration = np.exp(log_sum_of_squares - 2 * log_sum)
    error = np.sqrt(np.maximum(concentration - 1 / samples, 0.0))
    k = np.array([pareto_k(row) for row in tail])
    return log_sum - np.log(samples), error, 1 / concentration, k


# A second evaluation of the same model waits: it would be handed bfloat16 by the first one's end.
_LOCKS = weakref.WeakKeyDictionary()


@contextlib.contextmanager
def float32_networks(model):
    """Inside the block, networks under a mixed precision policy compute in float32; one thread at a time."""
    with _LOCKS.setdefault(model, threading.RLock()):
        # Keras has no public way to all layers, those inside of other layers included.
        mixed = [(layer, layer.dtype_policy) for layer in model._flatten_layers() if layer.compute_dtype != "float32"]
        try:
            for layer, _ in mixed:
                layer.dtype_policy = "float32"
            yield
        finally:
            for layer, policy in mixed:
                layer.dtype_policy = policy
