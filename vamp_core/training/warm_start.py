"""Training that starts where another one ended, instead of at random weights."""

import zipfile
from pathlib import Path

import keras
import numpy as np

from vamp_core.errors import InputError
from vamp_core.models.base import LatentVariableModel
from vamp_core.models.checks import NETWORKS
from vamp_core.system.arrays import as_numpy
from vamp_core.system.memory import machine_memory


def warm_start(model, path):
    """Gives a model the weights of a trained one: of its networks and PixelCNN, and of its prior where they are alike.

    A prior of another kind, or with another number of components, stays as it is: so the networks that were trained
    under one prior can be trained on under another. VampPrior-data counts as another kind than a VampPrior.

    Args:
        model: a `VAE` or an `HVAE`.
        path: the trained model, a file on this machine written by `model.save`, such as a run folder's model.keras.

    Raises:
        InputError: the file cannot be read, or holds NaN, or networks of other shapes than the model's.
    """
    trained = _load(path)
    if not isinstance(trained, LatentVariableModel):
        raise InputError(f"--start_from is {str(path)!r}, which is no VAE or HVAE but a {type(trained).__name__}.")
    pairs = [(getattr(model, name, None), getattr(trained, name, None)) for name in NETWORKS]
    pairs.append(tuple(each.likelihood if _has_weights(each.likelihood) else None for each in (model, trained)))
    pairs = [pair for pair in pairs if pair != (None, None)]
    for ours, theirs in pairs:
        if ours is None or theirs is None or _shapes(ours.weights) != _shapes(theirs.weights):
            raise InputError(
                f"--start_from is {str(path)!r}, whose networks are not shaped as those that would be trained: "
                "give the --model, --network, --latent_dim and sizes that it was made with."
            )
    weights = [pair for ours, theirs in pairs for pair in zip(ours.weights, theirs.weights, strict=True)]
    priors = [each.prior.of_the_density for each in (model, trained)]
    if type(model.prior) is type(trained.prior) and _shapes(priors[0]) == _shapes(priors[1]):
        weights += zip(*priors, strict=True)
    if not all(np.isfinite(as_numpy(theirs)).all() for _, theirs in weights):
        raise InputError(f"--start_from is {str(path)!r}, which holds NaN or infinite weights: give another model.")
    for ours, theirs in weights:
        ours.assign(theirs)


def _load(path):
    """The model in a file, which Keras sees only if it is a whole one on this machine."""
    told = f"--start_from is {str(path)!r}, which cannot be read: give the model.keras of a finished run."
    try:
        if not Path(path).is_file():  # Keras would look for gs://, hf:// and the like on the network
            raise InputError(told)
        with zipfile.ZipFile(path) as archive:
            unpacked, has = sum(entry.file_size for entry in archive.infolist()), machine_memory()
            if archive.testzip() is not None or (has is not None and unpacked > has):
                raise InputError(told)
        return keras.saving.load_model(path, compile=False)
    except InputError:
        raise
    except Exception as error:  # zipfile, h5py and Keras have each many errors of their own for a damaged file
        raise InputError(told) from error


def _has_weights(likelihood):
    return isinstance(likelihood, keras.layers.Layer)


def _shapes(weights):
    return [(weight.shape, weight.trainable) for weight in weights]
