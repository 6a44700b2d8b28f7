"""The folder a training run writes: how it came about, its history, and checkpoints to go on from."""

import contextlib
import json
import shutil
from concurrent import futures
from pathlib import Path

from vamp_core.errors import InputError
from vamp_core.system.files import check_folder, reason, sweep, whole, write_json
from vamp_core.system.owner import owner_of
from vamp_core.system.seals import read_seal
from vamp_core.training.checkpoints import assign_state, checkpoint_name, checkpoints_in, read_state, save_state
from vamp_core.training.history import best_epoch, from_csv, read_history, to_csv

_BEST = "best.npz"
_BEST_BEFORE = "best.weights.h5"  # of runs that were begun with older versions
# What a folder without a config.json must not hold: nobody could tell of which settings it is.
_RESULTS = (_BEST, _BEST_BEFORE, "history.csv", "metrics.json", "embedding.npz", "model.keras")


class RunFolder:
    """`<output_dir>/<gs_key>/<training_id>/`, made or reopened as the configuration asks.

    A process killed at any moment leaves a state that can be gone on from: every file appears under its name only
    when it is complete. Making a `RunFolder` changes nothing in a run that is there; what trains or reports does so
    inside `with folder.training():` or `owned()`, where no other process can. A run that is overwritten stays in
    its place until the new one, which begins in `.<training_id>.new` beside it, has its first checkpoint.

    Checkpoints and best.npz are sealed: they carry the fingerprint of the settings, the epoch, the history
    and a checksum of all that, which are looked at before they are loaded. config.json has the same fingerprint.
    history.csv is written anew from the checkpoint that a run goes on from. Runs from before there were seals are
    read as they are.

    An epoch's files are written while the next one runs, by a thread of their own; `training()` ends when they are
    there. Each file, and its name, is on the disk (fsync) before the one that it replaces is removed. A power cut
    costs the epoch in progress, and the one before it where that was still being written, never more. In the moment in
    which a run takes the place of another one, it may leave the old one as `.<training_id>.old`, which the next
    command that trains there puts back.

    Args:
        config: a `TrainingConfig`.

    Raises:
        InputError: the folder cannot be written to, or holds a run that `config` neither
            resumes nor overwrites, or one with other settings.
    """

    def __init__(self, config):
        self.config = config
        self.place = Path(config.output_dir) / (config.gs_key or "default") / config.training_id
        if self.place.is_symlink():
            self.place = self.place.resolve()
        self.path = self.place  # or, until its first checkpoint, where a run begins that overwrites another one
        self._writer, self._writing = futures.ThreadPoolExecutor(1), []
        check_folder(self.place, "The run folder", "choose another --output_dir")
        self._check()

    @contextlib.contextmanager
    def owned(self):
        """Inside the block no other process trains or reports in this folder.

        Raises:
            InputError: another process does.
        """
        with owner_of(self.place):
            self._put_back()
            sweep(self.path)
            yield self

    @contextlib.contextmanager
    def training(self):
        """As `owned`, for a training that begins or goes on.

        Raises:
            InputError: another process owns the folder, or has left in it what `config` does not allow.
        """
        with self.owned():
            self._check()
            if self.config.overwrite and self._holds_a_run():
                self.path = self._beside("new")
                check_folder(self.path, "The run folder", "choose another --output_dir")
            try:
                yield self
                self.wait()
            finally:
                with contextlib.suppress(InputError):  # what ended the training goes before
                    self.wait()
                if self.path != self.place:  # the new run came to nothing
                    shutil.rmtree(self.path, ignore_errors=True)
                    self.path = self.place

    # -- which run it is of --------------------------------------------------------------

    def _holds_a_run(self):
        results = any((self.place / name).exists() for name in _RESULTS)
        return self._recorded() or results or bool(checkpoints_in(self.place))

    def _recorded(self):
        return (self.place / "config.json").exists()

    def _check(self):
        """Holds what is there to what the configuration asks for."""
        if self.config.overwrite or not self._holds_a_run():
            return
        if not self.config.resume:
            raise InputError(
                f"{self.path} already holds a run: add --resume to go on with it, --overwrite to replace it, "
                "or --gs_key NAME to put this one beside it."
            )
        record = self._record()
        before = record["experiment"]
        now = json.loads(json.dumps(self.config.experiment()))
        before = {**self.config.defaults(), **before}  # of settings that came after the run
        changed = [f"--{name} {before[name]!r} → {now[name]!r}" for name in now if before[name] != now[name]]
        if changed:
            raise InputError(
                f"{self.path} was begun with other settings ({', '.join(changed)}): repeat them to resume, "
                "or use --overwrite or another --gs_key."
            )
        if record.get("fingerprint") not in (None, self.config.fingerprint()):
            raise InputError(
                f"{self.config_file} was changed after the run was begun: put the original back, or use --overwrite "
                "or another --gs_key."
            )

    def _record(self):
        """The content of config.json, or an `InputError` if it is no record of a run."""
        try:
            record = json.loads(self.config_file.read_text())
            if not (isinstance(record["experiment"], dict) and isinstance(record["sessions"], list)):
                raise ValueError("not a record")
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(
                f"{self.config_file} is missing or not the record of a run: use --overwrite to replace what is there, "
                "or another --gs_key."
            ) from error
        return record

    def begin_session(self, made_with):
        """Records the settings, and what they are run with; a resumed run adds a session to those before."""
        record = {"experiment": self.config.experiment(), "fingerprint": self.config.fingerprint(), "sessions": []}
        if self.config_file.exists():
            before = self._record()
            record["sessions"] = before["sessions"]
            if "fingerprint" not in before:  # begun before there were seals
                del record["fingerprint"]
        record["sessions"] = [*record["sessions"], made_with]
        write_json(self.config_file, record)

    # -- its files -----------------------------------------------------------------------

    @property
    def config_file(self):
        return self.path / "config.json"

    @property
    def history_file(self):
        return self.path / "history.csv"

    @property
    def best_weights(self):
        """Weights of the best epoch on the validation images; written under early stopping only."""
        best, before = self.path / _BEST, self.path / _BEST_BEFORE
        return before if before.exists() and not best.exists() else best

    def checkpoints(self):
        """Complete checkpoints as {number of finished epochs: path}, in order."""
        return checkpoints_in(self.path)

    def save_epoch(self, state, history):
        """Begins to write the state after an epoch; of older checkpoints, the one before is kept.

        Args:
            state: as `checkpoints.state_of` gives it.
            history: {column: list of numbers}, an epoch a row.

        Raises:
            InputError: there was no room for the epoch before.
        """
        self.wait()
        epoch, text = len(history["epoch"]), to_csv(history)
        best = self.config.early_stopping and best_epoch(history) == epoch
        self._writing.append(self._writer.submit(self._write_epoch, state, epoch, text, best))

    def wait(self):
        """Returns when the last epoch's files are written.

        Raises:
            InputError: there was no room for them.
        """
        futures.wait(self._writing)  # which Ctrl-C may interrupt, and then the next call waits
        while self._writing:
            self._writing.pop().result()

    def _write_epoch(self, state, epoch, text, best):
        save_state(state, self.path / checkpoint_name(epoch), self.config.fingerprint(), epoch, text)
        self._take_place()
        if best:
            self._write_best(state, epoch, text)
        self.write_history(text)
        for path in list(self.checkpoints().values())[:-2]:
            with contextlib.suppress(OSError):
                path.unlink()

    def _write_best(self, state, epoch, text):
        save_state(state, self.path / _BEST, self.config.fingerprint(), epoch, text)

    def load_checkpoint(self, model):
        """Loads the newest checkpoint into a compiled model, and makes history.csv and the best weights follow it.

        Returns:
            The history of the finished epochs, {} if there is no checkpoint.

        Raises:
            InputError: the checkpoint cannot be read, or is of another run.
        """
        state, history = self.read_checkpoint(model)
        if history:
            assign_state(model, state)
        return history

    def read_checkpoint(self, model):
        """As `load_checkpoint`, but the model is given nothing: (state, history)."""
        if not (checkpoints := self.checkpoints()):
            return [], {}
        epoch, path = list(checkpoints.items())[-1]
        try:
            state, record = read_state(model, path, self.config.fingerprint(), epoch, self._is_sealed())
        except InputError as error:
            raise InputError(f"The checkpoint {error}: delete it and --resume from the one before.") from error
        if "history" in record:
            history = from_csv(record["history"], f"The history in {path}")
            self.write_history(record["history"])
        else:
            history = read_history(self.history_file, epoch)
        if self.config.early_stopping and best_epoch(history) == epoch:  # a kill may have come in between
            self._write_best(state, epoch, to_csv(history))
        return state, history

    def load_best(self, model, history):
        """Loads the weights of the best epoch, and what its optimizer had.

        Raises:
            InputError: they are missing or damaged, or of another run or epoch.
        """
        assign_state(model, self.read_best(model, history))

    def read_best(self, model, history):
        """As `load_best`, but the model is given nothing."""
        self.wait()
        try:
            run, epoch = self.config.fingerprint(), best_epoch(history)
            state, _ = read_state(model, self.best_weights, run, epoch, self._is_sealed())
            return state
        except InputError as error:
            raise InputError(
                f"The best epoch's weights are lost: {error}; train anew with --overwrite, or elsewhere with --gs_key."
            ) from error

    def read_history(self):
        """{column: list of numbers}, an epoch a row: what the newest checkpoint says, else history.csv.

        Raises:
            InputError: it is damaged.
        """
        *_, newest = [None, *self.checkpoints().values()]
        try:
            record = newest and read_seal(newest)
        except (OSError, ValueError) as error:
            raise InputError(f"The checkpoint {newest} is damaged: delete it and --resume.") from error
        return from_csv(record["history"], newest) if record else read_history(self.history_file)

    def write_history(self, text):
        """Writes history.csv, whole or not at all."""
        with whole(self.history_file) as partial, partial.open("w", newline="") as file:
            file.write(text)

    def _is_sealed(self):
        return "fingerprint" in self._record()

    # -- one run in the place of another -------------------------------------------------

    def _beside(self, what):
        return self.place.with_name(f".{self.place.name}.{what}")

    def _take_place(self):
        """Puts the new run where the overwritten one is, and removes that."""
        if self.path == self.place:
            return
        old = self._beside("old")
        try:
            self.place.rename(old)
            self.path.rename(self.place)
        except OSError as error:
            self._put_back()
            raise InputError(f"{self.place} cannot be replaced ({reason(error)}): it is unchanged.") from error
        self.path = self.place
        shutil.rmtree(old, ignore_errors=True)

    def _put_back(self):
        """Ends what a kill left between two runs: the old one returns where the new one had not taken its place."""
        old = self._beside("old")
        if old.exists() and not self._recorded():
            if self.place.exists():
                shutil.rmtree(self.place)
            old.rename(self.place)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(self._beside("new"), ignore_errors=True)
