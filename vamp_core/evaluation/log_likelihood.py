"""The log-likelihood of data under a trained model, with its error.

It is estimated by importance sampling (Rezende et al. 2014, appendix E; Burda et al. 2016): with latents z_s from a
proposal q and weights w_s = p(x, z_s) / q(z_s), log p(x) ≈ log 1/S Σ_s w_s. The estimate is a lower bound on
average, and poor where few samples carry all the weight: so each comes with its error. An error is seen in the
samples alone; of a mode of the posterior where the proposal never goes it knows nothing.
"""

import zlib
from typing import NamedTuple

import keras
import numpy as np

from vamp_core.errors import InputError, check_count, check_seed
from vamp_core.evaluation.checks import check_is_likelihood
from vamp_core.evaluation.few_latents import searched_summaries
from vamp_core.evaluation.importance import BATCH_SIZE, summaries
from vamp_core.evaluation.many_latents import refined_summaries
from vamp_core.evaluation.resume_file import ResumeFile
from vamp_core.evaluation.search import FEW_LATENTS

PROPOSALS = ("mixture", "encoder")


class LogLikelihood(NamedTuple):
    """What importance sampling says of log p(x), an entry per data point, (N,) each.

    Attributes:
        estimate: log 1/S Σ w, in nats.
        standard_error: of the estimate, in nats, by the delta method: √(Σw² / (Σw)² − 1/S).
        effective_samples: (Σw)² / Σw², between 1 and S.
        pareto_k: shape of the weights' tail; above 0.7 neither estimate nor error can be
            relied on (Vehtari et al. 2024).
        disagreement: how far the estimate lies above that of the search for the proposal, which looks
            all over the prior with samples of its own, in nats; NaN where there was no search.
        doubtful: whether the error may not cover the truth, for any of three reasons.
    """

    estimate: np.ndarray
    standard_error: np.ndarray
    effective_samples: np.ndarray
    pareto_k: np.ndarray
    disagreement: np.ndarray

    @property
    def doubtful(self):
        return ~(self.pareto_k <= 0.7) | (self.standard_error > 0.25) | (np.abs(self.disagreement) > 0.5)


def log_likelihood(
    model,
    x,
    samples=5000,
    batch_size=BATCH_SIZE,
    seed=0,
    verbose=1,
    resume_file=None,
    proposal="mixture",
    bank=None,
):
    """Importance-sampled log p(x) of each data point, with its error.

    Latents are decoded in batches, in float32 whatever the networks' precision policy. Weights are reduced as they
    come, so memory does not grow with `samples`. The noise of a data point depends on `seed` and the point alone: order
    and batch size do not matter.

    Where samples come from decides whether the estimate is right. An encoder that is too sure of its posterior, or that
    does not know of a second mode, gives an estimate that is nats too low and an error that does not show it. So by
    default the encoder is only one of those asked:

    - up to four latents in all: a search that starts from the prior, `vamp_core.evaluation.search`;
    - more latents: beside the encoder's posterior, a normal density that is fitted to each data point by gradients,
      with correlations, `vamp_core.evaluation.refinement`; both in several widths.

    Args:
        model: a `VAE` or `HVAE`.
        x: (N, *data_shape); zeros and ones for a Bernoulli likelihood.
        samples: S, importance samples per data point.
        batch_size: latents decoded at a time.
        seed: of the noise, an integer ≥ 0.
        verbose: 1 for a progress bar, 0 for none.
        resume_file: an .npz file to keep results in, written about every half minute. Called again with
            it, and with the same model and settings, the evaluation goes on where it stopped, or on
            to more data points; to the very numbers of an uninterrupted one.
        proposal: "mixture", or "encoder" for samples of the encoder's posterior alone, the protocol of most papers.
        bank: data such as training images, (M, *data_shape), whose posteriors show the search where to look besides
            the prior's own draws; None for these alone. Of use for up to four latents only.

    Returns:
        A `LogLikelihood`. After an interruption from the keyboard, of the data points done so far;
        with a `resume_file` these are kept there, and the interruption is passed on.

    Raises:
        InputError: samples or batch_size < 1, an unknown proposal, data the model cannot score, grey values under a
            Bernoulli likelihood, a prior without a density, or a `resume_file` of another evaluation.
    """
    samples, batch_size = check_count("samples", samples), check_count("batch_size", batch_size)
    seed = check_seed(seed)
    if proposal not in PROPOSALS:
        raise InputError(f"proposal is {proposal!r}; choose one of {', '.join(PROPOSALS)}.")
    x = model.check(x)
    check_is_likelihood(model, x)
    if bank is not None:
        bank = _check_bank(model, bank, proposal)
    columns = len(LogLikelihood._fields)
    settings = {"samples": samples, "seed": seed, "proposal": proposal, "bank": 0 if bank is None else zlib.crc32(bank)}
    file = None if resume_file is None else ResumeFile(resume_file, x, model, settings, columns)
    done = [np.empty((columns, 0)) if file is None else file.results]
    first = done[0].shape[1]
    progress = keras.utils.Progbar(len(x) - first, unit_name="image", verbose=verbose)
    try:
        for summary in _summaries(model, x, samples, batch_size, seed, first, proposal, bank):
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


def _summaries(model, x, samples, batch_size, seed, first, proposal, bank):
    if first == len(x):
        return
    if proposal == "mixture" and model.latent_dim <= FEW_LATENTS:
        yield from searched_summaries(model, x, samples, batch_size, seed, first, bank)
        return
    of_proposal = {"mixture": refined_summaries, "encoder": summaries}[proposal]
    for found in of_proposal(model, x, samples, batch_size, seed, first):
        yield *found, np.full(len(found[0]), np.nan)


def _check_bank(model, bank, proposal):
    if proposal != "mixture":
        raise InputError(f"A bank is given, but the {proposal}'s proposal looks at none: leave one of the two out.")
    if model.latent_dim > FEW_LATENTS:
        raise InputError(
            f"A bank is given, but it is for the search in models of up to {FEW_LATENTS} latents, and this one has "
            f"{model.latent_dim}: leave it out."
        )
    try:
        return model.check(bank)
    except InputError as error:
        raise InputError(f"The bank is not data of this model: {error}") from error
