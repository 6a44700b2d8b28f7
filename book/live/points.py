"""Where test images lie in each model's latent plane: kept in the repository, since a fresh machine has no images.

    python book/live/points.py [NAME ...]     with the real data, whenever weights have changed (make page-points)

Beside the points stands the checksum of the weights that put them there, so that nobody shows them on another model.
"""

import argparse
from pathlib import Path

import numpy as np

import vamp_core as vc
from vamp_core.plots.latent import plane_limits, spread_labels
from vamp_core.pretrained import FOLDER, list_pretrained, load_pretrained, read_card
from vamp_core.system.files import whole

POINTS = Path(__file__).parent / "points"
COUNT = 2000
NAMES = [f"{data_set}-{model}" for data_set in ("mnist", "fashionmnist")
         for model in ("vae", "vae-vamp", "hvae", "hvae-vamp")]  # fmt: skip


def offered():
    """Names of the trained models that the page offers, in its order."""
    return [name for name in NAMES if name in list_pretrained()]


def limits_of(means):
    """Both axes' limits, (2, 2), of a plane that shows nearly all means, (N, 2): a few strays lie outside."""
    low, high = np.quantile(means, [0.002, 0.998], axis=0)
    margin = 0.04 * (high - low)
    return plane_limits(np.stack([low - margin, high + margin]))


def label_places(means, labels, limits):
    """Where each class's name stands, (10, 2): at its median, but clear of the others."""
    medians = np.array([np.median(means[labels == label], axis=0) for label in range(10)])
    return spread_labels(medians, np.ptp(limits, axis=1))


def write_points(name, x, labels, weights=FOLDER, folder=POINTS):
    """Keeps the posterior means of images x, (N, H, W, C), and their classes, (N,), for a trained model."""
    model, card = load_pretrained(name, weights)
    means, _ = model.encode(x)
    Path(folder).mkdir(exist_ok=True)
    with whole(Path(folder) / f"{name}.npz") as partial:
        np.savez_compressed(
            partial, means=means.astype("float16"), labels=labels.astype("uint8"), sha256=np.array(card["sha256"])
        )


def read_points(name, weights=FOLDER, folder=POINTS):
    """Posterior means, (N, 2), and classes, (N,), of test images.

    Raises:
        InputError: there are none, or they belong to other weights.
    """
    path = Path(folder) / f"{name}.npz"
    if not path.exists():
        raise vc.InputError(f"There is no {path}: make page-points, on a machine that has the images.")
    with np.load(path) as kept:
        if str(kept["sha256"]) != read_card(name, weights)["sha256"]:
            raise vc.InputError(
                f"The points in {path} belong to other weights than {name} has now: make page-points, on a machine "
                "that has the images."
            )
        return kept["means"].astype("float32"), kept["labels"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="models; all that are trained if none is named")
    parser.add_argument("--data_dir", default=None)
    arguments = parser.parse_args()
    for name in arguments.names or offered():
        data = vc.load_data(read_card(name)["experiment"]["data_set"], arguments.data_dir)
        write_points(name, data.x_test[:COUNT], data.y_test[:COUNT])
        print(f"{name}: {COUNT} points")


if __name__ == "__main__":
    main()
