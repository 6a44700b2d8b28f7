"""Trained models that come with the package, each with a card that says how it came about.

A model is two files here: `<name>.npz`, its weights in half precision, and `<name>.json`, its
card: settings, data and their licence, test ELBO of these very weights, hardware, minutes,
and the history of the training for `vamp_core.plots.loss_history`.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

from vamp_core.errors import InputError
from vamp_core.evaluation.bounds import mean_elbo
from vamp_core.system.files import whole, write_json
from vamp_core.training.build import build_model, policy
from vamp_core.training.config import TrainingConfig
from vamp_core.training.flops import training_flops

FOLDER = Path(__file__).parent

DATA_LICENCES = {
    "mnist": "MNIST by Yann LeCun and Corinna Cortes, CC BY-SA 3.0",
    "fashionmnist": "Fashion-MNIST by Zalando SE, MIT",
    "digits": "Optical recognition of handwritten digits by E. Alpaydin and C. Kaynak, UCI, CC BY 4.0",
}


def list_pretrained():
    """Names of the trained models, in alphabetical order, for `load_pretrained`."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def read_card(name, folder=FOLDER):
    """A trained model's card as a dictionary.

    Raises:
        InputError: there is no model of this name.
    """
    path = Path(folder) / f"{name}.json"
    if not path.exists():
        raise InputError(f"{name!r} is no trained model; choose one of {', '.join(list_pretrained()) or 'none yet'}.")
    return json.loads(path.read_text())


def load_pretrained(name, folder=FOLDER):
    """A trained model with float32 networks.

    Args:
        name: one of `list_pretrained()`, for instance "mnist-hvae-vamp".
        folder: where `<name>.npz` and `<name>.json` lie.

    Returns:
        (model, card): the `VAE` or `HVAE`, and its card as a dictionary.

    Raises:
        InputError: there is no model of this name, or its weights are not those of its card.
    """
    card = read_card(name, folder)
    path = Path(folder) / f"{name}.npz"
    if not path.exists() or _checksum(path) != card["sha256"]:
        raise InputError(f"The weights in {path} are missing or not those of their card: install vamp_core anew.")
    with policy("float32"):
        model = build_model(TrainingConfig(**card["experiment"]), tuple(card["image_shape"]))
    with np.load(path) as weights:
        model.set_weights([weights[key].astype("float32") for key in weights.files])
    return model, card


def publish(name, model, data, config, record, folder=FOLDER):
    """Writes a trained model's weights and card.

    Args:
        name: the model's name from now on.
        model: the trained model.
        data: the `Dataset` it was trained on; the card's ELBO is of its test images.
        config: the `TrainingConfig`.
        record: more entries for the card: epochs, minutes, hardware, history.
        folder: where to write.

    Returns:
        The card.
    """
    path = Path(folder) / f"{name}.npz"
    with whole(path) as partial:
        np.savez_compressed(partial, *(np.asarray(weight, "float16") for weight in model.get_weights()))
    images_seen = record["epochs"] * (len(data.x_train) - config.validation_images)
    card = {
        "name": name,
        "experiment": config.experiment(),
        "image_shape": list(model.data_shape),
        "data_licence": DATA_LICENCES[data.name],
        **record,
        "parameters": int(model.count_params()),
        "training_flops": training_flops(model, config.batch_size, config.iwae_samples) * images_seen,
        "sha256": _checksum(path),
    }
    write_json(Path(folder) / f"{name}.json", card)
    # The numbers on the card are those of the rounded weights that a user loads.
    rounded, _ = load_pretrained(name, folder)
    card["test"] = mean_elbo(rounded, data.x_test)
    write_json(Path(folder) / f"{name}.json", card)
    return card


def _checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
