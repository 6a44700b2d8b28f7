#!/usr/bin/env bash
# Keras 3.15.1: Adafactor turns a whole weight into NaN in its first step where the gradient has a row and a column
# of zeros: a pixel that is always black and a unit that is never active, say. It holds the squared gradients' row and
# column means up by epsilon_1 = 1e-30, but multiplies the two: 1e-60 is zero in float32, the gradient there is zero
# as well, and the quotient's NaN reaches all other entries by the clipping of the update's root mean square. A zero
# row alone does no harm, nor does a gradient that is zero throughout, nor does epsilon_1 = 1e-15.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet keras==3.15.1 jax==0.10.2

cat > step.py <<'PYTHON'
import keras
import numpy as np

GRADIENTS = {
    "row and column": [[0, 0, 0], [0, 1, 1]],
    "row alone":      [[0, 0, 0], [1, 1, 1]],
    "all":            [[0, 0, 0], [0, 0, 0]],
}
for epsilon in (1e-30, 1e-15):
    for zeros, gradient in GRADIENTS.items():
        weight = keras.Variable(np.ones((2, 3), "float32"))
        optimizer = keras.optimizers.Adafactor(1e-3, epsilon_1=epsilon)
        optimizer.build([weight])
        optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32")])
        lost = np.isnan(keras.ops.convert_to_numpy(weight)).sum()
        print(f"epsilon_1 {epsilon}, zeros in {zeros}: {lost} of 6 NaN")
PYTHON

KERAS_BACKEND=jax venv/bin/python step.py 2> log | tee seen || { cat log; exit 1; }
diff seen - <<'EXPECTED'
epsilon_1 1e-30, zeros in row and column: 6 of 6 NaN
epsilon_1 1e-30, zeros in row alone: 0 of 6 NaN
epsilon_1 1e-30, zeros in all: 0 of 6 NaN
epsilon_1 1e-15, zeros in row and column: 0 of 6 NaN
epsilon_1 1e-15, zeros in row alone: 0 of 6 NaN
epsilon_1 1e-15, zeros in all: 0 of 6 NaN
EXPECTED
