"""The reader's own images: from a folder of pictures, an array, or a file with one."""

import math
import numbers
from pathlib import Path

import numpy as np

from vamp_core.data import Dataset
from vamp_core.errors import InputError
from vamp_core.images import check_images
from vamp_core.system.archives import read_idx, read_npy, read_npz
from vamp_core.system.arrays import as_numpy
from vamp_core.system.files import reason
from vamp_core.system.memory import in_words, machine_memory

PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
MOST_PIXELS = 100_000_000  # of one picture, before it is unpacked
FILES = "an .npy file, an .npz file with images (and labels), or an IDX file, gzipped as .gz"


def load_images(source, size=None, labels=None, colour=False, test_share=0.1, seed=0, name="own images"):
    """Load images of your own as a `Dataset`, ready for `fit`, `plots` and the notebooks.

    Bytes are divided by 255; other numbers must lie in [0, 1]. Test images are chosen at random: where images come in
    series, such as the frames of a film, keep whole series apart yourself, or the test images resemble training images.

    Args:
        source: a folder of pictures, where each folder inside is a class if there are any; an array (N, H, W) or
            (N, H, W, C); an .npy file with such an array, an .npz file that names it `images` (and `labels`), or an IDX
            file, gzipped or not, such as EMNIST's (whose pictures lie on their side) or KMNIST's.
        size: (H, W) to bring all pictures to, None to leave them; the convolutional networks take multiples of 4.
        labels: (N,) integers from 0 up, or the IDX file that holds them, or None. Images without are all of class 0.
        colour: whether to read pictures in a folder as red, green and blue instead of grey.
        test_share: share of the images that is kept for testing, above 0 and below 1.
        seed: of the choice of test images.
        name: what the data set is called in figures and messages.

    Returns:
        A `Dataset`.

    Raises:
        InputError: no image there, a picture that cannot be read (it is named), sizes that differ, labels that do not
            fit, values that are no intensities, or more than fits into memory.
    """
    if not isinstance(test_share, numbers.Real) or not 0 < test_share < 1:
        raise InputError(f"test_share is {test_share!r}; choose a share between 0 and 1, for instance 0.1.")
    size = _check_size(size)
    class_names = None
    if isinstance(source, (str, Path)):
        place = Path(source).expanduser()
        if place.is_dir():
            images, found, class_names = _from_folder(place, size, colour)
        elif place.is_file():
            images, found = _from_file(place)
        else:
            raise InputError(f"There is no {place}: name a folder of pictures, {FILES}.")
        source = f"{len(images):,} images in {place}"
    else:
        images, found = as_numpy(source), None
        source = f"an array of {len(images) if images.ndim else 0:,} images"
    images = _resized(_intensities(images), size)
    labels = _check_labels(found if labels is None else labels, len(images))
    class_names = class_names or tuple(map(str, range(labels.max() + 1))) if labels.any() else ("images",)
    held = round(test_share * len(images))
    if not 0 < held < len(images):
        raise InputError(
            f"There are {len(images)} images, of which a test_share of {test_share} leaves none for one of the two "
            "parts: give more images or another share."
        )
    order = np.random.default_rng(seed).permutation(len(images))
    test, train = np.sort(order[:held]), np.sort(order[held:])
    return Dataset(name, source, images[train], labels[train], images[test], labels[test], class_names)


def _check_size(size):
    if size is None:
        return None
    if np.shape(size) != (2,) or not all(isinstance(side, numbers.Integral) and side > 0 for side in size):
        raise InputError(f"size is {size!r}; give height and width in pixels, for instance (28, 28).")
    return tuple(map(int, size))


def _from_folder(folder, size, colour):
    """Images of bytes, labels or None, and the names of classes or None."""
    from PIL import Image, ImageOps

    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES and path.is_file())
    if not files:
        raise InputError(f"There are no pictures in {folder}: it needs files such as {', '.join(sorted(PICTURES))}.")
    mode, images, first = "RGB" if colour else "L", None, None
    for index, file in enumerate(files):
        try:
            with Image.open(file) as picture:  # reads its header alone
                if math.prod(picture.size) > MOST_PIXELS:
                    raise ValueError(f"{math.prod(picture.size):,} pixels")
                picture = ImageOps.exif_transpose(picture).convert(mode)
                if size is not None:
                    picture = picture.resize(size[::-1], Image.Resampling.LANCZOS)
                pixels = np.asarray(picture).reshape(picture.size[1], picture.size[0], -1)
        except Exception as error:  # Pillow has many errors of its own for what is no picture
            raise InputError(
                f"The picture {file} cannot be read ({reason(error)}): mend it or take it away."
            ) from error
        if images is None:
            _check_room(len(files) * pixels.size)
            images, first = np.empty((len(files), *pixels.shape), np.uint8), file
        if pixels.shape != images.shape[1:]:
            sizes = " × ".join(map(str, pixels.shape[:2])), " × ".join(map(str, images.shape[1:3]))
            raise InputError(
                f"The picture {file} has {sizes[0]} pixels, but {first} has {sizes[1]}: give the size that all are to "
                "be brought to, size=(28, 28)."
            )
        images[index] = pixels
    folders = [file.relative_to(folder).parts[0] if file.parent != folder else None for file in files]
    if None in folders:
        return images, None, None
    class_names = tuple(sorted(set(folders)))
    return images, np.array([class_names.index(each) for each in folders]), class_names


def _from_file(file):
    """An array of images, and labels or None."""

    def check(*shape_and_dtype):
        *_, shape, dtype = shape_and_dtype
        _check_room(math.prod(shape) * 4)
        if dtype.hasobject or dtype.kind not in "buif":
            raise InputError(f"{file} holds values of type {dtype}, which are no numbers: save it as a plain array.")

    try:
        if file.suffix == ".npz":
            arrays = read_npz(file, ("images", "labels"), check)
            if "images" not in arrays:
                raise InputError(f"{file} has no array of the name images: save it by np.savez(file, images=...).")
            return arrays["images"], arrays.get("labels")
        return (read_npy if file.suffix == ".npy" else read_idx)(file, check), None
    except InputError:
        raise
    except Exception as error:  # zipfile, gzip, zlib and NumPy each have errors of their own for damage
        raise InputError(f"{file} is damaged, or is not {FILES} ({type(error).__name__}): give another.") from error


def _check_room(size):
    has = machine_memory()
    if has is not None and 3 * size > has:
        raise InputError(
            f"The images would take some {in_words(3 * size)} of memory, of which this machine has {in_words(has)}: "
            "give fewer or smaller ones."
        )


def _intensities(images):
    """(N, H, W, C) float32 in [0, 1]."""
    if images.ndim == 3:
        images = images[..., None]
    if images.dtype == np.uint8:
        images = np.divide(images, 255, dtype=np.float32)
    return check_images(images)


def _resized(images, size):
    if size is None or images.shape[1:3] == size:
        return images
    from PIL import Image

    def resize(plane):
        return np.asarray(Image.fromarray(plane, "F").resize(size[::-1], Image.Resampling.BILINEAR))

    planes = [np.stack([resize(plane) for plane in images[..., channel]]) for channel in range(images.shape[3])]
    return np.clip(np.stack(planes, axis=-1), 0, 1)


def _check_labels(labels, count):
    if labels is None:
        return np.zeros(count, np.int64)
    if isinstance(labels, (str, Path)):
        labels, _ = _from_file(Path(labels).expanduser())
    labels = as_numpy(labels)
    if labels.shape != (count,) or labels.dtype.kind not in "iu" or labels.min() < 0:
        raise InputError(
            f"labels are {labels.dtype} of shape {labels.shape}; pass integers from 0 up, one for each of the "
            f"{count} images."
        )
    return labels.astype(np.int64)
