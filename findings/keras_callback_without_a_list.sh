#!/usr/bin/env bash
# Keras 3.15.1 on JAX (and PyTorch): a callback handed to `fit` by itself runs in other threads, beside the training;
# the same one in a list runs between the steps. Keras asks a list whether its callbacks look at batches, and takes what
# is no list for safe, without a word. So an exception raised after step 3, as a watch for a NaN would, reaches `fit`
# steps too late: some have been trained on meanwhile. On TensorFlow both are the same. (Keras's documentation asks for
# a list; a callback alone is taken all the same, and callbacks that act at the end of an epoch work either way.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet keras==3.15.1 jax==0.10.2

cat > alone.py <<'PYTHON'
import threading
import time

import keras
import numpy as np


class Watch(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        threads.add(threading.current_thread() is threading.main_thread())
        steps.append(batch)
        if batch == 3:
            time.sleep(0.5)  # long, so that what goes on meanwhile is seen on any machine
            raise FloatingPointError


x = np.ones((2000, 3))
for how in ("in a list", "by itself"):
    threads, steps = set(), []
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    try:
        model.fit(x, x[:, :1], batch_size=20, verbose=0, callbacks=[Watch()] if how == "in a list" else Watch())
    except FloatingPointError:
        ended = "no step later" if max(steps) == 3 else "more than ten steps later" if max(steps) > 13 else "later"
        print(f"{how}: in the main thread {threads}, ended {ended}")
PYTHON

KERAS_BACKEND=jax venv/bin/python alone.py 2> log | tee seen || { cat log; exit 1; }
diff seen - <<'EXPECTED'
in a list: in the main thread {True}, ended no step later
by itself: in the main thread {False}, ended more than ten steps later
EXPECTED
