"""The VampPrior paper's other data sets, from the files that people have of them.

All are read into ink on a dark ground, (N, H, W, 1) float32 in [0, 1], and into a training and a test part; the last
`VALIDATION[name]` training images are those that the paper validates on, for `--validation_images`.
"""

import math
from functools import partial

import numpy as np

from vamp_core.errors import InputError
from vamp_core.system.archives import read_digits
from vamp_core.system.matlab import read_mat

VALIDATION = {"omniglot": 1345, "caltech": 2264, "freyfaces": 200, "static_mnist": 10_000}

# What is read: {file: {variable: (shape in the file, what it is called in `_arrays`)}}; more than one way for one data
# set, tried in turn. Frey Faces has 560 = 28 · 20 pixels, the others 784 = 28 · 28.
FILES = {
    "omniglot": [{"chardata.mat": {"data": (784, 24345), "testdata": (784, 8070)}}],
    "caltech": [
        {
            "caltech101_silhouettes_28_split1.mat": {
                "train_data": (4100, 784), "val_data": (2264, 784), "test_data": (2307, 784),
                "train_labels": (4100, 1), "val_labels": (2264, 1), "test_labels": (2307, 1),
            }
        },
        {"caltech101_silhouettes_28.mat": {"X": (8671, 784), "Y": (1, 8671)}},
    ],
    "freyfaces": [{"frey_rawface.mat": {"ff": (560, 1965)}}],
    "static_mnist": [
        {
            f"binarized_mnist_{part}.amat": {part: (count, 784)}
            for part, count in {"train": 50_000, "valid": 10_000, "test": 10_000}.items()
        }
    ],
}  # fmt: skip
SPLIT_SEED = 0  # of what comes undivided: Frey Faces, and one of the two files of silhouettes


def find_paper_data(name, place):
    """The files of a data set in a folder, [path], or None where they are not."""
    for files in FILES[name]:
        if all((place / file).is_file() for file in files):
            return [place / file for file in files]
    return None


def file_names(name):
    """The files that people have, in words."""
    return ", or ".join(", ".join(files) for files in FILES[name])


def read_paper_data(name, files):
    """Arrays and source of a data set: ({x_train, y_train, x_test, y_test}, a part of a sentence).

    Images without labels are all of class 0.

    Args:
        name: one of `VALIDATION`.
        files: as `find_paper_data` gave them.

    Raises:
        InputError: a file is of version 7.3, lacks a variable, is damaged, or what it holds is turned or inverted.
    """
    wanted = {}
    found = {}
    for file in files:
        variables = next(ways[file.name] for ways in FILES[name] if file.name in ways)
        wanted |= dict.fromkeys(variables, file)
        check = partial(_check_header, name, file, variables)
        reader = read_digits if file.suffix == ".amat" else read_mat
        try:
            found |= reader(file, variables, check)
        except InputError:
            raise
        except Exception as error:  # zlib, struct and NumPy each have errors of their own for damage
            raise InputError(
                f"{file} is damaged or not the file of {name} ({type(error).__name__}): put the original there."
            ) from error
    for variable, file in wanted.items():
        if variable not in found:
            raise InputError(f"There is no variable {variable} in {file}: put the original file of {name} there.")
    images, labels, counts = _arrays(name, found)
    images = np.concatenate(images)
    labels = np.zeros(len(images), "int64") if labels is None else np.concatenate(labels)
    _check_view(name, files[0], images)
    source = f"{' and '.join(file.name for file in files)} in {files[0].parent}"
    if len(counts) == 1:  # undivided
        held = {"caltech": 2307, "freyfaces": 200}[name]
        order = np.random.default_rng(SPLIT_SEED).permutation(len(images))
        images, labels, counts = images[order], labels[order], [len(images) - held]
        source += f", {held} of the images, chosen at random, for testing"
    train = counts[0]
    arrays = {"x_train": images[:train], "y_train": labels[:train], "x_test": images[train:], "y_test": labels[train:]}
    return arrays, source


def _arrays(name, found):
    """Images and labels of the parts in order, and how many are for training."""
    if name == "freyfaces":
        return [_pictures(found["ff"].T, (28, 20)) / np.float32(255)], None, [1965]
    if name == "omniglot":
        parts = [_pictures(found[part].T, (28, 28), columns=True) for part in ("data", "testdata")]
        return parts, None, [24345, 8070]
    if name == "static_mnist":
        return [_pictures(found[part], (28, 28)) for part in ("train", "valid", "test")], None, [60_000, 10_000]
    parts = ("train", "val", "test") if "train_data" in found else ("",)
    names = [(f"{part}_data", f"{part}_labels") if part else ("X", "Y") for part in parts]
    images = [1 - _pictures(found[data], (28, 28), columns=True) for data, _ in names]  # in the files, 0 is the object
    labels = [found[label].ravel().astype("int64") - 1 for _, label in names]
    return images, labels, [6364, 2307] if len(parts) > 1 else [8671]


def _pictures(rows, sides, columns=False):
    """(N, H · W) → (N, H, W, 1) float32; `columns` where pixels come column by column."""
    images = rows.reshape(-1, *(sides[::-1] if columns else sides)).astype("float32")
    return (images.transpose(0, 2, 1) if columns else images)[..., None]


def _check_header(name, file, variables, variable, shape, dtype):
    wanted = variables[variable]
    if math.prod(shape) == math.prod(wanted) and shape[::-1] == wanted and shape != wanted:
        raise InputError(
            f"{variable} in {file} has shape {shape}, but that of {name} has {wanted}: it is turned, so put the "
            "original there."
        )
    if shape != wanted:
        raise InputError(
            f"{variable} in {file} has shape {shape}, but that of {name} has {wanted}: put the original there."
        )


def _check_view(name, file, images):
    """Raises an `InputError` for values that are out of range, inverted, or images that lie on their side.

    Pictures of things are more like their mirror image than like what a pond would show, and drawings have a dark
    ground: not each image, but each of these data sets as a whole, as measured on Frey Faces, silhouettes and MNIST.
    Of Omniglot's orientation nothing is known here.
    """
    if not (np.isfinite(images).all() and images.min() >= 0 and images.max() <= 1):
        raise InputError(
            f"The values in {file} run from {images.min():g} to {images.max():g} once read as {name}, not from 0 to 1: "
            "put the original there."
        )
    few = images[:: max(1, len(images) // 2000), ..., 0]
    inverted = few.mean() < 0.5 if name == "freyfaces" else few[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean() > 0.5
    if inverted:
        raise InputError(
            f"The images in {file} are inverted, bright where those of {name} are dark: put the original there."
        )
    left_right, top_bottom = np.abs(few - few[:, :, ::-1]).mean(), np.abs(few - few[:, ::-1]).mean()
    upright = name == "omniglot" or left_right < top_bottom
    if name == "freyfaces":  # read by columns instead of rows of another length, neighbours are strangers
        upright &= np.abs(np.diff(few, axis=1)).mean() < 1.5 * np.abs(np.diff(few, axis=2)).mean()
    if not upright:
        raise InputError(
            f"The images in {file} lie on their side, which those of {name} do not: their pixels are in another order "
            "than the original's, so put that there."
        )
