"""Trained models that come with the package, each with a card that says how it came about.

A model is two files here: `<name>.npz`, its weights in half precision, and `<name>.json`, its
card: settings, data and their licence, test ELBO of these very weights, hardware, minutes,
and the history of the training for `vamp_core.plots.loss_history`. A card holds the checksum of its weights
and, since it decides what function they make, a fingerprint of itself.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

from vamp_core.errors import InputError
from vamp_core.evaluation.bounds import mean_elbo
from vamp_core.system.files import whole, write_json
from vamp_core.system.seals import fingerprint
from vamp_core.training.build import build_model, policy
from vamp_core.training.config import TrainingConfig
from vamp_core.training.flops import training_flops
from vamp_core.training.report import scored_images
from vamp_core.training.sizes import check_memory

FOLDER = Path(__file__).parent

DATA_LICENCES = {
    "mnist": "MNIST by Yann LeCun and Corinna Cortes, CC BY-SA 3.0",
    "fashionmnist": "Fashion-MNIST by Zalando SE, MIT",
    "digits": "Optical recognition of handwritten digits by E. Alpaydin and C. Kaynak, UCI, CC BY 4.0",
}


def list_pretrained(folder=FOLDER):
    """Names of the trained models, in alphabetical order, for `load_pretrained`."""
    return sorted(path.stem for path in Path(folder).glob("*.json"))


def read_card(name, folder=FOLDER):
    """A trained model's card as a dictionary.

    Raises:
        InputError: there is no model of this name, or its card is damaged or was changed.
    """
    if name not in (known := list_pretrained(folder)):  # so that no name leads out of the folder
        raise InputError(f"{name!r} is no trained model; choose one of {', '.join(known) or 'none yet'}.")
    path = Path(folder) / f"{name}.json"
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        content = {key: value for key, value in card.items() if key != "fingerprint"}
        # Cards of older versions carry none.
        if card.get("fingerprint", fingerprint(content)) != fingerprint(content):
            raise ValueError("changed")
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is damaged, or was changed since it was written: install vamp_core anew.") from error
    return card


def load_pretrained(name, folder=FOLDER):
    """A trained model with float32 networks.

    Args:
        name: one of `list_pretrained()`, for instance "mnist-hvae-vamp".
        folder: where `<name>.npz` and `<name>.json` lie.

    Returns:
        (model, card): the `VAE` or `HVAE`, and its card as a dictionary.

    Raises:
        InputError: there is no model of this name, its card is damaged, or its weights are not those of the card.
    """
    card = read_card(name, folder)
    path = Path(folder) / f"{name}.npz"
    try:
        config, image_shape = TrainingConfig(**card["experiment"]), tuple(card["image_shape"])
        checksum = card["sha256"]
        check_memory(config, image_shape)
        with policy("float32"):
            model = build_model(config, image_shape)
    except Exception as error:  # whatever a card can hold that is no model
        raise InputError(f"The card of {name!r} in {folder} describes no model: install vamp_core anew.") from error
    try:
        if _checksum(path) != checksum:
            raise ValueError("other weights")
        with np.load(path) as weights:
            model.set_weights([weights[key].astype("float32") for key in weights.files])
    except Exception as error:  # zipfile, zlib, numpy and Keras have each errors of their own
        raise InputError(
            f"The weights in {path} are missing or not those of their card: install vamp_core anew."
        ) from error
    return model, card


def publish(name, model, data, config, record, folder=FOLDER):
    """Writes a trained model's weights and card, once both are known to be sound.

    Args:
        name: the model's name from now on.
        model: the trained model.
        data: the `Dataset` it was trained on; the card's ELBO is of its test images.
        config: the `TrainingConfig`.
        record: more entries for the card: epochs, minutes, hardware, history.
        folder: where to write.

    Returns:
        The card.

    Raises:
        InputError: a weight or the test ELBO is not finite, or the folder cannot be written to.
    """
    path = Path(folder) / f"{name}.npz"
    with np.errstate(over="ignore"):  # looked at in the next line
        weights = [np.asarray(weight, "float16") for weight in model.get_weights()]
    if not all(np.isfinite(weight).all() for weight in weights):
        raise InputError(f"{name} has weights that are NaN, or too large for half precision: it is not published.")
    # The numbers on the card are those of the rounded weights that a user loads.
    with policy("float32"):
        rounded = build_model(config, model.data_shape)
    rounded.set_weights([weight.astype("float32") for weight in weights])
    images_seen = record["epochs"] * (len(data.x_train) - config.validation_images)
    card = {
        "name": name,
        "experiment": config.experiment(),
        "image_shape": list(model.data_shape),
        "data_licence": DATA_LICENCES[data.name],
        **record,
        "parameters": int(model.count_params()),
        "training_flops": training_flops(model, config.batch_size, config.iwae_samples) * images_seen,
        "test": mean_elbo(rounded, scored_images(data, config)),
    }
    if not np.isfinite(list(card["test"].values())).all():
        raise InputError(f"{name} has a test ELBO of {card['test']['elbo']} nats: it is not published.")
    with whole(path) as partial:
        np.savez_compressed(partial, *weights)
    card["sha256"] = _checksum(path)
    card = json.loads(json.dumps(card))
    card["fingerprint"] = fingerprint(card)
    write_json(Path(folder) / f"{name}.json", card)
    return card


def _checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
