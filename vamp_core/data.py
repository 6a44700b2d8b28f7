"""Data sets by name: MNIST, FashionMNIST, digits that need no network, and the VampPrior paper's others."""

import os
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from vamp_core.errors import InputError
from vamp_core.paper_data import VALIDATION, file_names, find_paper_data, read_paper_data
from vamp_core.system.archives import read_idx, read_npz
from vamp_core.system.files import reason

CLOTHES = "T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot"
CLASS_NAMES = {
    "mnist": tuple("0123456789"),
    "fashionmnist": tuple(CLOTHES.split(", ")),
    "digits": tuple("0123456789"),
    "caltech": tuple(f"class {number}" for number in range(1, 102)),
    # of which the files name no classes
    "omniglot": ("characters",),
    "freyfaces": ("faces",),
    "static_mnist": ("digits",),
}
KERAS_NAMES = {"mnist": "mnist", "fashionmnist": "fashion_mnist"}  # of its modules and its .npz files

IDX_FILES = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}

SHAPES = {"x_train": (60000, 28, 28), "y_train": (60000,), "x_test": (10000, 28, 28), "y_test": (10000,)}

# CRC-32 of each array's bytes. The files of the two data sets look alike from outside (the IDX files even
# share their names), so only the content tells one from the other.
FINGERPRINTS = {
    "x_train": {"mnist": 0xF3639B56, "fashionmnist": 0xAE65DCCD},
    "y_train": {"mnist": 0xBA07E8EF, "fashionmnist": 0x2ED6E46A},
    "x_test": {"mnist": 0xE4CA5F57, "fashionmnist": 0x12728439},
    "y_test": {"mnist": 0xEE8604D9, "fashionmnist": 0x242BC73F},
}


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Labelled training and test images.

    Attributes:
        name: As `load_data` takes it.
        source: Where the images came from, as a part of a sentence.
        x_train, x_test: Images, (N, H, W, C) float32 in [0, 1].
        y_train, y_test: Labels, (N,) int64 from 0 up; all 0 where there are none.
        class_names: The labels in words; one for all images where there are none.
    """

    name: str
    source: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_names: tuple[str, ...]

    def __repr__(self):
        counts = f"{len(self.x_train):,} training and {len(self.x_test):,} test images"
        return f"{self.name}: {counts}, from {self.source}"


def load_data(name, data_dir=None):
    """Load a data set by name; what is returned is that data set, never a substitute.

    MNIST and FashionMNIST are read from `data_dir`, else from the folder named by the environment variable
    `VAMP_DATA_DIR`; where neither is set, `keras.datasets` takes them from its cache or downloads them.
    A folder is searched in two places, `<folder>/<name>/` and then `<folder>/` itself, each for `mnist.npz`
    (`fashion_mnist.npz`) and then for the four gzipped IDX files, whose names the two data sets share.

    The digits are scikit-learn's 1,797 handwritten ones, enlarged bilinearly from 8x8 to 28x28: the first
    1,500 for training, the last 297 for testing. They need neither a folder nor a network.

    The VampPrior paper's other data sets are read from files alone, in the same two places, into ink on a dark ground:

    - "omniglot", `chardata.mat`: 24,345 and 8,070 characters, grey, 28x28;
    - "caltech", `caltech101_silhouettes_28_split1.mat` or the undivided `caltech101_silhouettes_28.mat`: 6,364 and
      2,307 silhouettes, black and white, 28x28;
    - "freyfaces", `frey_rawface.mat`: 1,765 and 200 of the frames of one film, grey, 28x20. As in the paper frames are
      dealt out at random, so a test frame has neighbours in time, which look alike, among the training frames;
    - "static_mnist", `binarized_mnist_train.amat` and the like: 60,000 and 10,000 digits that were binarised once.

    What they validate on stands last in the training images: `--validation_images` 1345, 2264, 200 and 10000.
    What comes undivided is dealt out at random, always alike.

    Args:
        name: "mnist", "fashionmnist" (or "fashion_mnist"), "digits", "omniglot", "caltech", "freyfaces" or
            "static_mnist".
        data_dir: Folder to search, and then the only place searched.

    Returns:
        A `Dataset`.

    Raises:
        InputError: The name is unknown, or the files are missing, damaged or another data set's.
    """
    if name == "fashion_mnist":
        name = "fashionmnist"
    if name not in CLASS_NAMES:
        raise InputError(f"There is no data set {name!r}: choose one of {', '.join(CLASS_NAMES)}.")
    folder = data_dir or os.environ.get("VAMP_DATA_DIR")
    if name == "digits":
        arrays, source = _enlarge_digits()
    elif folder or name in VALIDATION:
        arrays, source = _read_folder(name, folder)
    else:
        arrays, source = _fetch_with_keras(name)
    return Dataset(name, source, class_names=CLASS_NAMES[name], **arrays)


def load_data_or_digits(name, data_dir=None):
    """As `load_data`, but where the images cannot be had it takes the digits; prints which it took.

    For notebooks, which must run without a network too.
    """
    try:
        data = load_data(name, data_dir)
    except InputError as error:
        data = load_data("digits")
        print(f"{error}\nThe digits stand in for {name}: numbers and pictures differ from the published ones.")
    print(data)
    return data


def _enlarge_digits():
    from scipy.ndimage import zoom
    from sklearn.datasets import load_digits

    digits = load_digits()
    # Grid mode keeps the digit centred: it scales the area of the pixels, with black beyond the border.
    small = digits.images[..., None].astype(np.float32) / 16
    x = zoom(small, (1, 3.5, 3.5, 1), order=1, mode="grid-constant", grid_mode=True)
    y = digits.target.astype(np.int64)
    arrays = {"x_train": x[:1500], "y_train": y[:1500], "x_test": x[1500:], "y_test": y[1500:]}
    return arrays, "scikit-learn's digits, enlarged from 8x8 (the last 297 are the test images)"


def _read_folder(name, folder):
    if not folder:
        raise InputError(
            f"{name} is read from files alone: put {_file_names(name)} in a folder and name it with --data_dir "
            "(data_dir=...) or VAMP_DATA_DIR."
        )
    try:
        folder = Path(folder).expanduser()
        found = _find(name, folder)
    except (OSError, RuntimeError, ValueError) as error:  # forbidden, ~nobody, or no name for a folder
        raise InputError(
            f"The folder {str(folder)[:200]!r} cannot be looked into ({reason(error)}): name another with --data_dir "
            "(data_dir=...) or VAMP_DATA_DIR."
        ) from error
    if found is None:
        absent = "" if folder.is_dir() else " (no such folder)"
        raise InputError(
            f"The images of {name} are not in {folder}{absent}: put {_file_names(name)} there, or name the "
            "right folder with --data_dir (data_dir=...) or VAMP_DATA_DIR."
        )
    place, files = found
    if name in VALIDATION:
        return read_paper_data(name, files)
    check = partial(_check_header, name)
    if isinstance(files, Path):
        arrays = _read("an npz file of plain arrays", read_npz, files, SHAPES, partial(check, files))
        return _checked(name, arrays, dict.fromkeys(SHAPES, files)), f"{files.name} in {place}"
    arrays = {
        key: _read("a gzipped IDX file", read_idx, file, partial(check, file, key)) for key, file in files.items()
    }
    return _checked(name, arrays, files), f"the IDX files in {place}"


def _find(name, folder):
    """The first place that holds images of `name`, and its npz file or {array: IDX file}; None if there is none.

    Of one of the paper's other data sets, the list of its files.
    """
    for place in (folder / name, folder):
        if name in VALIDATION:
            if files := find_paper_data(name, place):
                return place, files
            continue
        npz = place / f"{KERAS_NAMES[name]}.npz"
        if npz.is_file():
            return place, npz
        files = {key: place / file for key, file in IDX_FILES.items()}
        if any(file.is_file() for file in files.values()):
            return place, files
    return None


def _fetch_with_keras(name):
    import keras

    try:
        (x_train, y_train), (x_test, y_test) = getattr(keras.datasets, KERAS_NAMES[name]).load_data()
    except Exception as error:  # Keras reports a failed download as a plain Exception
        raise InputError(
            f"keras.datasets could not provide {name} ({error}): connect to a network, or put "
            f"{_file_names(name)} in a folder and name it with --data_dir (data_dir=...) or VAMP_DATA_DIR, "
            "or choose digits, which needs no network."
        ) from error
    arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    return _checked(name, arrays, dict.fromkeys(SHAPES, "the cache of keras.datasets")), "keras.datasets"


def _file_names(name):
    if name in VALIDATION:
        return file_names(name)
    return f"{KERAS_NAMES[name]}.npz or the four files {', '.join(IDX_FILES.values())}"


def _read(kind, reader, file, *arguments):
    try:
        return reader(file, *arguments)
    except InputError:
        raise
    except Exception as error:  # zipfile, gzip, zlib and numpy each have errors of their own for damage
        raise InputError(
            f"{file} is missing, damaged or not {kind} ({type(error).__name__}): put the original there."
        ) from error


def _check_header(name, file, key, shape, dtype):
    if shape != SHAPES[key] or dtype != np.uint8:
        raise InputError(
            f"{key} in {file} has shape {shape} and dtype {dtype}, but that of {name} has {SHAPES[key]} and "
            "uint8: put the original file there."
        )


def _checked(name, arrays, files):
    """The arrays in the form of `Dataset`, once every one is known to be what the name promises."""
    for key in SHAPES:
        what = f"{key} in {files[key]}"
        if key not in arrays:
            raise InputError(f"There is no {what}: put the original file of {name} there.")
        array = arrays[key]
        _check_header(name, files[key], key, array.shape, array.dtype)
        fingerprint = zlib.crc32(np.ascontiguousarray(array))
        owner = next((known for known, crc in FINGERPRINTS[key].items() if crc == fingerprint), None)
        if owner is None:
            raise InputError(f"{what} differs from the original of {name}: put the original file there.")
        if owner != name:
            raise InputError(
                f"{what} is really {owner}, not {name}: ask for {owner}, or put the original files of {name} "
                f"in the subfolder {name}."
            )
    images = {key: np.divide(arrays[key][..., None], 255, dtype=np.float32) for key in ("x_train", "x_test")}
    labels = {key: arrays[key].astype(np.int64) for key in ("y_train", "y_test")}
    return images | labels
