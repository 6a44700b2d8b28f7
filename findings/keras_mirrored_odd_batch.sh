#!/usr/bin/env bash
# Keras 3.15.1 under tf.distribute.MirroredStrategy: where the first batch of a fit or an evaluate does not divide by the
# number of replicas, Keras adds up the replicas' parts of it, only to learn a shape, and TensorFlow ends with "must have
# the same size and shape". A validation set of 15 images is such a batch; so fit fails after its first epoch.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet keras==3.15.1 tensorflow==2.21.0

cat > odd.py <<'PYTHON'
import tensorflow as tf

parts = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)
import keras
import numpy as np

with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")


def outcome(count):
    try:
        model.evaluate(np.ones((count, 3)), np.ones((count, 1)), verbose=0)
        return "runs"
    except tf.errors.InvalidArgumentError as error:
        return "must have the same size and shape" if "same size and shape" in str(error) else str(error)


print("batch of 16:", outcome(16))
print("batch of 15:", outcome(15))
PYTHON

KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python odd.py 2> log | tee seen || { cat log; exit 1; }
diff seen - <<'EXPECTED'
batch of 16: runs
batch of 15: must have the same size and shape
EXPECTED
