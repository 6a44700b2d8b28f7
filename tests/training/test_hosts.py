"""Several hosts, here processes of one machine: who they are is checked first, then they train as one device does."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from small_runs import SETTINGS, config

import vamp_core as vc
from vamp_core.system import hosts
from vamp_core.system.devices import number_of_devices
from vamp_core.training.run_folder import RunFolder

ROOT = Path(__file__).parents[2]
SEVERAL = dict(prior="vamp", num_components=20, turns=2, early_stopping=5, validation_images=301, lr=1e-3)


@pytest.fixture
def named(monkeypatch):
    def name(**variables):
        for variable, value in variables.items():
            monkeypatch.setenv(f"KERAS_DISTRIBUTION_{variable}", value)

    return name


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (dict(NUM_PROCESSES="two"), "NUM_PROCESSES is 'two': give a whole number, at least 1"),
        (dict(NUM_PROCESSES="0"), "NUM_PROCESSES is '0': give a whole number, at least 1"),
        (dict(NUM_PROCESSES="2"), "PROCESS_ID is None: give a whole number, at least 0"),
        (dict(NUM_PROCESSES="2", PROCESS_ID="2"), "PROCESS_ID is 2, but .* is 2: number the hosts from 0 to 1"),
        (dict(NUM_PROCESSES="2", PROCESS_ID="1"), "JOB_ADDRESSES is '': give all hosts the first one's"),
        (dict(NUM_PROCESSES="2", PROCESS_ID="0", JOB_ADDRESSES="here"), "is 'here': .* a free port, HOST:PORT"),
        (dict(NUM_PROCESSES="2", PROCESS_ID="0", JOB_ADDRESSES="a:1,b:2"), "is 'a:1,b:2': .* HOST:PORT"),
    ],
)
def test_hosts_that_are_not_named_in_full_are_told(variables, message, named, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    named(**variables)
    with pytest.raises(vc.InputError, match=message):
        number_of_devices("all")


def test_a_host_alone_is_the_first():
    assert hosts.number_of_hosts() == 1 and hosts.is_first_host() and not hosts.several_hosts()


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_other_backends_say_what_carries_several_hosts(backend, named, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    named(NUM_PROCESSES="2")
    with pytest.raises(vc.InputError, match="is 2, but several hosts train with JAX alone: set KERAS_BACKEND to jax"):
        number_of_devices("all")


def command(output, *flags):
    settings = [part for name, value in (SETTINGS | SEVERAL).items() for part in (f"--{name}", str(value))]
    return [sys.executable, "train.py", *settings, "--output_dir", str(output), *flags]


def environment(**named):
    named = {f"KERAS_DISTRIBUTION_{name}": value for name, value in named.items()}
    return os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"} | named


@contextlib.contextmanager
def started(*commands):
    """The processes of one command for each host."""
    try:
        socket.gethostbyname(socket.gethostname())
    except OSError:
        pytest.skip("this machine does not know its own name, by which JAX's processes find each other")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    pipes = dict(cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    processes = []
    for place, each in enumerate(commands):
        named = environment(NUM_PROCESSES=str(len(commands)), PROCESS_ID=str(place), JOB_ADDRESSES=f"localhost:{port}")
        processes.append(subprocess.Popen(each, env=named, **pipes))
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def told(processes):
    """(exit status, what was printed) of each."""
    texts = [process.communicate(timeout=300)[0] for process in processes]
    return [(process.returncode, text) for process, text in zip(processes, texts, strict=True)]


def on_two_hosts(output, *flags, second=()):
    """What one command tells on the first host and, with more flags, on the second; each has its own disk."""
    with started(command(output / "0", *flags), command(output / "1", *flags, *second)) as processes:
        return told(processes)


@pytest.mark.thorough
def test_two_hosts_take_the_steps_of_one_device(tmp_path):
    pytest.importorskip("jax")
    for status, text in on_two_hosts(tmp_path, "--devices", "all"):
        assert status == 0, text
    assert not (tmp_path / "1").exists()
    folder = RunFolder(config(tmp_path / "0", **SEVERAL, resume=True))
    found = folder.read_history()

    subprocess.run(command(tmp_path / "alone"), cwd=ROOT, env=environment(), check=True)
    expected = RunFolder(config(tmp_path / "alone", **SEVERAL, resume=True)).read_history()
    for column in ("epoch", "loss", "kl", "val_loss", "val_kl"):
        np.testing.assert_allclose(found[column], expected[column], rtol=1e-4, err_msg=column)

    refused = on_two_hosts(tmp_path, "--devices", "all")
    assert all(status == 1 and "already holds a run: add --resume" in text for status, text in refused), refused
    folder.checkpoints()[3].unlink()
    for status, text in on_two_hosts(tmp_path, "--devices", "all", "--resume"):
        assert status == 0, text
    assert folder.read_history()["epoch"] == [1, 2, 3]
    np.testing.assert_allclose(folder.read_history()["val_loss"], found["val_loss"], rtol=1e-4)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("flags", "second", "messages"),
    [
        ([], [], ["devices is 1, but 2 hosts train with all of theirs: choose all"] * 2),
        (["--devices", "all"], ["--seed", "1"], ["The hosts were given different settings: give the same command"] * 2),
    ],
    ids=["devices", "settings"],
)
def test_what_one_host_cannot_do_ends_all(flags, second, messages, tmp_path):
    pytest.importorskip("jax")
    for (status, text), message in zip(on_two_hosts(tmp_path, *flags, second=second), messages, strict=True):
        assert status == 1 and re.search(f"train.py: error: .*{message}", text), text
        assert "Traceback" not in text


AGREEING = """
import vamp_core as vc
from vamp_core.system import hosts

hosts.join_hosts()

def fail():
    raise vc.InputError("no data here")

def tried(ask, function):
    try:
        print("gives", ask(function), flush=True)
    except vc.InputError as error:
        print("says", error, flush=True)

first = hosts.is_first_host()
tried(hosts.by_all, lambda: "own" if first else fail())
tried(hosts.by_all, lambda: "own")
tried(hosts.by_first, fail)
tried(hosts.by_first, lambda: "first's")
print("gives", hosts.told_by_first(b"told" if first else b""), flush=True)
"""


@pytest.mark.thorough
def test_what_one_host_finds_wrong_is_raised_on_all():
    pytest.importorskip("jax")
    with started(*[[sys.executable, "-c", AGREEING]] * 2) as processes:
        found = told(processes)
    lines = [[line for line in text.splitlines() if line.startswith(("gives", "says"))] for _, text in found]
    both = ["gives own", "says no data here"]
    assert lines[0] == ["says Host 1 cannot train: see what it says.", *both, "gives first's", "gives b'told'"], found
    assert lines[1] == ["says no data here", *both, "gives None", "gives b'told'"], found


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["TERM", "INT"])
def test_hosts_end_when_they_are_told_to(name, tmp_path):
    pytest.importorskip("jax")
    flags = "--devices", "all", "--epochs", "10000"
    with started(command(tmp_path / "0", *flags), command(tmp_path / "1", *flags)) as processes:
        folder = RunFolder(config(tmp_path / "0", **SEVERAL, epochs=10000, resume=True))
        give_up = time.monotonic() + 120
        while 2 not in folder.checkpoints() and time.monotonic() < give_up:
            time.sleep(0.1)
        for process in processes:
            process.send_signal(getattr(signal, f"SIG{name}"))
        for process in processes:
            process.wait(timeout=60)
    assert max(folder.checkpoints()) >= 2


def test_flags_are_looked_at_before_others_are_waited_for(tmp_path):
    pytest.importorskip("jax")
    named = environment(NUM_PROCESSES="2", PROCESS_ID="1", JOB_ADDRESSES="localhost:1")
    done = subprocess.run(
        command(tmp_path, "--nonsense"), cwd=ROOT, env=named, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1 and "--nonsense" in done.stderr
