#!/usr/bin/env bash
# TensorFlow 2.21.0: two MirroredStrategy objects over the same devices number their collective operations alike, each
# from 100. The runtime takes the second one's first operation for the first one's, which was of another kind, and ends
# with "expected type". So whoever makes a strategy for each model (a notebook's cell, run again) can lose the second.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet tensorflow==2.21.0

cat > twice.py <<'PYTHON'
import tensorflow as tf

parts = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)


def collective(name, strategy):
    def step():
        context = tf.distribute.get_replica_context()
        if name == "all_reduce":
            return context.all_reduce("SUM", tf.ones(2))
        return context.all_gather(tf.ones(2), axis=0)

    try:
        tf.function(lambda: strategy.run(step))()
        return "runs"
    except tf.errors.OpError as error:
        return str(error).partition("expected type")[1] or str(error)


one = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
print("one strategy, all_reduce:    ", collective("all_reduce", one))
print("the same one, all_gather:    ", collective("all_gather", one))
another = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
print("a second strategy, all_gather:", collective("all_gather", another))
PYTHON

TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python twice.py 2> log | tee seen || { cat log; exit 1; }
diff seen - <<'EXPECTED'
one strategy, all_reduce:     runs
the same one, all_gather:     runs
a second strategy, all_gather: expected type
EXPECTED
