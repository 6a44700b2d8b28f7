#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0: the first `fit` of a compiled model traces its training step twice.
# The optimizer creates its variables inside the first trace, so that tf.function has to make a second one.
# `model.optimizer.build(model.trainable_variables)` before `fit` leaves one trace, and halves the wait for it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet keras==3.15.1 tensorflow==2.21.0

cat > traces.py <<'PYTHON'
import keras
import numpy as np


class Traced(keras.Model):
    def __init__(self):
        super().__init__()
        self.layer, self.traces = keras.layers.Dense(1), 0

    def call(self, x):
        self.traces += 1
        return self.layer(x)


x = np.zeros((8, 3), "float32")
for build in (False, True):
    model = Traced()
    model(x)  # the layers' variables are there before `fit`
    model.compile("adam", "mse")
    if build:
        model.optimizer.build(model.trainable_variables)
    model.traces = 0
    model.fit(x, x[:, :1], epochs=3, verbose=0)
    print(f"optimizer built before fit: {build}; traces of the step: {model.traces}")
PYTHON

KERAS_BACKEND=tensorflow venv/bin/python traces.py 2> log | tee seen || { cat log; exit 1; }
diff seen - <<'EXPECTED'
optimizer built before fit: False; traces of the step: 2
optimizer built before fit: True; traces of the step: 1
EXPECTED
