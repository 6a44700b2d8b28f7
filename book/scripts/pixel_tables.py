"""The tables of the page on the PixelCNN, from records alone; `paper_data_models.py tables` writes them."""

import json

from result_tables import RECORDS, _nats, _power, _table, _trained_on, metric, write_tables

import vamp_core as vc
from vamp_core.training.build import build_model
from vamp_core.training.flops import training_flops
from vamp_core.training.run_folder import read_history

TRAINING_IMAGES = 50_000  # of MNIST, the others are validated on


def _read(name, what):
    return json.loads((RECORDS / name / f"{what}.json").read_text())


def _operations(name):
    """Floating-point operations of an epoch of a training on MNIST."""
    config = vc.TrainingConfig(**_read(name, "config")["experiment"])
    return training_flops(build_model(config, (28, 28, 1)), config.batch_size) * TRAINING_IMAGES


def pixelcnn():
    """The small PixelCNN beside the convolutional HVAE: of as many operations, and of its whole training."""
    rows = []
    small, large = "pixelcnn-small", "paper-convhvae"
    history = {name: read_history(RECORDS / name / "history.csv") for name in (small, large)}
    ours, of_epoch = len(history[small]["epoch"]) * _operations(small), _operations(large)
    enough = -int(-ours // of_epoch)  # the first epoch at whose end it had as many
    others = [name for name in ("paper-pixelhvae", "paper-pixelhvae-vamp") if (RECORDS / name).is_dir()]
    history |= {name: read_history(RECORDS / name / "history.csv") for name in others}
    whole_trainings = [(name, len(history[name]["epoch"])) for name in (large, *others)]
    for name, epochs in ((small, len(history[small]["epoch"])), (large, enough), *whole_trainings):
        whole_training = epochs == len(history[name]["epoch"])
        at = {key: f"{history[name][key][epochs - 1]:.2f}" for key in ("val_elbo", "val_kl")}
        nll = (
            _nats(_read(name, "likelihood")) if whole_training and (RECORDS / name / "likelihood.json").exists() else ""
        )
        active = " + ".join(map(str, metric(name, "active_units")[0])) if whole_training else ""
        operations = _power(epochs * _operations(name))
        rows.append([f"`{name}`", str(epochs), operations, at["val_elbo"], at["val_kl"], active, nll])
    heading = [
        "model",
        "epochs",
        "operations",
        "validation ELBO (nats)",
        "KL",
        "active units, z2 + z1",
        "test NLL (nats)",
    ]
    return _table(heading, rows)


def latents_in_use():
    """What models of small digits do with their latents, mean of the seeds."""
    rows = []
    for name, found in _in_use()["models"].items():
        of = {key: sum(values) / len(values) for key, values in found.items()}
        cells = [f"{of[key]:.2f}" for key in ("elbo", "bound", "kl")]
        rows.append([name, *cells, f"{of['active_units']:.1f} of {_in_use()['latents']}", f"{of['wrong_pixels']:.1%}"])
    return _table(["model", "test ELBO (nats)", "bound of 100 samples", "KL", "active units", "wrong pixels"], rows)


def _in_use():
    return json.loads((RECORDS / "latents_in_use.json").read_text())


def paper_data():
    """The models of Frey Faces and of silhouettes."""
    rows = []
    for name in ("freyfaces-hvae-vamp", "caltech-hvae-vamp"):
        if (RECORDS / name / "likelihood.json").exists():
            found = _read(name, "likelihood")
            bits = f"{found['bits_per_pixel']:.2f}" if "bits_per_pixel" in found else ""
            elbo, kl = (f"{metric(name, key)[0]:.2f}" for key in ("test_elbo", "test_kl"))
            rows.append([f"`{name}`", elbo, kl, _nats(found), bits, str(metric(name, "epochs")[0]), _trained_on(name)])
    heading = ["model", "test ELBO (nats)", "KL", "test NLL (nats)", "bits a pixel", "epochs", "trained on"]
    return _table(heading, rows)


TABLES = {"pixelcnn": pixelcnn, "latents_in_use": latents_in_use, "paper_data": paper_data}


def write():
    write_tables(TABLES)
