"""The paper's table: the models of its dynamic MNIST column, and the test log-likelihood of each."""

import keras
import numpy as np
from keras import ops
from result_tables import PAPER, RECORDS

import vamp_core as vc
from vamp_core.config import RECIPES
from vamp_core.files import write_json
from vamp_core.report import scored_images
from vamp_core.run_folder import RunFolder

SAMPLES = 5000  # per image, as the paper has it
BOUND_SAMPLES = 50  # per image, for the bound that all images are given
COIN = -784 * np.log(2)  # nats that 784 throws of a coin give an image: with less, it is the proposal that has failed
EPOCHS_OF_CONVOLUTIONS = 140  # not 400: what fifteen minutes of a GPU were enough for, two trainings and likelihoods
NETWORKS = {"vae": ("vae", "gated_mlp"), "hvae": ("hvae", "gated_mlp"), "convhvae": ("hvae", "gated_conv")}


def paper(output_dir="runs", data_dir=None):
    """{name: TrainingConfig} of the models of the paper's table, with 40 latents a level."""
    found = {}
    for name in PAPER:
        kind, _, prior = name.removeprefix("paper-").partition("-")
        model, network = NETWORKS[kind]
        settings = RECIPES["paper"]
        if network == "gated_conv":
            settings = settings | dict.fromkeys(("epochs", "early_stopping"), EPOCHS_OF_CONVOLUTIONS)
        found[name] = vc.TrainingConfig(
            **settings, model=model, network=network, latent_dim={"vae": 40, "hvae": 80}[model],
            prior=prior.replace("-", "_") or "standard", gs_key="paper",
            output_dir=output_dir, data_dir=data_dir, resume=True,
        )  # fmt: skip
    return found


def score(configs, images):
    """Estimates the mean test log-likelihood of each trained model, for its record.

    Only `images` test images, chosen at random, are given the paper's number of samples. All of them are given the
    bound by `BOUND_SAMPLES`, which costs a hundredth and lies close below: see `summary`. An image with a bound below
    a coin's has lost its posterior, and gets another's proposals: see `bound_by_others`. Goes on where it was stopped,
    and from fewer images to more.
    """
    for name, config in configs.items():
        folder = RunFolder(config).path
        if not (folder / "model.keras").exists():
            print(f"{name}: not trained yet, in {folder}.")
            continue
        model = keras.saving.load_model(folder / "model.keras")
        x = scored_images(vc.load_data(config.data_set, config.data_dir), config)
        own_bound = vc.iwae_bound(model, x, BOUND_SAMPLES)
        bound = own_bound.copy()
        lost = np.flatnonzero(bound < COIN)
        if len(lost):
            bound[lost] = bound_by_others(model, x[lost], np.delete(x, lost, axis=0))
        chosen = np.random.default_rng(0).permutation(len(x))
        chosen = chosen[~np.isin(chosen, lost)][:images]
        done = folder / "likelihood.npz"
        found = vc.log_likelihood(model, x[chosen], samples=SAMPLES, resume_file=done)
        with np.load(done) as file:
            minutes = float(file["seconds"]) / 60
        record = summary(found, bound, chosen)
        if len(lost):
            record["nll_by_own_posteriors"] = record["nll"] + float(np.mean(bound - own_bound))
        record |= {"lost_posteriors": len(lost), "samples": SAMPLES, "minutes": round(minutes, 1)}
        (RECORDS / name).mkdir(parents=True, exist_ok=True)
        write_json(RECORDS / name / "likelihood.json", record)
        print(f"{name}: test NLL {record['nll']:.2f} ± {record['standard_error']:.2f} nats.")


def bound_by_others(model, x, others):
    """The bound by `BOUND_SAMPLES` of images whose own posteriors are lost, with those of their likes as proposals.

    Any density with the posterior's support will do as a proposal, and where the encoder has failed the posterior
    of the image that differs in the fewest pixels is a better one.

    Args:
        x: (n, *data_shape).
        others: (N, *data_shape), to choose from.

    Returns:
        (n,) nats.
    """
    nearest = [np.abs(others - image).sum(axis=(1, 2, 3)).argmin() for image in x]
    posterior = model.posterior(ops.convert_to_tensor(others[nearest]))
    noise = keras.random.SeedGenerator(0)
    log_weights = model.terms(ops.convert_to_tensor(x), posterior, noise, BOUND_SAMPLES).elbo
    log_weights = ops.reshape(log_weights, (len(x), BOUND_SAMPLES))
    return ops.convert_to_numpy(ops.logsumexp(log_weights, axis=1)) - np.log(BOUND_SAMPLES)


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
        "bound_samples": BOUND_SAMPLES,
    }
