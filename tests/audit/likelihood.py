"""Log-likelihoods of the shipped models held to quadrature, and of linear-Gaussian models to their closed form.

    python tests/audit/likelihood.py [--models mnist-vae ...] [--images 1000] [--samples 5000] [--seed 3] [--first 0]

Prints a row a model and ends with status 1 if a bar is missed: the mean error is at most 0.02 nats in size; at most 5
images in 1,000 are off by more than half a nat, of these one without `doubtful`; an encoder whose means are three
standard deviations off, and these halved, does no more than 0.1 nats of harm; and of 200 linear-Gaussian cases 99 % lie
within three standard errors. All models take some hours on two cores: their decoders run 40 million times.
"""

import argparse
import sys
import time
from pathlib import Path

import keras
import numpy as np
from keras import ops

import vamp_core as vc

sys.path.insert(0, str(Path(__file__).parents[1] / "evaluation"))
from linear_models import linear_hvae, linear_vae  # noqa: E402

ROW = "{:24} {:>9} {:>9} {:>7} {:>7} {:>9} {:>9} {:>8} {:>7}"
HEAD = ("model", "truth", "error", "> 0.5", "silent", "doubtful", "encoder", "> 0.5", "minutes")


def shipped(name, arguments):
    """A row of the table, and whether the bars are held."""
    start = time.time()
    model, card = vc.load_pretrained(name)
    images = vc.load_data(card["experiment"]["data_set"]).x_test[arguments.first :][: arguments.images]
    x = vc.binarize(images, seed=arguments.seed)
    truth = vc.quadrature_log_likelihood(model, x, verbose=0).estimate
    settings = dict(samples=arguments.samples, seed=arguments.seed, verbose=0)
    found = vc.log_likelihood(model, x, **settings)
    error = found.estimate - truth
    off = np.abs(error) > 0.5
    silent = np.sum(off & ~found.doubtful)
    by_encoder = ["", ""]
    if arguments.encoder:
        of_encoder = vc.log_likelihood(model, x, proposal="encoder", **settings).estimate - truth
        by_encoder = [f"{of_encoder.mean():+.3f}", np.sum(np.abs(of_encoder) > 0.5)]
    minutes = f"{(time.time() - start) / 60:.1f}"
    counts = (np.sum(off), silent, np.sum(found.doubtful), *by_encoder, minutes)
    print(ROW.format(name, f"{truth.mean():.3f}", f"{error.mean():+.4f}", *counts), flush=True)
    share = len(x) / 1000
    return abs(error.mean()) <= 0.02 and np.sum(off) <= 5 * share and silent <= max(1, share)


def worsened(name, arguments):
    """Whether an encoder that is off, and sure of itself, does no harm."""
    model, card = vc.load_pretrained(name)
    images = vc.load_data(card["experiment"]["data_set"]).x_test[: min(50, arguments.images)]
    x = vc.binarize(images, seed=arguments.seed)
    truth = vc.quadrature_log_likelihood(model, x, verbose=0).estimate
    inputs = keras.Input(model.data_shape)
    mean, logvar = model.encoder(inputs)
    model.encoder = keras.Model(inputs, [mean + 3 * ops.exp(0.5 * logvar), logvar - 2 * np.log(2.0)])
    error = vc.log_likelihood(model, x, samples=arguments.samples, verbose=0).estimate - truth
    print(
        f"{name} with a bad encoder: mean error {error.mean():+.4f}, largest {np.abs(error).max():.3f} nats", flush=True
    )
    return np.abs(error).max() <= 0.1


def linear(arguments):
    """Whether 200 linear-Gaussian cases, of 1 to 16 latents in all, keep to three standard errors."""
    within, kinds = [], [(linear_vae, d) for d in (1, 2, 3, 4, 5, 8, 12, 16)]
    kinds += [(linear_hvae, (d, d)) for d in (1, 2, 4, 8)]
    for make, size in kinds:
        model, marginal = make(size, arguments.seed)
        x = marginal.rvs(17, random_state=arguments.seed).astype("float32")
        found = vc.log_likelihood(model, x, samples=arguments.samples, seed=arguments.seed, verbose=0)
        error = np.abs(found.estimate - marginal.logpdf(x))
        # A search of one dimension ends at a standard error of a thousandth, where float32 is felt.
        within.append(error <= 3 * found.standard_error + 1e-3)
        print(f"{make.__name__} {size}: {np.sum(within[-1])} of {len(x)} within three standard errors", flush=True)
    within = np.concatenate(within)
    print(f"linear-Gaussian models: {np.mean(within):.1%} of {len(within)} cases within three standard errors")
    return np.mean(within) >= 0.99


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="*", default=vc.list_pretrained(), choices=vc.list_pretrained())
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the first of the test images")
    parser.add_argument("--samples", type=int, default=5000, help="importance samples per image")
    parser.add_argument("--seed", type=int, default=3, help="of the ink and of the samples")
    parser.add_argument("--encoder", action="store_true", help="the encoder's proposal too, for comparison")
    arguments = parser.parse_args()
    held = [linear(arguments)]
    held += [worsened(name, arguments) for name in arguments.models[:1]]
    print(ROW.format(*HEAD))
    held += [shipped(name, arguments) for name in arguments.models]
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
