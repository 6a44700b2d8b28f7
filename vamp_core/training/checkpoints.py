"""Weights of a run on the disk, each file sealed with what run and epoch it is of, and the history so far."""

import math
import re

import numpy as np
from keras import ops

from vamp_core.errors import InputError
from vamp_core.system.files import make_room, whole
from vamp_core.system.seals import read_seal, seal

CHECKPOINT = re.compile(r"checkpoint-(\d+)\.weights\.h5")


def checkpoint_name(epochs_done):
    return f"checkpoint-{epochs_done:05d}.weights.h5"


def checkpoints_in(folder):
    """Complete checkpoints as {number of finished epochs: path}, in order."""
    found = {int(match[1]): path for path in folder.iterdir() if (match := CHECKPOINT.fullmatch(path.name))}
    return dict(sorted(found.items()))


def all_finite(model):
    """Whether no weight is NaN or infinite, nor any number that the optimizer goes on from."""
    return all(np.isfinite(ops.convert_to_numpy(variable)).all() for variable in _variables(model))


def save_weights(model, path, run, epoch, history):
    """Saves a compiled model's weights and optimizer, whole or not at all.

    Args:
        model: the model.
        path: the file, which ends in .weights.h5.
        run: the run's fingerprint.
        epoch: how many epochs were finished.
        history: the text of history.csv so far.

    Raises:
        InputError: there is no room for it.
    """
    with whole(path) as partial:
        variables = _variables(model)
        # HDF5 adds names and places to the numbers: 1 kB for each array in Keras 3.15.
        make_room(partial, sum(4 * math.prod(variable.shape) + 4096 for variable in variables) + 65536)
        try:
            model.save_weights(partial)
        except RuntimeError as error:  # h5py, where closing a file fails
            raise OSError(None, " ".join(str(error).split())) from error
        seal(partial, {"run": run, "epoch": epoch, "history": history})


def load_weights(model, path, run, epoch, must_be_sealed):
    """Loads what `save_weights` wrote into a compiled model like the one that was saved.

    Args:
        model, path, run, epoch: as for `save_weights`; `epoch` is None where any will do.
        must_be_sealed: False for the files of a run that was begun before there were seals.

    Returns:
        The record that the file is sealed with, {} if there is none.

    Raises:
        InputError: the file is missing or damaged, of another run or epoch, or holds NaN.
    """
    try:
        record = read_seal(path)
        if record is None and must_be_sealed:
            raise InputError(f"{path} has lost its seal, it may be damaged")
        record = record or {}
        if record.get("run", run) != run:
            raise InputError(f"{path} is of a run with other settings")
        if epoch is not None and record.get("epoch", epoch) != epoch:
            raise InputError(f"{path} is of epoch {record['epoch']}, not {epoch}")
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        model.load_weights(path)
    except InputError:
        raise
    except Exception as error:  # h5py, Keras and JSON have each errors of their own for a damaged file
        raise InputError(f"{path} cannot be read, it may be damaged") from error
    if not all_finite(model):
        raise InputError(f"{path} holds NaN or infinite weights")
    return record


def _variables(model):
    return [*model.weights, *model.optimizer.variables]
