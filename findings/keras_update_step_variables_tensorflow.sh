#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0: an optimizer's `build` is handed Keras's variables, its `update_step` TensorFlow's
# own, which have no `path` and another `name` ("first/kernel:0" for "kernel"). On JAX and PyTorch both get Keras's. So a
# rule such as "kernels by this step, all else by that one", written where the step is, finds no kernel on TensorFlow,
# and without a word if it asks for the name. Decided in `build`, by the variable's place, it works on all three.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet keras==3.15.1 tensorflow==2.21.0 torch==2.13.0 jax==0.10.2

cat > kernels.py <<'PYTHON'
import keras
import numpy as np


class Signs(keras.optimizers.SGD):
    """Steps of one size for kernels, those of SGD for all other weights."""

    def build(self, variables):
        super().build(variables)
        self.in_build, self.in_step = [variable.name == "kernel" for variable in variables], []

    def update_step(self, gradient, variable, learning_rate):
        self.in_step.append(variable.name == "kernel")
        super().update_step(gradient, variable, learning_rate)


model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="first"), keras.layers.Dense(1, name="second")])
model.compile(Signs(), "mse")
model.train_on_batch(np.zeros((4, 2)), np.zeros((4, 1)))
optimizer = model.optimizer
print(keras.backend.backend(), "kernels:", sum(optimizer.in_build), "in build,", sum(optimizer.in_step[:4]), "in steps")
PYTHON

for backend in tensorflow jax torch; do
  KERAS_BACKEND=$backend venv/bin/python kernels.py 2> log || { cat log; exit 1; }
done | tee seen
diff seen - <<'EXPECTED'
tensorflow kernels: 2 in build, 0 in steps
jax kernels: 2 in build, 2 in steps
torch kernels: 2 in build, 2 in steps
EXPECTED
