#!/usr/bin/env bash
# Keras 3.15.1 on PyTorch 2.13.0: an optimizer that has a `weight_decay`, but whose weights are all excluded from it,
# fails in its first step with PyTorch's "Tensor list must have at least one tensor". Keras hands it the list of the
# weights that decay, which is empty. On JAX 0.10.2 the same optimizer takes its step.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet keras==3.15.1 torch==2.13.0 jax==0.10.2

cat > step.py <<'PYTHON'
import keras

weight = keras.Variable([1.0])
optimizer = keras.optimizers.SGD(0.5, weight_decay=0.1)
optimizer.exclude_from_weight_decay(var_list=[weight])
optimizer.build([weight])
try:
    optimizer.apply([keras.ops.ones(1)], [weight])
    print(keras.backend.backend(), keras.ops.convert_to_numpy(weight))
except RuntimeError as error:
    print(keras.backend.backend(), error)
PYTHON

for backend in jax torch; do
  KERAS_BACKEND=$backend venv/bin/python step.py 2> log || { cat log; exit 1; }
done | tee seen
diff seen - <<'EXPECTED'
jax [0.5]
torch Tensor list must have at least one tensor.
EXPECTED
