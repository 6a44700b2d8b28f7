"""The paper's table: the models of its dynamic MNIST column, and the test log-likelihood of each."""

import keras
import numpy as np
from result_tables import PAPER, RECORDS

import vamp_core as vc
from vamp_core.evaluation.log_likelihood import LogLikelihood
from vamp_core.system.files import write_json
from vamp_core.training.recipes import RECIPES
from vamp_core.training.report import scored_images
from vamp_core.training.run_folder import RunFolder

SAMPLES = 5000  # per image, as the paper has it
BOUND_SAMPLES = 50  # per image, for the bound that all images are given
# What each kind of model has of its own beside the recipe.
KINDS = {
    "vae": dict(model="vae", network="gated_mlp", latent_dim=40),
    "hvae": dict(model="hvae", network="gated_mlp", latent_dim=80),
    # What fifteen minutes of a GPU were enough for; range and warm-up are those that the recipe had at the time.
    "convhvae": dict(
        model="hvae",
        network="gated_conv",
        latent_dim=80,
        logvar_range=(-12.0, 6.0),
        warmup_epochs=10,
        epochs=140,
        early_stopping=140,
    ),
}


def paper(output_dir="runs", data_dir=None):
    """{name: TrainingConfig} of the models of the paper's table, with 40 latents a level."""
    found = {}
    for name in PAPER:
        kind, _, prior = name.removeprefix("paper-").partition("-")
        settings = RECIPES["paper"] | KINDS[kind] | {"prior": prior.replace("-", "_") or "standard"}
        found[name] = vc.TrainingConfig(
            **settings, gs_key="paper", output_dir=output_dir, data_dir=data_dir, resume=True
        )
    return found


def score(configs, images, bound_samples=BOUND_SAMPLES):
    """Estimates the mean test log-likelihood of each trained model, for its record.

    Only `images` test images, chosen at random, are given the paper's number of samples. All of them are given the
    bound by `bound_samples`, which costs a hundredth and lies close below: see `summary`. Goes on where it was stopped,
    and from fewer images to more.
    """
    for name, config in configs.items():
        folder = RunFolder(config).path
        if not (folder / "model.keras").exists():
            print(f"{name}: not trained yet, in {folder}.")
            continue
        model = keras.saving.load_model(folder / "model.keras")
        x = scored_images(vc.load_data(config.data_set, config.data_dir), config)
        bound = vc.iwae_bound(model, x, bound_samples)
        chosen = np.random.default_rng(0).permutation(len(x))[:images]
        done = folder / "likelihood.npz"
        found = vc.log_likelihood(model, x[chosen], samples=SAMPLES, proposal="encoder", resume_file=done)
        with np.load(done) as file:
            minutes = float(file["seconds"]) / 60
        record = summary(found, bound, chosen)
        record |= {"bound_samples": bound_samples, "samples": SAMPLES, "minutes": round(minutes, 1)}
        if len(chosen) == len(x):
            record |= check_of_summary(found, bound, chosen)
        (RECORDS / name).mkdir(parents=True, exist_ok=True)
        write_json(RECORDS / name / "likelihood.json", record)
        print(f"{name}: test NLL {record['nll']:.2f} ± {record['standard_error']:.2f} nats.")


def summary(found, bound, chosen):
    """The mean log-likelihood of all test images, from that of some and a cheap lower bound of all.

    The difference estimator of survey sampling (Cochran 1977, Sampling Techniques, chapter 7): the mean of the bound
    over all images, plus the mean over the chosen ones of what the estimate has more than the bound. Unbiased for the
    mean estimate of all images, and with a small error, since the difference varies far less than the likelihood.

    Args:
        found: the `LogLikelihood` of the chosen images, (n,) each.
        bound: of all images, (N,) nats.
        chosen: indices of the n images among the N.

    Returns:
        A dictionary, in nats: the `nll`; its `standard_error`, from the choice of images and, where all are chosen,
        from the importance samples alone; the share of the chosen images whose Pareto k̂ is above 0.7; and counts.
    """
    gain = found.estimate - bound[chosen]
    n, of_all = len(gain), len(bound)
    choice = (1 - n / of_all) * np.var(gain, ddof=1)  # the part of the images that was left out counts
    noise = np.mean(np.square(found.standard_error))
    return {
        "nll": -float(np.mean(bound) + np.mean(gain)),
        "standard_error": float(np.sqrt((choice + noise) / n)),
        "pareto_k_above_0.7": float(np.mean(found.pareto_k > 0.7)),
        "images": n,
        "test_images": of_all,
    }


def check_of_summary(found, bound, chosen):
    """How `summary` would have done on a tenth of the images, ten times; arguments as there, but for all images.

    Returns:
        A dictionary, in nats: `tenths`, the ten estimates; `errors_of_tenths`, their standard errors; and the standard
        deviations, from image to image, of the likelihood and of its distance from the bound.
    """
    tenths = []
    for part in np.array_split(np.arange(len(chosen)), 10):
        tenths.append(summary(LogLikelihood(*(column[part] for column in found)), bound, chosen[part]))
    return {
        "tenths": [each["nll"] for each in tenths],
        "errors_of_tenths": [each["standard_error"] for each in tenths],
        "spread": float(np.std(found.estimate)),
        "spread_of_distance": float(np.std(found.estimate - bound[chosen])),
    }
