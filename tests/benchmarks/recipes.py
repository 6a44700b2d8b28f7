"""Minutes that a whole training on MNIST takes by the quick recipe, and by the book's in an older build, in turn.

    git worktree add ../older f2cabcc
    python tests/benchmarks/recipes.py ../older [--models mnist-vae mnist-hvae-vamp] [--rounds 3] [--record]

Each round fits three short epochs, feeding included, and times the last two; the minutes are those of as many batches
as the recipe has. The first round, which compiles, does not count. A third column is the book's recipe in this build.
`--record` keeps the figures for the book's page on cost.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

from vamp_core.system.files import write_json
from vamp_core.system.hardware import device_name, resolve_precision

HERE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(HERE / "book" / "scripts"))

from results import repetitions, runs  # noqa: E402 (beside the book's other scripts)

IMAGES = 60_000
MODELS = [name for name in runs() if name.startswith("mnist")]
RECORD = HERE / "book" / "results" / "recipes.json"

WORKER = """
import sys, time
import keras
import numpy as np
import vamp_core as vc
from vamp_core.system.hardware import resolve_precision
from vamp_core.training.batches import Batches
from vamp_core.training.build import build_model, compile_model, policy

config = vc.TrainingConfig(**eval(sys.argv[1]))
images = np.random.default_rng(0).random((40 * 256, 28, 28, 1), dtype="float32")
with policy(resolve_precision("auto")):
    model = build_model(config, images.shape[1:])
    compile_model(model, config, steps_per_epoch=1000)
if config.prior == "vamp":
    model.prior.adapt(images, seed=0)
batches = Batches(images, config.batch_size, seed=0)
ends = []
clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter()))
for line in sys.stdin:
    ends.clear()
    model.fit(batches, epochs=3, shuffle=False, verbose=0, callbacks=[clock])
    print("took", (ends[2] - ends[0]) / 2 / len(batches), flush=True)
"""


def worker(folder, config):
    defaults = config.defaults()  # left out, since an older build may not know them
    settings = {setting: value for setting, value in config.experiment().items() if value != defaults[setting]}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return subprocess.Popen([sys.executable, "-c", WORKER, repr(settings)], env=environment, cwd=folder, **pipes)


def seconds_per_step(process):
    process.stdin.write("go\n")
    process.stdin.flush()
    while not (line := process.stdout.readline()).startswith("took"):
        if not line:
            raise SystemExit("A worker ended: run its training by hand to see why.")
    return float(line.split()[1])


def minutes(name, older, rounds):
    """{column: minutes of a whole training} of one model."""
    book, quick = runs()[name], repetitions()[f"quick/{name}-seed0"]
    columns = {"book, older build": (older, book), "book": (HERE, book), "quick": (HERE, quick)}
    workers = {label: (worker(folder, config), config) for label, (folder, config) in columns.items()}
    found = {label: [] for label in workers}
    for _ in range(1 + rounds):
        for label, (process, _) in workers.items():
            found[label].append(seconds_per_step(process))
    for process, _ in workers.values():
        process.stdin.close()
        process.wait()
    total = {}
    for label, (_, config) in workers.items():
        steps = config.epochs * -(-IMAGES // config.batch_size)
        total[label] = round(steps * statistics.median(found[label][1:]) / 60, 2)
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("older", type=Path, help="worktree of an older commit")
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--rounds", type=int, default=3, help="timed rounds, of which the median counts")
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.relative_to(HERE)}")
    arguments = parser.parse_args()
    found = {}
    for name in arguments.models:
        found[name] = minutes(name, arguments.older.resolve(), arguments.rounds)
        older = found[name]["book, older build"]
        columns = [f"{label} {value:.2f} min ({value / older:.2f})  " for label, value in found[name].items()]
        print(f"{name:16}", *columns, flush=True)
    if arguments.record:
        write_json(RECORD, {"device": device_name(), "precision": resolve_precision("auto"), "minutes": found})


if __name__ == "__main__":
    main()
