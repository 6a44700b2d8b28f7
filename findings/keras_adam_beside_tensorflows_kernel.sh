#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0: `keras.optimizers.Adam` writes its update as 12 operations on each whole weight,
# though TensorFlow has one kernel for it, `ResourceApplyAdam`, which gives the same numbers. On a CPU, without XLA, a
# weight of a million parameters takes more than 1.3 times as long to update (3.4 and 4.7 times where this was written,
# on a busy machine of two cores), which is felt where layers are small and weights are large.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet keras==3.15.1 tensorflow==2.21.0

cat > update.py <<'PYTHON'
import statistics
import sys
import time
from collections import Counter

import keras
import numpy as np
import tensorflow as tf

shape = (1000, 1000)
gradient = tf.constant(np.random.default_rng(0).normal(size=shape), tf.float32)
by_keras, by_kernel = (keras.Variable(np.ones(shape, "float32")) for _ in range(2))
adam = keras.optimizers.Adam(0.01)
adam.build([by_keras])
moments = [tf.Variable(tf.zeros(shape)) for _ in range(2)]
step = tf.Variable(0.0)


@tf.function
def keras_update():
    adam.apply([gradient], [by_keras])


@tf.function
def kernel_update():
    step.assign_add(1.0)
    tf.raw_ops.ResourceApplyAdam(
        var=by_kernel.value.handle, m=moments[0].handle, v=moments[1].handle, beta1_power=0.9**step,
        beta2_power=0.999**step, lr=0.01, beta1=0.9, beta2=0.999, epsilon=1e-7, grad=gradient,
    )


def seconds(update, times=60):
    found = []
    for _ in range(times):
        started = time.perf_counter()
        update()
        found.append(time.perf_counter() - started)
    return statistics.median(found)


whole = Counter()
for operation in keras_update.get_concrete_function().graph.get_operations():
    arithmetic = operation.type in ("Sub", "Mul", "Square", "Sqrt", "AddV2", "RealDiv", "AssignAddVariableOp",
                                    "AssignSubVariableOp")
    shapes = [each.shape for each in [*operation.inputs, *operation.outputs]]
    if arithmetic and (shape in [tuple(s) for s in shapes if s.rank is not None]):
        whole[operation.type] += 1
ratios = []
for _ in range(5):
    keras_seconds, kernel_seconds = seconds(keras_update), seconds(kernel_update)
    ratios.append(keras_seconds / kernel_seconds)
difference = np.abs(by_keras.numpy() - by_kernel.numpy()).max()
print("operations of Keras on the whole weight:", sum(whole.values()))
print("same weights after 300 updates:", bool(difference < 1e-4))
print("Keras takes more than 1.3 times as long:", statistics.median(ratios) > 1.3)
print(f"{statistics.median(ratios):.2f} times, {difference:.1e}", dict(whole), file=sys.stderr)
PYTHON

venv/bin/python update.py 2> log | tee seen || { cat log; exit 1; }
tail -n 1 log
diff seen - <<'EXPECTED'
operations of Keras on the whole weight: 12
same weights after 300 updates: True
Keras takes more than 1.3 times as long: True
EXPECTED
