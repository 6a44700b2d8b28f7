"""Records of chapter 8: models with forty latents that do not ship, four priors and three seeds; and small trials.

    python book/scripts/forty_latents.py score FOLDER      of FOLDER/NAME/ with config.json, history.csv, weights16.npz
    python book/scripts/forty_latents.py pictures FOLDER   samples and pseudo-inputs, from the same weights
    python book/scripts/forty_latents.py collapse          the chapter's short trainings with the seeds 0, 1 and 2

NAME is DATASET-PRIOR-seedN, for instance mnist-vamp-seed0: the recipe `paper` with `--model vae --latent_dim 40`.
"""

import argparse
import json
import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
from pictures import smaller
from result_tables import FORTY, RECORDS
from seeds_of_chapter_3 import definitions

import vamp_core as vc
from vamp_core.system.files import whole, write_json
from vamp_core.training.report import scored_images

CHAPTER = Path(__file__).parents[2] / "notebooks" / "08_forty_latents.ipynb"
BOUND_SAMPLES = 50  # per test image
IMAGES, EPOCHS = 10_000, 10  # of the short trainings, as the chapter has them


def stored(folder):
    """(model, config) of a folder with config.json and weights16.npz, networks in float32."""
    config = vc.TrainingConfig(**json.loads((folder / "config.json").read_text())["experiment"])
    model = vc.build_model(config, (28, 28, 1))
    with np.load(folder / "weights16.npz") as weights:
        model.set_weights([weights[key].astype("float32") for key in weights.files])
    return model, config


def shares(mean, logvar):
    """Of each latent's variance over the data, the share that its mean has: (D,), zero for a latent that says nothing.

    A threshold on a share holds on any scale: under a learnt prior a latent may have one of its own.
    """
    between = np.var(mean, axis=0)
    return between / (between + np.mean(np.exp(logvar), axis=0))


def score(folder):
    """The numbers of a trained model that the chapter's tables are made from."""
    model, config = stored(folder)
    x = scored_images(vc.load_data(config.data_set), config)
    test = {f"test_{name}": value for name, value in vc.mean_elbo(model, x).items()}
    mean, logvar = model.encode(x)
    record = test | {
        f"bound_of_{BOUND_SAMPLES}": float(np.mean(vc.iwae_bound(model, x, BOUND_SAMPLES))),
        "active_units": int(np.sum(shares(mean, logvar) > 0.01)),
    }
    if hasattr(model.prior, "components"):
        centres, logvars = map(vc.as_numpy, model.prior.components())
        record["farthest_code"] = float(np.linalg.norm(mean, axis=1).max())
        record["components_twice_as_far"] = int(np.sum(np.linalg.norm(centres, axis=1) > 2 * record["farthest_code"]))
        record["median_sigma_of_components"] = float(np.median(np.exp(logvars / 2)))
    return record | {"median_sigma_of_images": float(np.median(np.exp(logvar / 2)))}


def pictures(folder):
    """The four priors' samples on MNIST, and both priors' on Fashion-MNIST, seed 0."""
    for data_set, priors in {"mnist": FORTY, "fashionmnist": ("standard", "vamp")}.items():
        models = {FORTY[prior]: stored(folder / f"{data_set}-{prior}-seed0")[0] for prior in priors}
        panels = {title: model.sample(60, seed=0) for title, model in models.items()}
        if data_set == "fashionmnist":
            panels["pseudo-inputs"] = vc.as_numpy(models["VampPrior"].prior.pseudo_inputs)[:60]
            panels["… decoded"] = models["VampPrior"].reconstruct(panels["pseudo-inputs"])
        drawn = BytesIO()
        vc.plots.image_row(panels).savefig(drawn)
        with whole(RECORDS / "figures" / f"forty_{data_set}.png") as partial:
            partial.write_bytes(smaller(drawn.getvalue()))


def collapse():
    """Test ELBO, its terms and active units of the chapter's short trainings, seed by seed."""
    chapter = definitions(CHAPTER)
    data = vc.load_data("mnist")
    test = vc.binarize(data.x_test, seed=0)
    chapter |= {"few": data.x_train[:IMAGES], "ink": test, "EPOCHS": EPOCHS}
    found = {}
    for seed in (0, 1, 2):
        for name, settings in chapter["trials"]().items():
            result = chapter["trial"](seed=seed, **settings)
            found.setdefault(name, []).append(result)
            print(f"seed {seed}, {name}: {result}", flush=True)
    write_json(RECORDS / "collapse.json", {"epochs": EPOCHS, "images": IMAGES, "trials": found})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=("score", "pictures", "collapse"))
    parser.add_argument("folder", nargs="?", type=Path)
    arguments = parser.parse_args()
    if arguments.action == "collapse":
        return collapse()
    if arguments.action == "pictures":
        return pictures(arguments.folder)
    for folder in sorted(arguments.folder.glob("*-seed?")):
        kept = RECORDS / "forty" / folder.name
        kept.mkdir(parents=True, exist_ok=True)
        for file in ("config.json", "history.csv"):
            shutil.copy(folder / file, kept)
        write_json(kept / "metrics.json", record := score(folder))
        print(f"{folder.name}: test ELBO {record['test_elbo']:.2f} nats", flush=True)


if __name__ == "__main__":
    main()
