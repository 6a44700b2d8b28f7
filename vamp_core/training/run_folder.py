"""The folder a training run writes: how it came about, its history, and checkpoints to go on from."""

import csv
import json
import re
import shutil
from pathlib import Path

from vamp_core.errors import InputError
from vamp_core.system.files import whole, write_json

_CHECKPOINT = re.compile(r"checkpoint-(\d+)\.weights\.h5")


class RunFolder:
    """`<output_dir>/<gs_key>/<training_id>/`, made or reopened as the configuration asks.

    The name of a checkpoint tells its epoch, and it appears under that name only when it is
    complete, so that a process killed at any moment leaves a state that can be gone on from.

    Args:
        config: a `TrainingConfig`.

    Raises:
        InputError: the folder cannot be written to, or holds a run that `config` neither
            resumes nor overwrites, or one with other settings.
    """

    def __init__(self, config):
        self.path = Path(config.output_dir) / (config.gs_key or "default") / config.training_id
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with whole(self.path / "writable") as probe:
                probe.touch()
            (self.path / "writable").unlink()
        except OSError as error:
            raise InputError(
                f"The run folder {self.path} cannot be written to ({error.strerror}): choose another --output_dir."
            ) from error
        if self.config_file.exists():
            self._reopen(config)

    def _reopen(self, config):
        if config.overwrite:
            shutil.rmtree(self.path)
            self.path.mkdir()
            return
        if not config.resume:
            raise InputError(
                f"{self.path} already holds a run: add --resume to go on with it, --overwrite to replace it, "
                "or --gs_key NAME to put this one beside it."
            )
        try:
            before = json.loads(self.config_file.read_text())["experiment"]
        except (json.JSONDecodeError, KeyError) as error:
            raise InputError(f"{self.config_file} is not the record of a run: use --overwrite.") from error
        now, defaults = (json.loads(json.dumps(each.experiment())) for each in (config, type(config)()))
        before = defaults | before  # of settings that came after the run
        changed = [f"--{name} {before[name]!r} → {now[name]!r}" for name in now if before[name] != now[name]]
        if changed:
            raise InputError(
                f"{self.path} was begun with other settings ({', '.join(changed)}): repeat them to resume, "
                "or use --overwrite or another --gs_key."
            )

    @property
    def config_file(self):
        return self.path / "config.json"

    @property
    def history_file(self):
        return self.path / "history.csv"

    @property
    def best_weights(self):
        """Weights of the best epoch on the validation images; written under early stopping only."""
        return self.path / "best.weights.h5"

    def checkpoints(self):
        """Complete checkpoints as {number of finished epochs: path}, in order."""
        found = {}
        for path in self.path.iterdir():
            if match := _CHECKPOINT.fullmatch(path.name):
                found[int(match[1])] = path
        return dict(sorted(found.items()))

    def save_checkpoint(self, model, epochs_done):
        """Saves weights and optimizer state after `epochs_done` epochs; keeps this checkpoint and the one before."""
        with whole(self.path / f"checkpoint-{epochs_done:05d}.weights.h5") as partial:
            model.save_weights(partial)
        for path in list(self.checkpoints().values())[:-2]:
            path.unlink()

    def save_best(self, model):
        """Saves weights as those of the best epoch so far."""
        with whole(self.best_weights) as partial:
            model.save_weights(partial)

    def load_checkpoint(self, model):
        """Loads the newest checkpoint into a compiled model.

        Returns:
            The number of finished epochs, 0 if there is no checkpoint.

        Raises:
            InputError: the checkpoint cannot be read.
        """
        if not (checkpoints := self.checkpoints()):
            return 0
        epochs_done, path = list(checkpoints.items())[-1]
        model.optimizer.build(model.trainable_variables)
        try:
            model.load_weights(path)
        except Exception as error:  # h5py and Keras raise OSError, KeyError or ValueError for a damaged file
            raise InputError(
                f"The checkpoint {path} cannot be read, it may be damaged: delete it and --resume from the one before."
            ) from error
        return epochs_done

    def read_history(self, epochs=None):
        """{column: list of numbers}, an epoch a row; only the first `epochs` rows if given."""
        return read_history(self.history_file, epochs)

    def write_history(self, history):
        """Writes {column: list of numbers} as CSV, whole or not at all."""
        with whole(self.history_file) as partial, partial.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(history)
            writer.writerows(zip(*history.values(), strict=True))

    def begin_session(self, config, made_with):
        """Records the settings, and what they are run with; a resumed run adds a session to those before."""
        before = json.loads(self.config_file.read_text())["sessions"] if self.config_file.exists() else []
        write_json(self.config_file, {"experiment": config.experiment(), "sessions": [*before, made_with]})


def read_history(path, epochs=None):
    """A run's history.csv as {column: list of numbers}; empty if there is none."""
    if not Path(path).exists():
        return {}
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))[:epochs]
    return {name: [float(row[name]) for row in rows] for name in rows[0]} if rows else {}
