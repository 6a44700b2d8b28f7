"""The log-likelihood of data under a trained model, with its error.

It is estimated by importance sampling with the approximate posterior as
proposal (Rezende et al. 2014, appendix E; Burda et al. 2016): with weights
w_s = p(x, z_s) / q(z_s | x), log p(x) ≈ log 1/S Σ_s w_s. The estimate is a lower bound on
average, and poor where few samples carry all the weight: so each comes with its error.
"""

from typing import NamedTuple

import keras
import numpy as np

from vamp_core.errors import InputError
from vamp_core.evaluation.checks import check_is_likelihood
from vamp_core.evaluation.importance import BATCH_SIZE, summaries
from vamp_core.evaluation.resume_file import ResumeFile


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


def log_likelihood(model, x, samples=5000, batch_size=BATCH_SIZE, seed=0, verbose=1, resume_file=None):
    """Importance-sampled log p(x) of each data point, with its error.

    The encoder runs once per data point; latents are decoded in batches that span data points,
    in float32 whatever the networks' precision policy. Weights are reduced as they come, so
    memory does not grow with `samples`. The noise of a data point depends on `seed` and the
    point alone: order and batch size do not matter.

    Args:
        model: a `VAE` or `HVAE`.
        x: (N, *data_shape); zeros and ones for a Bernoulli likelihood.
        samples: S, importance samples per data point.
        batch_size: latents decoded at a time.
        seed: of the noise.
        verbose: 1 for a progress bar, 0 for none.
        resume_file: an .npz file to keep results in, written about every half minute. Called again with
            it, and with the same model and settings, the evaluation goes on where it stopped, or on
            to more data points; to the very numbers of an uninterrupted one.

    Returns:
        A `LogLikelihood`. After an interruption from the keyboard, of the data points done so far;
        with a `resume_file` these are kept there, and the interruption is passed on.

    Raises:
        InputError: samples or batch_size < 1, data the model cannot score, grey values under a
            Bernoulli likelihood, a prior without a density, or a `resume_file` of another evaluation.
    """
    for name, value in (("samples", samples), ("batch_size", batch_size)):
        if value < 1:
            raise InputError(f"{name} is {value}; choose at least one.")
    x = model.check(x)
    check_is_likelihood(model, x)
    columns, settings = len(LogLikelihood._fields), {"samples": samples, "seed": seed}
    file = None if resume_file is None else ResumeFile(resume_file, x, model, settings, columns)
    done = [np.empty((columns, 0)) if file is None else file.results]
    first = done[0].shape[1]
    progress = keras.utils.Progbar(len(x) - first, unit_name="image", verbose=verbose)
    try:
        for summary in summaries(model, x, samples, batch_size, seed, first):
            done.append(summary)
            progress.add(len(summary[0]))
            if file is not None:
                file.write_now_and_then(done)
    except KeyboardInterrupt:
        if file is not None or len(done) == 1:
            raise
        finished = sum(len(estimates) for estimates, *_ in done)
        print(f"\nInterrupted: the result holds the first {finished} of {len(x)} data points.")
    finally:
        if file is not None:
            file.write(done)
    return LogLikelihood(*np.concatenate(done, axis=1))
