"""Training that starts where another one ended, instead of at random weights."""

import zipfile

import keras

from vamp_core.errors import InputError
from vamp_core.models.base import LatentVariableModel
from vamp_core.models.checks import NETWORKS


def warm_start(model, path):
    """Gives a model the weights of a trained one: of all its networks, and of its prior where the two are alike.

    A prior of another kind, or with another number of components, stays as it is: so the networks that were trained
    under one prior can be trained on under another. VampPrior-data counts as another kind than a VampPrior.

    Args:
        model: a `VAE` or an `HVAE`.
        path: the trained model, a file written by `model.save`, such as a run folder's model.keras.

    Raises:
        InputError: the file cannot be read, or holds networks of other shapes than the model's.
    """
    try:
        trained = keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(
            f"--start_from is {str(path)!r}, which cannot be read: give the model.keras of a finished run."
        ) from error
    if not isinstance(trained, LatentVariableModel):
        raise InputError(f"--start_from is {str(path)!r}, which is no VAE or HVAE but a {type(trained).__name__}.")
    pairs = [(getattr(model, name, None), getattr(trained, name, None)) for name in NETWORKS]
    pairs = [pair for pair in pairs if pair != (None, None)]
    for ours, theirs in pairs:
        if ours is None or theirs is None or _weights(ours) != _weights(theirs):
            raise InputError(
                f"--start_from is {str(path)!r}, whose networks are not shaped as those that would be trained: "
                "give the --model, --network, --latent_dim and sizes that it was made with."
            )
    if type(model.prior) is type(trained.prior) and _weights(model.prior) == _weights(trained.prior):
        pairs.append((model.prior, trained.prior))
    for ours, theirs in pairs:
        ours.set_weights(theirs.get_weights())


def _weights(layer):
    return [(weight.shape, weight.trainable) for weight in layer.weights]
