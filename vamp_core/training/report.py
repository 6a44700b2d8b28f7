"""What a finished run leaves behind: the model, its numbers, the test images' embedding and its figures."""

import numpy as np

from vamp_core import plots
from vamp_core.density.priors import StandardNormal
from vamp_core.density.vamp_prior import VampPrior
from vamp_core.evaluation.aggregate import active_units
from vamp_core.evaluation.bounds import mean_elbo
from vamp_core.images import binarize
from vamp_core.models import MODELS
from vamp_core.system.arrays import as_numpy
from vamp_core.system.files import whole, write_json
from vamp_core.training.recorder import TrainingDiverged

MOST_CLASSES = 20  # in a figure


def scored_images(data, config):
    """The test images as a model is scored on them: as they are, or as ink where it was trained on ink."""
    return data.x_test if config.binarize == "none" else binarize(data.x_test, config.seed)


def report(model, data, folder, config):
    """Evaluates a trained model on the test images and writes the results into its run folder.

    Args:
        model: the trained model, with float32 networks.
        data: the `Dataset`.
        folder: the `RunFolder`.
        config: the `TrainingConfig`.

    Returns:
        (metrics, paths): the test ELBO's terms in nats, active units per level, epochs and minutes; and every
        file that was written.

    Raises:
        InputError: the folder is full, or in use by another process.
        TrainingDiverged: the test ELBO is not finite.
    """
    with folder.owned():
        return _report(model, data, folder, config)


def _report(model, data, folder, config):
    x_test = scored_images(data, config)
    metrics = {f"test_{name}": value for name, value in mean_elbo(model, x_test).items()}
    if not np.isfinite(list(metrics.values())).all():
        raise TrainingDiverged(
            f"The test ELBO is {metrics['test_elbo']} nats, and nothing is published: "
            f"try a --lr below {config.lr:g}, a --clip_norm or --precision float32."
        )
    # A hundredth of the prior's own variance, since a learned prior holds latents to no scale.
    threshold = 0.01 * np.var(as_numpy(model.ancestral(10_000, seed=0)), axis=0)
    levels = np.split(active_units(model, x_test, threshold), MODELS[config.model].levels)
    metrics["active_units"] = [int(level.sum()) for level in levels]  # of an HVAE, z2 first
    history = folder.read_history()
    metrics |= {"epochs": len(history["epoch"]), "minutes": round(sum(history["seconds"]) / 60, 2)}
    write_json(folder.path / "metrics.json", metrics)

    mean, logvar = model.encode(x_test)
    with whole(folder.path / "embedding.npz") as partial:
        np.savez_compressed(partial, mean=mean, logvar=logvar, labels=data.y_test)
    with whole(folder.path / "model.keras") as partial:
        model.save(partial)

    paths = [folder.config_file, folder.history_file]
    paths += [folder.path / name for name in ("metrics.json", "embedding.npz", "model.keras")]
    for name, figure in figures(model, data, mean, logvar, history, config):
        path = folder.path / f"{name}.png"
        with whole(path) as partial:
            figure.savefig(partial)
        paths.append(path)
    return metrics, paths


def figures(model, data, mean, logvar, history, config):
    """The figures of one run, under file names that follow the forerunner's pattern.

    Args:
        model, data, config: as for `report`.
        mean, logvar: the test images' posteriors, (N, D) each.
        history: {column: list of numbers}, an epoch a row.

    Yields:
        (name, figure), one after the other.
    """
    run = config.training_id
    labels, names, examples = data.y_test, data.class_names, data.x_test[:100]
    if len(names) > MOST_CLASSES:  # more than colours and a legend tell apart
        labels, names = np.zeros_like(labels), ("test images",)
    elif len(names) > 1:
        examples = plots.first_of_each_class(data.x_test, data.y_test)
    axes = plots.HVAE_AXES if config.model == "hvae" else plots.AXES
    plane = mean
    if model.latent_dim == 1:  # what a posterior has besides its mean is its width
        plane, axes = np.hstack([mean, logvar]), ("mean of $z$", "log-variance of $z$")
    yield f"{data.name}_input", plots.image_grid(examples)
    yield f"{run}_reconmanifold", _grid(model.reconstruct(examples))
    yield f"{run}_embedding_z", plots.latent_space(plane, labels, names, axis_labels=axes)
    yield f"{run}_losshistory", plots.loss_history({f"{config.model.upper()}, {config.prior} prior": history})
    yield f"{run}_samples", _grid(model.sample(100, seed=config.seed))
    if model.latent_dim == 2:
        # Only a VAE's standard prior says beforehand where the latents lie.
        known = config.model == "vae" and isinstance(model.prior, StandardNormal)
        extent = None if known else tuple(np.percentile(mean, [0.5, 99.5], axis=0).T.ravel())
        yield f"{run}_manifold", plots.manifold(model, extent=extent, axis_labels=axes)
    if isinstance(model.prior, VampPrior):
        yield f"{run}_pseudo_inputs", plots.image_grid(as_numpy(model.prior.pseudo_inputs)[:100])


def _grid(images):
    """A grid of images; a Gaussian's means may leave [0, 1], and are cut off there, with a note."""
    low, high = images.min(), images.max()
    note = None if 0 <= low and high <= 1 else f"means from {low:.2g} to {high:.2g}, cut off at 0 and 1"
    return plots.image_grid(np.clip(images, 0, 1), title=note)
