#!/usr/bin/env bash
# Keras 3.15.1 on PyTorch: `ops.matmul` of two float64 tensors computes, and returns, float32; `ops.add` and the
# operator `@` keep float64. Nothing is said, so a product that was moved to float64 for its digits still loses them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet keras==3.15.1 torch==2.13.0

cat > product.py <<'PYTHON'
from keras import ops

x = ops.cast([[1.0, 2.0]], "float64")
y = ops.transpose(x)
print("ops.add:   ", ops.add(x, x).dtype)
print("ops.matmul:", ops.matmul(x, y).dtype)
print("@:         ", (x @ y).dtype)
PYTHON

KERAS_BACKEND=torch venv/bin/python product.py 2> log | tee seen || { cat log; exit 1; }
diff seen - <<'EXPECTED'
ops.add:    torch.float64
ops.matmul: torch.float32
@:          torch.float64
EXPECTED
