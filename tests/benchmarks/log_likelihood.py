"""Speed of a log-likelihood, as a share of the speed at which this machine decodes in the same run.

    python tests/benchmarks/log_likelihood.py [--models conv_vae gated_mlp_hvae] [--samples 5000] [--rounds 5]

Two floors: the decoder's operations alone, and those of all networks that run once per sample
(an HVAE's lower encoder and conditional prior too), both at the rate that the decoder's own
prediction reaches at its best batch. Beside them stands a loop over images that puts mini-batches
of copies of an image through the whole model, as code that comes with papers does.

Other load on the machine stretches seconds of the clock. All take turns, so that ratios hold,
and CPU seconds (of all threads together) are given too.
"""

import argparse
import time

import keras
import numpy as np

import vamp_core as vc
from vamp_core.evaluation.importance import BATCH_SIZE, summaries
from vamp_core.networks.gated import gated_mlp
from vamp_core.system.hardware import device_name
from vamp_core.training.flops import forward_flops

DECODER_BATCHES = (500, 1000, 2000)
MINI_BATCH = 100
PAPER = 10_000 * 5000  # test images × samples


def vamp_prior():
    return vc.VampPrior(pseudo_inputs=np.random.default_rng(1).random((500, 28, 28, 1)))


# The models, and which of their networks run once per sample.
MODELS = {
    "conv_vae": (lambda: vc.VAE(latent_dim=2, network_size=4, prior=vamp_prior()), ("decoder",)),
    "gated_mlp_hvae": (
        lambda: vc.HVAE(**gated_mlp("hvae", latent_dim=80), prior=vamp_prior()),
        ("decoder", "lower_encoder", "conditional_prior"),
    ),
}


def seconds(function):
    """(clock, CPU) seconds of one call."""
    clock, cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - clock, time.process_time() - cpu


def timings(model, samples, rounds):
    """(clock, CPU) seconds per sample of everything that takes turns: the median over the rounds."""
    rng = np.random.default_rng(0)
    images = vc.binarize(rng.random((rounds + 2, 28, 28, 1)), seed=0)
    copies = np.repeat(images[:1], MINI_BATCH, axis=0)
    latents = rng.normal(size=(max(DECODER_BATCHES), model.latent_dim)).astype("float32")
    # One image at a time; compiles at the first.
    estimates = summaries(model, images, samples, min(BATCH_SIZE, samples), seed=0)
    work = {"ours": (samples, lambda: next(estimates))}
    # The encoder, the pseudo-inputs and the decoder: all of the model for every mini-batch.
    work["mini-batches"] = (MINI_BATCH, lambda: model.predict_on_batch(copies))
    for batch in DECODER_BATCHES:
        work[batch] = (batch, lambda batch=batch: model.decoder.predict_on_batch(latents[:batch]))

    def timed(name):
        count, function = work[name]
        return np.array(seconds(function)) / count

    # Two calls each before they take turns: TensorFlow takes the predictions of all models for one function, and would
    # warn of retracing if nothing but first calls, which compile, came in a row.
    found = {name: [timed(name), timed(name)] for name in work}
    for _ in range(rounds):
        for name in work:
            found[name].append(timed(name))
    first = found["ours"][0][1] * samples
    return {name: np.median(each[2:], axis=0) for name, each in found.items()}, first


def report(name, samples, rounds):
    make, networks = MODELS[name]
    model = make()
    flops = [forward_flops(getattr(model, network)) for network in networks]
    per_sample, first = timings(model, samples, rounds)
    best = min(DECODER_BATCHES, key=lambda batch: per_sample[batch][1])
    floor = np.min([per_sample[batch] for batch in DECODER_BATCHES], axis=0)
    ours, theirs = per_sample["ours"], per_sample["mini-batches"]
    share = flops[0] / sum(flops)
    print(f"\n{name}: {sum(flops) / 1e6:.2f} MFLOP a sample, {share:.0%} of them the decoder's ({', '.join(networks)})")
    print(f"  compiling takes {max(first - ours[1] * samples, 0):.1f} CPU seconds a call; best decoder batch {best}")
    for clock, unit in enumerate(("second", "CPU second")):
        print(
            f"  {1 / ours[clock]:10,.0f} samples a {unit:10} decoder alone {1 / floor[clock]:10,.0f}   "
            f"mini-batches of {MINI_BATCH} {1 / theirs[clock]:8,.0f}\n"
            f"  {floor[clock] / ours[clock]:10.2f} of the decoder's floor, "
            f"{floor[clock] / share / ours[clock]:.2f} of all networks'; "
            f"{theirs[clock] / ours[clock]:.1f} times the mini-batches"
        )
    hours = PAPER * ours / 3600
    print(f"  10,000 images × 5,000 samples: {hours[0]:.1f} hours at this run's pace, {hours[1]:.1f} CPU hours")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--samples", type=int, default=5000, help="importance samples per image")
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds, of which the median counts")
    arguments = parser.parse_args()
    print(f"{keras.backend.backend()} on {device_name()}")
    for name in arguments.models:
        report(name, arguments.samples, arguments.rounds)


if __name__ == "__main__":
    main()
