#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0 and JAX 0.10.2: with `steps_per_execution=8`, `on_train_batch_end` is told a batch
# that the epoch does not have. An epoch of 6 steps ends with "batch 7" and one of 10 with "batch 15", since Keras adds
# the 8 that it asked for and not those that were left. So a callback that counts by that number, or names the step at
# which a loss was lost, counts steps that were never taken. `params["steps"]` is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet keras==3.15.1 tensorflow==2.21.0 jax==0.10.2

cat > batches.py <<'PYTHON'
import keras
import numpy as np


class Look(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.ends = []

    def on_train_batch_end(self, batch, logs=None):
        self.ends.append(batch)

    def on_epoch_end(self, epoch, logs=None):
        taken = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
        print(keras.backend.backend(), "batches told:", self.ends, "of", self.params["steps"], "steps, taken:", taken)


for steps in (6, 10):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=8)
    model.fit(np.zeros((steps, 2)), np.zeros((steps, 1)), batch_size=1, verbose=0, callbacks=[Look()])
PYTHON

for backend in tensorflow jax; do
  KERAS_BACKEND=$backend venv/bin/python batches.py 2> log || { cat log; exit 1; }
done | tee seen
diff seen - <<'EXPECTED'
tensorflow batches told: [7] of 6 steps, taken: 6
tensorflow batches told: [7, 15] of 10 steps, taken: 10
jax batches told: [7] of 6 steps, taken: 6
jax batches told: [7, 15] of 10 steps, taken: 10
EXPECTED
