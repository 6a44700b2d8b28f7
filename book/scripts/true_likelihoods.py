"""Each estimate of a test log-likelihood beside the truth, or beside a tighter bound, for the models that are here.

On a plane the truth is an integral: the book's models are held to quadrature. With forty latents there is none, and
annealed importance sampling takes its place. `results.py likelihood` calls this; a record is a JSON file for each
model in `book/results/true_likelihoods/`.
"""

import time

import keras
import numpy as np
import paper_table
from result_tables import RECORDS

import vamp_core as vc
from vamp_core.evaluation.importance import BATCH_SIZE
from vamp_core.pretrained import list_pretrained
from vamp_core.system.files import write_json
from vamp_core.training.report import scored_images
from vamp_core.training.run_folder import RunFolder

FOLDER = RECORDS / "true_likelihoods"
SAMPLES = 5000
INK_SEED = 3  # of the book's models, which were trained on grey images
FAR_OFF = 0.5  # nats: an image whose estimate errs by more is counted
CHAINS, TEMPERATURES = 8, 500  # of annealed importance sampling


def names():
    """Of all models that can be compared: those that ship, and the paper's that have been trained in `runs/`."""
    return [*list_pretrained(), *(name for name in paper_table.paper() if name not in list_pretrained())]


def compare(name, images, annealed_images, batch_size=BATCH_SIZE, output_dir="runs", data_dir=None):
    """Scores one model by every estimator on the same test images, and writes its record.

    Args:
        name: one of `names()`.
        images: how many test images.
        annealed_images: how many of these annealed importance sampling is given, with forty latents.
        batch_size: latents decoded at a time; a GPU takes some ten thousand.
        output_dir, data_dir: as for `train.py`.

    Returns:
        The record, as a dictionary; log-likelihoods in nats, means over the images.
    """
    model, config = _trained(name, output_dir, data_dir)
    x = _test_images(config, images, data_dir)
    minutes, found = {}, {}
    for proposal in ("encoder", "mixture"):
        settings = dict(samples=SAMPLES, proposal=proposal, batch_size=batch_size)
        found[proposal], minutes[proposal] = _timed(vc.log_likelihood, model, x, **settings)
    if model.latent_dim <= 2:
        reference, minutes["quadrature"] = _timed(vc.quadrature_log_likelihood, model, x)
        record = {"reference": "quadrature", "numerical_error": float(reference.error.max())}
    else:
        settings = dict(chains=CHAINS, temperatures=TEMPERATURES)
        given = settings | {"batch_size": batch_size}
        reference, minutes["annealed"] = _timed(vc.ais_log_likelihood, model, x[:annealed_images], **given)
        record = {"reference": "annealed importance sampling", **settings}
        record["standard_error_of_reference"] = float(np.mean(reference.standard_error))
    truth = reference.estimate
    record |= {"images": len(x), "images_of_reference": len(truth), "samples": SAMPLES, "mean": float(truth.mean())}
    for proposal, estimate in found.items():
        record[proposal] = summary(estimate, truth)
    record["minutes"] = {what: round(spent, 2) for what, spent in minutes.items()}
    record["device"] = vc.hardware.device_name()
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_json(FOLDER / f"{name}.json", record)
    return record


def summary(found, truth):
    """How an estimate compares with the truth of its first images: a dictionary of means and counts, in nats."""
    gap = found.estimate[: len(truth)] - truth
    far = np.abs(gap) > FAR_OFF
    return {
        "mean": float(found.estimate.mean()),
        "standard_error": float(found.estimate.std() / np.sqrt(len(found.estimate))),  # of the choice of images
        "mean_gap": float(gap.mean()),
        "standard_error_of_gap": float(gap.std() / np.sqrt(len(gap))),
        "far_off": int(far.sum()),
        "far_off_unflagged": int((far & ~found.doubtful[: len(truth)]).sum()),
        "far_off_by_k_hat_unflagged": int((far & (found.pareto_k[: len(truth)] <= 0.7)).sum()),
        "largest_gap": float(gap[np.argmax(np.abs(gap))]),
    }


def _timed(estimator, model, x, **settings):
    started = time.perf_counter()
    return estimator(model, x, **settings), (time.perf_counter() - started) / 60


def _trained(name, output_dir, data_dir):
    """The trained model and its configuration."""
    if name in list_pretrained():
        model, card = vc.load_pretrained(name)
        return model, vc.TrainingConfig(**card["experiment"])
    config = paper_table.paper(output_dir, data_dir)[name]
    path = RunFolder(config).path / "model.keras"
    if not path.exists():
        raise vc.InputError(f"{name} is not trained yet, in {path.parent}: make results RUN={name}.")
    return keras.saving.load_model(path, compile=False), config


def _test_images(config, images, data_dir):
    """Test images in ink: as the model's training had it, or drawn here for a model of grey images."""
    data = vc.load_data(config.data_set, data_dir)
    if config.binarize == "none":
        return vc.binarize(data.x_test[:images], INK_SEED)
    chosen = np.random.default_rng(0).permutation(len(data.x_test))[:images]
    return scored_images(data, config)[chosen]
