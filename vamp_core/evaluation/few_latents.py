"""Importance sampling from the proposals that a search finds: for models of few latents."""

import math
import zlib

import numpy as np

from vamp_core.evaluation.bank import Bank
from vamp_core.evaluation.importance import WORTH_COMPILING, float32_networks, summary
from vamp_core.evaluation.search import DATA_AT_A_TIME, LogJoint, Search


def searched_summaries(model, x, samples, batch_size, seed, first=0, bank=None):
    """Yields `summary` and `disagreement` of the next few data points from the `first` on until all are done.

    Args:
        model: a `VAE` or `HVAE` of few latents.
        x: (N, *data_shape) float32.
        samples: S, per data point.
        batch_size: latents decoded at a time.
        seed: of the noise, which depends on it and the data point alone.
        first: the first data point of interest.
        bank: data whose posteriors show where to look besides the prior's draws, or None.
    """
    together = max(1, batch_size // samples)
    count = math.ceil(samples / math.ceil(samples / batch_size))
    # A data point is searched for in the same company however many are done, to the same numbers to the last digit.
    aligned = first // DATA_AT_A_TIME * DATA_AT_A_TIME
    with float32_networks(model), model.prior.fixed():
        latents = Bank(model, bank, seed)
        best = latents.best(x[aligned:])
        means, logvars = model.encode(x[aligned:])
        search = Search(LogJoint(model), latents)
        log_joint = LogJoint(model, run_eagerly=len(x) * math.ceil(samples / count) < WORTH_COMPILING)
        for start in range(aligned, len(x), DATA_AT_A_TIME):
            rows = np.minimum(np.arange(start, start + DATA_AT_A_TIME), len(x) - 1)
            streams = [np.random.default_rng([seed, zlib.crc32(point.tobytes()), 2]) for point in x[rows]]
            within = rows - aligned
            mixtures, before = search.proposals(
                x[rows], (means[within], logvars[within]), [part[within] for part in best], streams
            )
            stop = min(DATA_AT_A_TIME, len(x) - start)
            for begin in range(max(first - start, 0), stop, together):
                part = slice(begin, min(begin + together, stop))
                chunks = log_weights(log_joint, x[rows[part]], mixtures[part], streams[part], samples, count)
                found = summary(chunks, samples)
                yield *found, found[0] - before[part]


def log_weights(log_joint, x, mixtures, streams, samples, count):
    """The log-weights of a few data points, `count` samples at a time: (B, s) nats, S columns in all."""
    start = np.array([stream.random() for stream in streams])
    for first in range(0, samples, count):
        # All chunks have one size, lest each be compiled anew; what the last has too many is left out.
        components = mixtures.components(start, first, count)
        noise = np.stack([stream.standard_normal((count, mixtures.means.shape[2])) for stream in streams])
        z = mixtures.place(components, noise).astype("float32")
        yield (log_joint.at(x, z)[0] - mixtures.log_prob(z))[:, : samples - first]
