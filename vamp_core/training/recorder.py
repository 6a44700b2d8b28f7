"""What happens between the epochs of a run: seeds, history, checkpoints, early stopping."""

import time

import keras
import numpy as np
from keras import ops

from vamp_core.training.checkpoints import all_finite, state_of
from vamp_core.training.history import best_epoch


class TrainingDiverged(RuntimeError):
    """The loss or the weights became NaN or infinite; the last finished epoch is kept."""


class RunRecorder(keras.callbacks.Callback):
    """Seeds each epoch, and after it writes history and checkpoint; stops early, and when the loss is lost.

    An epoch after which weights are not finite ends the run. One whose validation loss alone is not finite is trained
    on from, but is no state to go on from later: it gets no checkpoint, and is never the best.
    """

    # So Keras reads the losses in another thread, and no step waits for that. (On TensorFlow all wait the same.)
    async_safe = True

    def __init__(self, folder, batches, config, history):
        super().__init__()
        self.folder, self.batches, self.config, self.history = folder, batches, config, history
        self.kept = self.epochs_done()

    def epochs_done(self):
        return len(self.history.get("epoch", ()))

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()
        self.batches.begin_epoch(epoch)
        noise = np.random.default_rng([self.config.seed, epoch, 1]).integers(2**31, size=2)
        self.model.seed_generator.state.assign(noise)

    def on_train_batch_end(self, batch, logs=None):
        if not np.isfinite(logs["loss"]):
            step = min(batch + 1, len(self.batches))  # Keras counts on where several steps are taken together
            raise self.diverged(f"The loss became {logs['loss']} by step {step} of epoch {self.epochs_done() + 1}")

    def on_epoch_end(self, epoch, logs=None):
        row = {"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}}
        row["learning_rate"] = float(ops.convert_to_numpy(self.model.optimizer.learning_rate))
        row["beta"] = self.model.kl_weight
        row["seconds"] = round(time.perf_counter() - self.started, 2)
        for name, value in row.items():
            self.history.setdefault(name, []).append(value)
        state = state_of(self.model)
        if not all_finite(state):  # the last step's update is in no loss yet
            raise self.diverged(f"Weights became NaN or infinite in epoch {epoch + 1}")
        if np.isfinite(row["val_loss"]):
            self.folder.save_epoch(state, self.history)
            self.kept = epoch + 1
        if self.patience_is_over():
            self.model.stop_training = True

    def patience_is_over(self):
        """Whether the validation loss has not become better for `early_stopping` epochs."""
        patience = self.config.early_stopping
        return bool(patience) and self.epochs_done() - (best_epoch(self.history) or 0) >= patience

    def check_end(self):
        """Raises a `TrainingDiverged` where the training has ended, but at no weights that can be published."""
        losses = self.history["val_loss"]
        if best_epoch(self.history) is None or not (self.config.early_stopping or np.isfinite(losses[-1])):
            raise self.diverged(f"The validation loss became {losses[-1]} in epoch {self.epochs_done()}, the last one")

    def diverged(self, what):
        self.folder.wait()
        return TrainingDiverged(
            f"{what}: {self.kept} finished epochs are kept in {self.folder.place}; "
            f"try a --lr below {self.config.lr:g}, a --clip_norm or --precision float32."
        )
