#!/usr/bin/env bash
# TensorFlow 2.21.0 on a CPU: the gradients of tf.nn.conv2d in bfloat16 take over a hundred times as long where the
# padding is given as numbers as where tf.pad makes it first (3.4 s and 0.02 s, on a CPU with AMX). Forward, and in
# float32, the two are within a factor of four. The masked convolutions of a PixelCNN pad on two sides more than on the
# others, which is what explicit padding is for; pad them first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet tensorflow==2.21.0

cat > padding.py <<'PYTHON'
import time

import tensorflow as tf

PADDING = [[0, 0], [1, 0], [1, 1], [0, 0]]


def explicit(x, kernel):
    return tf.nn.conv2d(x, kernel, 1, PADDING)


def pad_first(x, kernel):
    return tf.nn.conv2d(tf.pad(x, PADDING), kernel, 1, "VALID")


def milliseconds(convolution, x, kernel):
    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            total = tf.reduce_sum(tf.cast(convolution(x, kernel), tf.float32))
        return tape.gradient(total, [x, kernel])

    gradients()
    times = []
    for _ in range(5):
        started = time.perf_counter()
        gradients()
        times.append(time.perf_counter() - started)
    return 1e3 * min(times)


for kind in (tf.float32, tf.bfloat16):
    x = tf.cast(tf.random.normal((64, 28, 28, 32)), kind)
    kernel = tf.cast(0.05 * tf.random.normal((2, 3, 32, 64)), kind)
    slow, fast = milliseconds(explicit, x, kernel), milliseconds(pad_first, x, kernel)
    print(f"{kind.name}: explicit padding {slow:.0f} ms, tf.pad first {fast:.0f} ms, ratio {slow / fast:.0f}", flush=True)
raise SystemExit(0 if slow > 20 * fast else 1)
PYTHON

venv/bin/python padding.py 2> log || { cat log; exit 1; }
