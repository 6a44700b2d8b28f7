#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0: nothing can be derived through `ops.slice_update`, since the operation of XLA that
# Keras takes for it has no gradient in TensorFlow. On JAX and PyTorch the same line has one. A layer that writes a part
# of a tensor, as for a memory of earlier batches, trains on two of three backends; `ops.where` with a mask, or
# `ops.scatter_update`, trains on all.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet keras==3.15.1 tensorflow==2.21.0 torch==2.13.0 jax==0.10.2

cat > gradient.py <<'PYTHON'
import sys

import keras
import numpy as np
from keras import layers, ops


class Written(layers.Layer):
    """Writes its part into zeros, by one operation or another."""

    def build(self, _):
        self.part = self.add_weight(shape=(2, 1), initializer="ones", name="part")

    def call(self, x):
        zeros = ops.zeros((4, 1))
        if sys.argv[1] == "slice_update":
            whole = ops.slice_update(zeros, (1, 0), ops.convert_to_tensor(self.part))
        elif sys.argv[1] == "scatter_update":
            whole = ops.scatter_update(zeros, [[1], [2]], ops.convert_to_tensor(self.part))
        else:
            inside = np.array([[False], [True], [True], [False]])
            whole = ops.where(inside, ops.pad(ops.convert_to_tensor(self.part), ((1, 1), (0, 0))), zeros)
        return ops.matmul(x, whole)


model = keras.Sequential([keras.Input((4,)), Written()])
model.compile(keras.optimizers.SGD(0.5), "mse", jit_compile=False)
try:
    model.train_on_batch(np.ones((1, 4), "float32"), np.zeros((1, 1), "float32"))
    print(keras.backend.backend(), sys.argv[1], model.get_weights()[0].ravel().tolist())
except LookupError as error:
    print(keras.backend.backend(), sys.argv[1], str(error).strip())
PYTHON

for backend in tensorflow jax torch; do
  for operation in slice_update scatter_update where; do
    KERAS_BACKEND=$backend venv/bin/python gradient.py $operation 2> log || { cat log; exit 1; }
  done
done | tee seen
diff seen - <<'EXPECTED'
tensorflow slice_update gradient registry has no entry for: XlaDynamicUpdateSlice
tensorflow scatter_update [-1.0, -1.0]
tensorflow where [-1.0, -1.0]
jax slice_update [-1.0, -1.0]
jax scatter_update [-1.0, -1.0]
jax where [-1.0, -1.0]
torch slice_update [-1.0, -1.0]
torch scatter_update [-1.0, -1.0]
torch where [-1.0, -1.0]
EXPECTED
