#!/usr/bin/env bash
# Keras 3.15.1 on JAX 0.10.2: what `ops.convert_to_tensor(weight)` gives is the weight's own memory, and the next
# `predict`, which changes no weight, deletes it: the step donates all that it was handed, and puts new arrays in the
# model. TensorFlow and PyTorch keep the tensor. `ops.copy` of it is safe on all three.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet keras==3.15.1 jax==0.10.2

cat > read.py <<'PYTHON'
import keras
import numpy as np
from keras import ops

model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
read = ops.convert_to_tensor(model.layers[0].kernel)
copied = ops.copy(read)
before = np.array(read)
model.predict(np.zeros((4, 2), "float32"), verbose=0)
print("weight unchanged:", np.array_equal(before, ops.convert_to_numpy(model.layers[0].kernel)))
print("copy still there:", np.array_equal(before, np.array(copied)))
try:
    print("read before predict, used after:", np.array(read))
except RuntimeError as error:
    print("read before predict, used after:", str(error).split(" with ")[0])
PYTHON

KERAS_BACKEND=jax venv/bin/python read.py 2> log | tee seen || { cat log; exit 1; }
diff seen - <<'EXPECTED'
weight unchanged: True
copy still there: True
read before predict, used after: Array has been deleted
EXPECTED
