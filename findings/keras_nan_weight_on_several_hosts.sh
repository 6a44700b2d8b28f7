#!/usr/bin/env bash
# Keras 3.15.1 on JAX 0.10.2, two processes that `keras.distribution.initialize` has joined: a weight whose initial value
# holds NaN, the same on both, cannot be made under `DataParallel`. JAX compares what the processes give with `==`, to
# which NaN is unequal to itself, and says that the value is not the same on each process, with the array in the message.
# Infinity passes. So do arrays that are laid out by `jax.make_array_from_callback`, which compares nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet keras==3.15.1 jax==0.10.2

cat > weights.py <<'PYTHON'
import sys

import keras
import numpy as np

keras.distribution.initialize(f"localhost:{sys.argv[1]}", 2, int(sys.argv[2]))
import jax

layout = keras.distribution.DataParallel(auto_shard_dataset=False)
keras.distribution.set_distribution(layout)
for value in (0.0, np.inf, np.nan):
    try:
        keras.Variable(np.full(3, value, "float32"))
        print(value, "is a weight")
    except AssertionError as error:
        print(value, "refused as not the same" if "is not the same on each process" in str(error) else error)
everywhere = jax.sharding.NamedSharding(layout.device_mesh.backend_mesh, jax.sharding.PartitionSpec())
whole = jax.make_array_from_callback((3,), everywhere, lambda part: np.full(3, np.nan, "float32")[part])
print(np.asarray(keras.Variable(whole)), "is a weight")
PYTHON

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("localhost", 0)); print(s.getsockname()[1])')
KERAS_BACKEND=jax venv/bin/python weights.py "$port" 1 2> log.1 | grep -v Gloo > second &
KERAS_BACKEND=jax venv/bin/python weights.py "$port" 0 2> log.0 | grep -v Gloo > first || { cat log.0; exit 1; }
wait
cat first
diff first second
diff first - <<'EXPECTED'
0.0 is a weight
inf is a weight
nan refused as not the same
[nan nan nan] is a weight
EXPECTED
