"""What a figure's arguments are held to before anything is drawn."""

import numpy as np

from vamp_core.errors import InputError
from vamp_core.plots.style import PALETTE
from vamp_core.system.arrays import as_numpy

# More than can be told apart; labels that number the images, not the classes, come to thousands.
MOST_CLASSES = 100


def class_numbers(labels, count):
    """Labels as an array of integers, (count,)."""
    labels = as_numpy(labels)
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise InputError(f"labels are {labels.dtype} {labels.shape}; pass integers ({count},), a class each.")
    return labels


def class_colours(labels):
    """{class number: colour}: class k's stays the same whichever others are shown; other numbers take turns."""
    classes = np.unique(labels).tolist()
    known = all(0 <= k < len(PALETTE) for k in classes)
    return {k: PALETTE[k if known else index % len(PALETTE)] for index, k in enumerate(classes)}


def class_texts(labels, class_names=None):
    """{class number: its name, or the number where there are no names} of the classes that occur.

    Raises:
        InputError: too many classes for a legend, or some without a name.
    """
    classes = np.unique(labels).tolist()
    if len(classes) > MOST_CLASSES:
        raise InputError(f"labels hold {len(classes)} different numbers; a figure tells {MOST_CLASSES} at most apart: "
                         "pass a class for each point, not a number of its own.")  # fmt: skip
    if class_names is None:
        return {k: str(k) for k in classes}
    names = as_numpy(class_names)
    if names.ndim != 1:
        raise InputError(f"class_names are {class_names!r}; pass a list of names, one a class.")
    if classes and not (0 <= classes[0] and classes[-1] < len(names)):
        raise InputError(f"labels run from {classes[0]} to {classes[-1]}; class_names are {len(names)}, for classes "
                         "from 0 on: name every class, and leave out points without one.")  # fmt: skip
    return {k: str(names[k]) for k in classes}


def points_in(mean, least_dims=1, most_dims=None, what="mean"):
    """Latent vectors as a float32 array, (N, D), finite, of at least one point."""
    mean = as_numpy(mean, "float32")
    allowed = f"{least_dims} or more" if most_dims is None else str(most_dims)
    if mean.ndim != 2 or mean.shape[1] < least_dims or (most_dims or np.inf) < mean.shape[1] or not len(mean):
        raise InputError(f"{what} has shape {mean.shape}; pass (N, D) with D of {allowed}.")
    if not np.isfinite(mean).all():
        raise InputError(f"{what} holds {np.sum(~np.isfinite(mean))} NaN or infinite values: leave out their points.")
    return mean


def limits_of(extent):
    """(left, right, bottom, top) as floats."""
    limits = as_numpy(extent, "float64").ravel()
    if limits.shape != (4,) or not np.isfinite(limits).all() or not (limits[[0, 2]] < limits[[1, 3]]).all():
        raise InputError(f"extent is {limits.tolist()}; pass (left, right, bottom, top), such as (-3, 3, -3, 3).")
    return tuple(limits.tolist())


def at_least_one(name, value):
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise InputError(f"{name} is {value!r}; choose a whole number from 1 on.")
    return int(value)


def named(what, values):
    """`values` if it is a dictionary with entries, name → value."""
    if not hasattr(values, "items") or not len(values):
        raise InputError(f"{what} is {values!r:.60}; pass a dictionary, name → what belongs to it.")
    return values
