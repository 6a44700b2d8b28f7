"""One training on one, two and four devices, which a machine with one CPU has if the backends are told to divide it.

    python book/scripts/several_devices.py       some minutes; writes book/results/several_devices.json and .md

Shows that the results are the same, and nothing about time: the parts of a CPU are no faster than the whole.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from result_tables import RECORDS

from vamp_core.system.devices import ENGINES
from vamp_core.system.files import write_json

ROOT = Path(__file__).parents[2]
COUNTS, SEEDS, BACKENDS = (1, 2, 4), (0, 1, 2), ("tensorflow", "jax")

DIVIDE = """
import tensorflow as tf
parts = [tf.config.LogicalDeviceConfiguration()] * int(sys.argv[1])
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)
"""

TRAINING = """
import tempfile
import numpy as np, vamp_core as vc
elbos, output = {}, tempfile.TemporaryDirectory()
for seed in SEEDS:
    model, _, folder = vc.train(vc.TrainingConfig(
        data_set="digits", network="gated_mlp", latent_dim=4, prior="vamp", num_components=40, binarize="dynamic",
        lr=1e-3, batch_size=128, epochs=10, warmup_epochs=3, seed=seed, precision="float32", devices="all",
        output_dir=output.name, gs_key=str(seed)))
    elbos[str(seed)] = folder.read_history()["val_elbo"][-1]
np.savez(sys.argv[2], **elbos)
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
    results = Path(output) / f"{backend}-{count}.npz"
    command = [sys.executable, "-c", start + script, str(count), str(results)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return dict(np.load(results))


def table():
    """The test ELBO of each seed by backend and number of devices, in nats."""
    record = json.loads((RECORDS / "several_devices.json").read_text())
    lines = ["| | devices | seed 0 | seed 1 | seed 2 | mean |", "| --- | --- | --- | --- | --- | --- |"]
    for backend, by_count in record["test_elbo"].items():
        for count, elbos in by_count.items():
            numbers = " | ".join(f"−{-elbo:.2f}" for elbo in [*elbos, statistics.mean(elbos)])
            lines.append(f"| {ENGINES[backend]} | {count} | {numbers} |")
    return "\n".join(lines) + "\n"


def main():
    found = {backend: {} for backend in BACKENDS}
    for backend in BACKENDS:
        for count in COUNTS:
            with tempfile.TemporaryDirectory() as output:
                elbos = run(f"SEEDS = {SEEDS}" + TRAINING, count, backend, output)
            found[backend][str(count)] = [float(elbos[str(seed)]) for seed in SEEDS]
            print(backend, count, found[backend][str(count)], flush=True)
    write_json(RECORDS / "several_devices.json", {"seeds": list(SEEDS), "test_elbo": found})
    (RECORDS / "several_devices.md").write_text(table())


if __name__ == "__main__":
    main()
