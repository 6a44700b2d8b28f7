"""The run folder of a training on several hosts: the first one's."""

import contextlib
import io
import json

import numpy as np

from vamp_core.errors import InputError
from vamp_core.system.hosts import by_first, told_by_first
from vamp_core.training.checkpoints import assign_state, build_optimizer
from vamp_core.training.run_folder import RunFolder


class SharedFolder:
    """Stands in for a `RunFolder` where several hosts train.

    The first host alone has the folder. What it reads there the others are told, so that they need no common disk; an
    `InputError` that it meets before the first step is raised on all. After that it ends the first host alone, and the
    others end when they miss it.

    Args:
        config: a `TrainingConfig`, the same on all hosts.
    """

    def __init__(self, config):
        self.first = by_first(lambda: RunFolder(config))
        self.place = self.first.place if self.first else "the first host's run folder"

    @contextlib.contextmanager
    def training(self):
        with contextlib.ExitStack() as stack:
            by_first(lambda: stack.enter_context(self.first.training()))
            yield self

    def begin_session(self, made_with):
        by_first(lambda: self.first.begin_session(made_with))

    def load_checkpoint(self, model):
        build_optimizer(model)  # on all hosts at once, as all that makes or sets a weight that they share
        state, history = by_first(lambda: self._read_checkpoint(model)) or ([], {})
        history = json.loads(told_by_first(json.dumps(history).encode()))
        if history:
            _assign_everywhere(model, state)
        return history

    def _read_checkpoint(self, model):
        for path in (*self.first.checkpoints().values(), self.first.best_weights):
            if path.suffix == ".h5":  # Keras would load it into weights that all hosts share, and wait for the others
                raise InputError(f"{path} is of an older version: go on with this run on one host.")
        return self.first.read_checkpoint(model)

    def load_best(self, model, history):
        _assign_everywhere(model, by_first(lambda: self.first.read_best(model, history)) or [])

    def save_epoch(self, state, history):
        if self.first:
            self.first.save_epoch(state, history)

    def wait(self):
        if self.first:
            self.first.wait()


def _assign_everywhere(model, state):
    content = io.BytesIO()
    np.savez(content, *state)
    with np.load(io.BytesIO(told_by_first(content.getvalue()))) as arrays:
        assign_state(model, [arrays[name] for name in arrays.files])
