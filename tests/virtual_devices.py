"""Several devices on a machine that has one CPU: the backends divide it, if they are told so before they start."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
DIVIDE = """
import tensorflow as tf
parts = [tf.config.LogicalDeviceConfiguration()] * int(sys.argv[1])
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)
"""


def run(script, count, backend, output):
    """What a script on `count` devices has written by np.savez(sys.argv[2], ...): {name: array}."""
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={count}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
    }
    start = "import sys\n" + DIVIDE * (backend == "tensorflow")
    results = output / f"{backend}-{count}.npz"
    command = [sys.executable, "-c", start + script, str(count), str(results)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(np.load(results))
