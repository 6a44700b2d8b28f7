"""Images as models take them: what they are held to, and ink drawn from their intensities."""

import numpy as np

from vamp_core.errors import InputError
from vamp_core.system.arrays import as_numpy


def binarize(images, seed):
    """Draw every pixel as 0 or 1, with its intensity as the probability of a 1.

    Static binarisation calls this once with a fixed seed and keeps the result; dynamic binarisation draws
    afresh each epoch, for instance with `seed=[run_seed, epoch]` (Salakhutdinov & Murray, 2008, "On the
    quantitative analysis of deep belief networks").

    Args:
        images: Intensities in [0, 1], (N, H, W, C).
        seed: Whatever `np.random.default_rng` takes, such as an integer or a list of integers.

    Returns:
        Zeros and ones, (N, H, W, C) float32.

    Raises:
        InputError: `check_images` refuses the images.
    """
    images = check_images(images)
    uniform = np.random.default_rng(seed).random(images.shape, dtype=np.float32)
    return (uniform < images).astype(np.float32)


def check_images(images, image_shape=None, value_range=(0.0, 1.0)):
    """Return images (or other data points) as the models take them, or say why they cannot be used.

    Args:
        images: Intensities, (N, H, W, C), or (N, *image_shape).
        image_shape: The shape of one that is needed; None allows any (H, W, C).
        value_range: The (low, high) that values must lie in; None for all finite numbers.

    Returns:
        The same images, (N, ...) float32 and contiguous; not copied where they already are.

    Raises:
        InputError: The images are not numbers, are empty, have another shape or leave the range.
    """
    if np.ma.is_masked(images):
        raise InputError("The images are masked in part, and a mask would be lost: fill it, images.filled(0).")
    try:
        images = as_numpy(images)
    except (TypeError, ValueError) as error:
        raise InputError("The images do not form one array: give numbers, in images of equal shape.") from error
    shape = images.shape
    if images.dtype.kind not in "buif":
        raise InputError(f"The images have dtype {images.dtype}, but must be numeric: convert them to float32.")
    if images.size == 0:
        raise InputError(f"The images are empty, of shape {shape}: give at least one image.")
    if images.ndim != (4 if image_shape is None else 1 + len(image_shape)):
        wanted = "(N, H, W, C)" if image_shape is None else f"(N, {', '.join(map(str, image_shape))})"
        raise InputError(
            f"The images have shape {shape}, but must have shape {wanted}: add a missing channel axis "
            "with images[..., None], or the batch axis of a single image with images[None]."
        )
    if image_shape is not None and shape[1:] != tuple(image_shape):
        raise InputError(
            f"The images are {shape[1:]} each, but must be {tuple(image_shape)}: resize them, or build the "
            "model for their shape."
        )
    # A single NaN or infinity shows in the extremes, so counting them can wait until there are some.
    low, high = images.min(), images.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        count = np.count_nonzero(~np.isfinite(images))
        raise InputError(f"The images hold {count:,} NaN or infinite values: replace them before training.")
    if max(abs(float(low)), abs(float(high))) > float(np.finfo("float32").max):
        raise InputError(f"The images run from {low!s} to {high!s}, too far for float32: rescale them.")
    if value_range is not None and (low < value_range[0] or high > value_range[1]):
        allowed = f"[{value_range[0]:g}, {value_range[1]:g}]"
        remedy = _remedy(low, high) if allowed == "[0, 1]" else "rescale or clip them"
        raise InputError(f"The images run from {low!s} to {high!s}, but must lie in {allowed}: {remedy}.")
    return np.ascontiguousarray(images, dtype=np.float32)


def _remedy(low, high):
    """What brings values into [0, 1]: bytes are known by a maximum that takes all eight bits."""
    if low < 0 or high < 2:
        return "rescale or clip them"
    return "divide by 255" if 128 <= high <= 255 else f"rescale them, for instance divide by {high:g}"
