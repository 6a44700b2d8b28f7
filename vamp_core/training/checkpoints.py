"""Checkpoints, from which a run goes on: each file is sealed with its run, its epoch and the history so far."""

import io
import re

import numpy as np
from keras import ops

from vamp_core.errors import InputError
from vamp_core.system.files import whole
from vamp_core.system.seals import read_sealed, seal

# Runs that were begun with older versions have Keras's own files, which are read still.
CHECKPOINT = re.compile(r"checkpoint-(\d+)\.(npz|weights\.h5)")


def checkpoint_name(epochs_done):
    return f"checkpoint-{epochs_done:05d}.npz"


def checkpoints_in(folder):
    """Complete checkpoints as {number of finished epochs: path}, in order."""
    found = {int(match[1]): path for path in folder.iterdir() if (match := CHECKPOINT.fullmatch(path.name))}
    return dict(sorted(found.items()))


def state_of(model):
    """All numbers that a compiled model's training goes on from, weights and optimizer: a list of copies."""
    return [np.array(ops.convert_to_numpy(variable)) for variable in _variables(model)]


def all_finite(state):
    """Whether none of these numbers is NaN or infinite."""
    return all(np.isfinite(array).all() for array in state)


def save_state(state, path, run, epoch, history):
    """Writes what `state_of` gives, whole or not at all.

    Args:
        state: the list of arrays.
        path: the file, which ends in .npz.
        run: the run's fingerprint.
        epoch: how many epochs were finished.
        history: the text of history.csv so far.

    Raises:
        InputError: there is no room for it.
    """
    with whole(path) as partial:
        np.savez(partial, *state)
        seal(partial, {"run": run, "epoch": epoch, "history": history})


def read_state(model, path, run, epoch, must_be_sealed):
    """Reads what `save_state` wrote of a compiled model like this one, for `assign_state`.

    Args:
        model: a compiled model, whose weights the file has to fit. An older version's file is loaded into it.
        path, run, epoch: as for `save_state`; `epoch` is None where any will do.
        must_be_sealed: False for the files of a run that was begun before there were seals.

    Returns:
        (state, record): the list of arrays, and what the file is sealed with, {} if there is nothing.

    Raises:
        InputError: the file is missing or damaged, of another run or epoch, or holds NaN.
    """
    try:
        content, record = read_sealed(path)
        if record is None and must_be_sealed:
            raise InputError(f"{path} has lost its seal, it may be damaged")
        record = record or {}
        if record.get("run", run) != run:
            raise InputError(f"{path} is of a run with other settings")
        if epoch is not None and record.get("epoch", epoch) != epoch:
            raise InputError(f"{path} is of epoch {record['epoch']}, not {epoch}")
        build_optimizer(model)
        if path.suffix == ".npz":
            with np.load(io.BytesIO(content)) as arrays:
                state = [arrays[name] for name in arrays.files]
        else:
            model.load_weights(path)
            state = state_of(model)
        shapes = [tuple(variable.shape) for variable in _variables(model)]
        if [array.shape for array in state] != shapes:
            raise InputError(f"{path} is of another model")
    except InputError:
        raise
    except Exception as error:  # NumPy, h5py, Keras and JSON have each errors of their own for a damaged file
        raise InputError(f"{path} cannot be read, it may be damaged") from error
    if not all_finite(state):
        raise InputError(f"{path} holds NaN or infinite weights")
    return state, record


def assign_state(model, state):
    """Gives a compiled model the numbers that `state_of` found."""
    for variable, array in zip(_variables(model), state, strict=True):
        variable.assign(array)


def build_optimizer(model):
    """Makes the variables of a compiled model's optimizer, which are else made with its first step."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def _variables(model):
    return [*model.weights, *model.optimizer.variables]
