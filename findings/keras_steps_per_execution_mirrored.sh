#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0: `steps_per_execution` above 1 and `tf.distribute.MirroredStrategy` on two devices,
# each documented and each working alone, do not train together: the first epoch ends with an `InvalidArgumentError`
# about a placeholder that was not fed. The model is one dense layer, the data divide into whole batches for both.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet keras==3.15.1 tensorflow==2.21.0

cat > train.py <<'PYTHON'
import contextlib
import sys

import tensorflow as tf

devices, steps = int(sys.argv[1]), int(sys.argv[2])
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)

import keras
import numpy as np

names = [f"CPU:{number}" for number in range(devices)]
strategy = tf.distribute.MirroredStrategy(names) if devices > 1 else None
with strategy.scope() if strategy else contextlib.nullcontext():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=steps)
try:
    model.fit(np.ones((64, 3)), np.ones((64, 1)), batch_size=8, epochs=2, verbose=0)
    print(devices, "devices,", steps, "steps per execution: trained")
except Exception as error:
    about = "about a placeholder" if "placeholder" in str(error).lower() else ""
    print(devices, "devices,", steps, "steps per execution:", type(error).__name__, about)
PYTHON

for devices in 1 2; do
  for steps in 1 4; do
    venv/bin/python train.py $devices $steps 2> log || { cat log; exit 1; }
  done
done | tee seen
diff seen - <<'EXPECTED'
1 devices, 1 steps per execution: trained
1 devices, 4 steps per execution: trained
2 devices, 1 steps per execution: trained
2 devices, 4 steps per execution: InvalidArgumentError about a placeholder
EXPECTED
