"""The one door for data: what `fit`, `evaluate`, `predict` and their like are handed is looked at here first.

Arrays are looked at whole. Of batches the first is, whatever they come from: Keras would train on images in
[0, 255] or on weighted data without a word.
"""

import itertools
import types

import keras
import numpy as np

from vamp_core.errors import InputError

# What besides `keras.utils.PyDataset` and generators Keras takes batches from, by the names of their classes.
KINDS_OF_BATCHES = {
    "DatasetV2", "DistributedDataset", "DistributedDatasetsFromFunction",  # tf.data and tf.distribute
    "DataLoader", "MapDataset", "IterDataset",  # torch and grain
}  # fmt: skip


def is_array(data):
    """Whether `data` are all there at once: an array or tensor of any library, a data frame, nested lists."""
    return hasattr(data, "__array__") or isinstance(data, (list, tuple))


def admit(model, data):
    """`data` as Keras is to be given them, once they have been looked at.

    Args:
        model: has `check`, for arrays, and `data_shape`.
        data: an array or nested list (N, *data_shape), or batches: a `tf.data.Dataset`, a
            `keras.utils.PyDataset`, a PyTorch `DataLoader`, a generator; or a tuple that begins with one of these.

    Returns:
        A float32 array, or batches.

    Raises:
        InputError: the data are none of these, cannot be scored by the model, or have weights.
    """
    data = _unpacked(model, data)
    if is_array(data):
        return model.check(data)
    _check_kind(model, data)
    batches = _batches(data)
    first = next(batches, None)
    if first is None:
        raise InputError("The data set has no batches: it is empty, or was read to its end before.")
    _check_batch(model, first)
    return _chained(first, batches) if isinstance(data, types.GeneratorType) else data


def refuse_weights(sample_weight=None, class_weight=None, **_):
    """Raises an `InputError` for weights, which Keras would leave aside where there are no targets."""
    for name, weights in (("sample_weight", sample_weight), ("class_weight", class_weight)):
        if weights is not None:
            raise InputError(f"{name} is given, but the ELBO weights all data alike: leave it out.")


def random_points(model, batches, n, steps=None, seed=None):
    """Up to `n` data points, each as likely as any other of the batches', which are all gone through for that.

    Args:
        model: has `check`.
        batches: as `admit` has passed them.
        n: how many points.
        steps: how many batches to go through, None for all.
        seed: of the choice, whatever `numpy.random.default_rng` takes.

    Returns:
        (≤ n, *data_shape) float32.

    Raises:
        InputError: the batches can be gone through only once, or have no end.
    """
    if isinstance(batches, types.GeneratorType):
        raise InputError(
            "The training data can be read only once, so the VampPrior cannot start its pseudo-inputs from them: "
            "pass an array, a tf.data.Dataset, or VampPrior(pseudo_inputs=...)."
        )
    if steps is None and _has_no_end(batches):
        raise InputError("The data set has no end: say how many batches make an epoch, fit(..., steps_per_epoch=100).")
    rng = np.random.default_rng(seed)
    points, lots = np.empty((0, *model.data_shape), "float32"), np.empty(0)
    for batch in itertools.islice(_batches(batches), steps):
        # Each point draws a lot; the n smallest lots win.
        drawn = rng.random(len(data := _check_batch(model, batch)))
        winning = drawn < (lots.max() if len(lots) >= n else np.inf)
        points, lots = np.concatenate([points, data[winning]]), np.concatenate([lots, drawn[winning]])
        best = np.argsort(lots)[:n]
        points, lots = points[best], lots[best]
    return points


def _unpacked(model, data):
    """The data of (x,), (x, y) or (x, y, weights); nested tuples and lists of numbers are data themselves."""
    if not isinstance(data, (tuple, list)) or not 1 <= len(data) <= 3:
        return data
    is_nested = isinstance(data, list) or isinstance(data[0], (list, tuple)) or np.isscalar(data[0])
    if is_nested and _rank(data[0]) != 1 + len(model.data_shape):
        return data
    x, _, weights = keras.utils.unpack_x_y_sample_weight(data)
    refuse_weights(weights)
    return x


def _rank(data):
    try:
        return np.ndim(data if hasattr(data, "ndim") else np.asarray(data))
    except (TypeError, ValueError):
        return None


def _check_kind(model, data):
    names = {parent.__name__ for parent in type(data).__mro__}
    if isinstance(data, (keras.utils.PyDataset, types.GeneratorType)) or names & KINDS_OF_BATCHES:
        return
    shape = ", ".join(map(str, ("N", *model.data_shape)))
    given = f"a dictionary of {', '.join(map(str, data))}" if isinstance(data, dict) else f"a {type(data).__name__}"
    raise InputError(
        f"The data are {given}: pass an array ({shape}), a tf.data.Dataset, a keras.utils.PyDataset, "
        "a PyTorch DataLoader or a generator of batches."
    )


def _check_batch(model, batch):
    """The data of a batch as an array that the model can score."""
    x = batch
    if not isinstance(batch, dict):
        x, _, weights = keras.utils.unpack_x_y_sample_weight(batch)
        refuse_weights(weights)
    if isinstance(x, dict):
        raise InputError(
            f"Each batch is a dictionary of {', '.join(map(str, x))}: make it the data alone, for instance by "
            f"data_set.map(lambda batch: batch[{next(iter(x), 'image')!r}])."
        )
    replicas = getattr(x, "values", None)  # of a data set that tf.distribute has split
    return model.check(replicas[0] if isinstance(replicas, tuple) else x)


def _batches(data):
    if isinstance(data, keras.utils.PyDataset):
        return map(data.__getitem__, itertools.count() if _has_no_end(data) else range(data.num_batches))
    return iter(data)


def _has_no_end(data):
    if isinstance(data, keras.utils.PyDataset):
        return data.num_batches is None
    cardinality = getattr(data, "cardinality", None)
    return callable(cardinality) and int(cardinality()) == -1  # tf.data.INFINITE_CARDINALITY


def _chained(first, rest):
    """A generator of tuples, as Keras insists on one."""
    for batch in itertools.chain([first], rest):
        yield batch if isinstance(batch, (tuple, list)) else (batch,)
