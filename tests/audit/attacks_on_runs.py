"""What is trained: kills, full disks, damaged and swapped files, two owners, whole commands.

Each attack yields (what it tries, a function that raises where it was not survived).
"""

import contextlib
import io
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from attacks_on_files import mutated
from small_runs import SETTINGS, config, content, folder_of

import vamp_core as vc
from vamp_core.errors import InputError
from vamp_core.training.build import build_model, compile_model
from vamp_core.training.checkpoints import checkpoints_in

ROOT = Path(__file__).parents[2]
# A process that ends without a word when its file number N is about to take its place.
KILLED_AT = """
import os, sys
import train
left, replace = [int(sys.argv.pop(1))], os.replace
def counted(*names):
    left[0] -= 1
    os._exit(137) if left[0] == 0 else replace(*names)
os.replace = counted
train.main()
"""


@contextlib.contextmanager
def finished():
    """The output folder of a run of three epochs, and the weights that it ended with."""
    output = Path(tempfile.mkdtemp(prefix="attack-"))
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            model, _, _ = vc.train(config(output))
        yield output, model.get_weights()
    finally:
        shutil.rmtree(output, ignore_errors=True)


def flags(output, *more):
    settings = [part for name, value in SETTINGS.items() for part in (f"--{name}", str(value))]
    return [*settings, "--output_dir", str(output), *more]


def same(ours, theirs):
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True)), "other weights"


def damage(tries):
    """A file of a run changed or swapped: what a resumed run would go on from is the run's own, or refused."""
    rng = random.Random(0)
    with finished() as (output, weights), finished_other() as other:
        folder = folder_of(output)
        settings = config(output, resume=True)
        model = build_model(settings, (28, 28, 1))
        compile_model(model, settings, 3)
        sound = content(folder)
        strange = {name: text for name, text in content(folder_of(other, seed=1)).items() if name in sound}
        history = folder.read_history()

        def trial(name, text):
            (folder.path / name).write_bytes(text)
            try:
                with contextlib.suppress(InputError), folder.training():
                    found = folder.load_checkpoint(model)
                    same(model.get_weights(), weights)
                    assert found == history == folder.read_history()
            finally:
                for name, text in sound.items():
                    (folder.path / name).write_bytes(text)

        for number in range(tries):
            name = rng.choice([*sound])
            swapped = rng.random() < 0.2
            text = strange.get(name, b"") if swapped else mutated(sound[name], rng)
            yield f"{name} {'swapped' if swapped else 'changed'}, number {number}", partial(trial, name, text)


@contextlib.contextmanager
def finished_other():
    with tempfile.TemporaryDirectory(prefix="attack-") as output, contextlib.redirect_stdout(io.StringIO()):
        vc.train(config(output, seed=1))
        yield Path(output)


def full(tries):
    """Limits on the size of a file, which are a disk that is full for this process alone."""
    with finished() as (output, weights):
        folder = folder_of(output)
        largest = max(map(len, content(folder).values()))
        old = resource.getrlimit(resource.RLIMIT_FSIZE)
        for limit in np.linspace(1, 1.1 * largest, tries, dtype=int):

            def trial(limit=int(limit)):
                folder.checkpoints()[3].unlink(missing_ok=True)
                with contextlib.redirect_stdout(io.StringIO()):
                    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, old[1]))
                    try:
                        with contextlib.suppress(InputError):
                            vc.train(config(output, resume=True))
                    finally:
                        resource.setrlimit(resource.RLIMIT_FSIZE, old)
                    assert 2 in folder.checkpoints(), "an epoch was lost"
                    model, _, _ = vc.train(config(output, resume=True))
                same(model.get_weights(), weights)

            yield f"{limit} bytes", trial


def _resumed(output, weights, killed):
    """After the kill: the run resumes to the weights of an undisturbed one."""
    before = checkpoints_in(folder_of(output).path)
    with contextlib.redirect_stdout(io.StringIO()):
        model, _, folder = vc.train(config(output, resume=True))
    same(model.get_weights(), weights)
    assert folder.read_history()["epoch"] == [1, 2, 3], before
    killed.wait()


def replace(tries):
    with finished() as (_, weights):
        for number in range(1, tries + 1):

            def trial(number=number):
                with tempfile.TemporaryDirectory(prefix="attack-") as output:
                    command = [sys.executable, "-c", KILLED_AT, str(number), *flags(output)]
                    killed = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                    assert killed.wait() in (0, 137)
                    _resumed(output, weights, killed)

            yield f"file {number}", trial


def kills(tries):
    rng = random.Random(0)
    with finished() as (_, weights):
        for number in range(tries):

            def trial():
                with tempfile.TemporaryDirectory(prefix="attack-") as output:
                    command = [sys.executable, "train.py", *flags(output)]
                    killed = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                    killed.stdout.readline()  # it has begun
                    time.sleep(rng.uniform(0, 12))
                    killed.kill()
                    killed.communicate()
                    _resumed(output, weights, killed)

            yield f"number {number}", trial


def owners(tries):
    for number in range(tries):

        def trial():
            with tempfile.TemporaryDirectory(prefix="attack-") as output:
                quiet = dict(cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                commands = [[sys.executable, "train.py", *flags(output, "--lr", lr)] for lr in ("1e-3", "1e-2")]
                both = [subprocess.Popen(command, **quiet) for command in commands]
                told = [process.communicate()[1] for process in both]
                assert "Traceback" not in "".join(told), told
                assert sorted(process.returncode for process in both) == [0, 1], told
                rate = (1e-3, 1e-2)[both[1].returncode == 0]
                assert np.allclose(folder_of(output, lr=rate).read_history()["learning_rate"], rate)

        yield f"number {number}", trial


def runs(tries):
    """Whole commands: likelihoods, priors, latents, and settings that end badly."""
    rng = random.Random(0)
    choices = {
        "--likelihood": ("bernoulli", "gaussian", "learned_gaussian", "discretized_logistic"),
        "--prior": ("standard", "vamp", "vamp_data", "mog"),
        "--latent_dim": ("1", "2", "3", "40"),
        "--lr": ("1e-3", "1e5", "1e30", "inf"),
        "--binarize": ("none", "dynamic", "static"),
        "--num_components": ("5", "1501", "1000000"),
        "--output_dir": ("/proc/none", "/dev/null", None, None, None),
    }
    for _ in range(tries):
        chosen = {name: rng.choice(values) for name, values in choices.items() if rng.random() < 0.9}
        line = [part for name, value in chosen.items() if value for part in (name, value)]

        def trial(line=line):
            with tempfile.TemporaryDirectory(prefix="attack-") as output:
                command = [sys.executable, "train.py", *flags(output, *line)]
                done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
                assert "Traceback" not in done.stderr, done.stderr
                assert done.returncode == 0 or "train.py: error: " in done.stderr, done.stderr

        yield line, trial
