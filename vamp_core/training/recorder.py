"""What happens between the epochs of a run: seeds, history, checkpoints, early stopping."""

import time

import keras
import numpy as np
from keras import ops


class TrainingDiverged(RuntimeError):
    """The loss became NaN or infinite; the last finished epoch is kept."""


class RunRecorder(keras.callbacks.Callback):
    """Seeds each epoch, and after it writes history and checkpoint; stops early, and when the loss is lost."""

    def __init__(self, folder, batches, config, history):
        super().__init__()
        self.folder, self.batches, self.config, self.history = folder, batches, config, history

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()
        self.batches.begin_epoch(epoch)
        noise = np.random.default_rng([self.config.seed, epoch, 1]).integers(2**31, size=2)
        self.model.seed_generator.state.assign(noise)

    def on_train_batch_end(self, batch, logs=None):
        if not np.isfinite(logs["loss"]):
            epochs = len(self.history.get("epoch", ()))
            raise TrainingDiverged(
                f"The loss became {logs['loss']} in step {batch + 1} of epoch {epochs + 1}: "
                f"{epochs} finished epochs are kept in {self.folder.path}; "
                f"try a --lr below {self.config.lr:g}, a --clip_norm or --precision float32."
            )

    def on_epoch_end(self, epoch, logs=None):
        row = {"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}}
        row["learning_rate"] = float(ops.convert_to_numpy(self.model.optimizer.learning_rate))
        row["beta"] = float(ops.convert_to_numpy(self.model.beta))
        row["seconds"] = round(time.perf_counter() - self.started, 2)
        for name, value in row.items():
            self.history.setdefault(name, []).append(value)
        self.folder.write_history(self.history)
        if self.config.early_stopping and np.argmin(self.history["val_loss"]) == epoch:
            self.folder.save_best(self.model)
        self.folder.save_checkpoint(self.model, epoch + 1)
        if self.patience_is_over():
            self.model.stop_training = True

    def patience_is_over(self):
        """Whether the validation loss has not become better for `early_stopping` epochs."""
        losses = self.history.get("val_loss", ())
        patience = self.config.early_stopping
        return bool(patience and len(losses)) and len(losses) - 1 - int(np.argmin(losses)) >= patience
