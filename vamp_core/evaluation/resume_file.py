"""The file from which an interrupted evaluation goes on: what is done, and what decided it."""

import hashlib
import json
import time
import zlib
from pathlib import Path

import keras
import numpy as np

from vamp_core.errors import InputError
from vamp_core.models.checks import NETWORKS
from vamp_core.system.files import check_folder, whole
from vamp_core.system.seals import fingerprint

SECONDS_BETWEEN_WRITES = 30

# What a layer's description says that does not decide a number once the weights are there.
_NO_MATTER = {"name", "dtype", "trainable", "seed", "build_config", "shared_object_id", "module", "registered_name"}

# Where a layer stands for another one by its name; elsewhere the same word may be an activation's, such as "sigmoid".
_REFERENCES = {"keras_history", "input_layers", "output_layers"}


class ResumeFile:
    """Results of the first data points, beside samples, seed, and checksums of the model, each point and the whole.

    A checksum for each point lets an evaluation go on from fewer points to more, too.

    Args:
        path: an .npz file, which need not exist yet.
        x: all data points to evaluate, (N, ...).
        model: the `VAE` or `HVAE`.
        settings: {name: number} of what else decides the results.
        columns: how many numbers there are per data point.

    Attributes:
        results: what the file already holds for the first n points of `x`, (columns, n).

    Raises:
        InputError: there is no such folder, it cannot be written to, or the file is of another evaluation.
    """

    def __init__(self, path, x, model, settings, columns):
        self.path = Path(path)
        if not self.path.parent.is_dir():
            raise InputError(f"resume_file is {self.path}, but there is no folder {self.path.parent}: make it first.")
        check_folder(self.path.parent, "resume_file's folder", "name a resume_file elsewhere")
        checksum = hashlib.sha256(b"".join(weight.tobytes() for weight in model.get_weights())).hexdigest()
        self.settings = {**settings, "weights": checksum, "model": description(model)}
        self.points = np.array([zlib.crc32(point.tobytes()) for point in x])
        self.results, seconds = np.empty((columns, 0)), 0.0
        if self.path.exists():
            self.results, seconds = self._read(columns)
        self.written = time.monotonic()
        self.started = self.written - seconds

    def _read(self, columns):
        try:
            with np.load(self.path) as file:
                content = {name: file[name] for name in file.files}
            seal = content.pop("fingerprint", None)  # files of older versions have none, and no model
            before = {name: content[name].item() for name in self.settings if name in content or name != "model"}
            points, results, seconds = content["points"], content["results"], float(content["seconds"])
            whole = seal is None or seal.item() == _fingerprint(content)
            if not (whole and results.shape == (columns, len(points)) and results.dtype == "float64"):
                raise ValueError("changed")
        except Exception as error:  # zipfile, zlib and numpy have each many errors of their own for damage
            raise InputError(f"{self.path} is not the resume_file of an evaluation: name another.") from error
        changed = [name for name in before if before[name] != self.settings[name]]
        shared = min(len(points), len(self.points))
        if np.any(points[:shared] != self.points[:shared]):
            changed.append("data")
        if changed:
            raise InputError(
                f"{self.path} is of an evaluation with other {', '.join(changed)}: name another resume_file, or delete "
                "this one to begin anew."
            )
        return results[:, :shared], seconds

    def write(self, parts):
        """Writes the results so far: a list of parts (columns, n) that begins with `results`."""
        if len(parts) == 1:  # nothing new, and the file may hold more points than were asked for
            return
        results = np.concatenate(parts, axis=1)
        self.written = time.monotonic()
        content = {name: np.asarray(value) for name, value in self.settings.items()}
        content |= {"results": results, "points": self.points[: results.shape[1]]}
        content["seconds"] = np.asarray(self.written - self.started)
        with whole(self.path) as partial, partial.open("wb") as file:
            np.savez(file, **content, fingerprint=_fingerprint(content))

    def write_now_and_then(self, parts):
        """As `write`, at most every `SECONDS_BETWEEN_WRITES`."""
        if time.monotonic() - self.written > SECONDS_BETWEEN_WRITES:
            self.write(parts)


def description(model):
    """A checksum of all that a model computes with besides its weights: layers, prior and likelihood.

    Two models made alike have the same one, whatever names Keras gave to their layers.
    """
    networks = [getattr(model, name, None) for name in NETWORKS]
    prior, likelihood = model.prior, model.likelihood
    parts = [network and _serialized(network) for network in networks]
    parts += [type(prior).__name__, prior.get_config(), type(likelihood).__name__]
    parts += [likelihood.get_config() if isinstance(likelihood, keras.layers.Layer) else vars(likelihood)]
    content = json.loads(json.dumps(parts, default=lambda value: type(value).__name__))
    names = dict.fromkeys(_names(content))
    return fingerprint(_nameless(content, {name: f"layer {number}" for number, name in enumerate(names)}))


def _serialized(network):
    try:
        return keras.saving.serialize_keras_object(network)
    except Exception:  # a layer of the user's own that cannot be saved
        return [type(layer).__name__ for layer in network.layers]


def _names(content):
    """The names of layers, in the order in which they appear."""
    if isinstance(content, dict):
        if isinstance(name := content.get("name"), str):
            yield name
        content = list(_that_matters(content).values())
    if isinstance(content, list):
        for part in content:
            yield from _names(part)


def _nameless(content, numbers, refers=False):
    """Leaves out what does not matter, and gives each layer its number for a name, where layers are referred to."""
    if isinstance(content, list):
        return [_nameless(part, numbers, refers) for part in content]
    if isinstance(content, dict):
        matters = _that_matters(content).items()
        return {key: _nameless(part, numbers, refers or key in _REFERENCES) for key, part in matters}
    return numbers.get(content, content) if refers and isinstance(content, str) else content


def _that_matters(content):
    return {key: part for key, part in content.items() if key not in _NO_MATTER and not key.endswith("_initializer")}


def _fingerprint(content):
    digests = {name: hashlib.sha256(np.ascontiguousarray(value)).hexdigest() for name, value in content.items()}
    return fingerprint(digests)
