"""One run in the place of another, one owner at a time, and a disk that is full."""

import json
import os
import resource
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_runs import SETTINGS, config, content, folder_of, refused

import vamp_core as vc
from vamp_core.system.owner import owner_of
from vamp_core.training.recorder import TrainingDiverged
from vamp_core.training.run_folder import RunFolder

ROOT = Path(__file__).parents[2]


def command(output, *flags):
    settings = [part for name, value in SETTINGS.items() for part in (f"--{name}", str(value))]
    return [sys.executable, "-u", "train.py", *settings, "--output_dir", str(output), *map(str, flags)]


# -- one run in the place of another -------------------------------------------------------


@pytest.mark.thorough
@pytest.mark.parametrize(
    "settings",
    [
        dict(start_from="typo.keras"),
        dict(validation_images=1500),
        dict(prior="vamp", num_components=1501),
        dict(batch_size=1500, lr=1e30),  # lost in its second epoch, and its first is no state to keep
        dict(encoder_trunk=(100_000, 100_000, 100_000), network="conv"),
    ],
)
def test_an_old_run_outlives_a_new_one_that_comes_to_nothing(output, settings):
    folder = RunFolder(config(output, overwrite=True, **settings))
    if not folder.config_file.exists():  # a run of another name, but not of another place
        shutil.copytree(folder_of(output).path, folder.path, dirs_exist_ok=True)
    before = content(folder)
    with pytest.raises((vc.InputError, TrainingDiverged)):
        vc.train(config(output, overwrite=True, **settings))
    assert content(folder) == before
    assert {path.name for path in folder.place.parent.iterdir() if path.name.startswith(".")} == set()


@pytest.mark.thorough
def test_a_new_run_can_start_at_the_model_of_the_one_that_it_overwrites(output, finished):
    start = folder_of(output).path / "model.keras"
    model, _, folder = vc.train(config(output, lr=1e-30, start_from=str(start), overwrite=True))
    for ours, theirs in zip(model.get_weights(), finished[1], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-20)
    assert json.loads(folder.config_file.read_text())["experiment"]["lr"] == 1e-30
    assert not (folder.path / "model.keras").exists()


def test_a_kill_between_two_runs_leaves_the_old_one(output):
    folder = folder_of(output)
    before = content(folder)
    folder.place.rename(folder.place.with_name(f".{folder.place.name}.old"))  # killed in the middle of `_take_place`
    folder.place.with_name(f".{folder.place.name}.new").mkdir()
    vc.train(config(output, resume=True))
    assert content(folder).keys() == before.keys()
    assert [path.name for path in folder.place.parent.iterdir()] == [folder.place.name]


def test_a_folder_that_is_a_link_is_overwritten_where_it_leads(output, tmp_path):
    place = folder_of(output).place
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    vc.train(config(output, epochs=3, lr=0.01, overwrite=True))
    assert place.is_symlink()
    assert json.loads((tmp_path / "elsewhere" / "config.json").read_text())["experiment"]["lr"] == 0.01


@pytest.mark.thorough
def test_a_folder_without_its_record_is_not_taken_up(output):
    folder_of(output).config_file.unlink()
    refused(output, "config.json is missing or not the record of a run")
    refused(output, "already holds a run", resume=False)
    _, _, folder = vc.train(config(output, lr=0.05, overwrite=True))
    assert folder.read_history()["learning_rate"] == pytest.approx([0.05] * 3)


# -- one owner, and a disk that is full ----------------------------------------------------


def test_a_folder_has_one_owner(output):
    folder = folder_of(output)
    with owner_of(folder.place), pytest.raises(vc.InputError, match=f"in use by process {os.getpid()} on "):
        vc.train(config(output, resume=True))
    lock = folder.place.with_name(f".{folder.place.name}.lock")
    assert not lock.exists()
    lock.write_text("process 1 on elsewhere\n")  # left by a machine that lost its power
    vc.train(config(output, resume=True))
    assert not lock.exists()


@pytest.mark.thorough
def test_of_two_commands_started_together_one_trains_and_one_is_told(tmp_path):
    quiet = dict(cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    both = [subprocess.Popen(command(tmp_path, "--lr", lr, "--epochs", 20), **quiet) for lr in (1e-3, 1e-2)]
    told = [process.communicate()[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1], told
    winner, loser = sorted(range(2), key=lambda i: both[i].returncode)
    assert "Traceback" not in told[loser]
    assert "in use by process" in told[loser] or "already holds a run" in told[loser]
    rates = RunFolder(config(tmp_path, epochs=20, lr=(1e-3, 1e-2)[winner], resume=True)).read_history()
    assert rates["learning_rate"] == pytest.approx([(1e-3, 1e-2)[winner]] * 20)


@pytest.mark.thorough
def test_a_full_disk_costs_no_finished_epoch(output):
    """A limit on the size of files is the disk that is full for this process alone."""
    folder = folder_of(output)
    folder.checkpoints()[3].unlink()
    before = content(folder)
    room = 200_000
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, old[1]))
    try:
        refused(output, "checkpoint-00003.npz cannot be written .*make room")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert content(folder).keys() == before.keys()
    vc.train(config(output, resume=True))
    assert max(folder.checkpoints()) == 3


def test_what_kills_left_unfinished_is_swept(output):
    folder = folder_of(output)
    (folder.path / ".partial-0-model.keras").write_bytes(b"cut short")
    vc.train(config(output, resume=True))
    assert not list(folder.path.glob(".partial-*"))


def test_interrupted_figures_are_told_as_an_interrupted_training(output, monkeypatch):
    """Ctrl-C while the report is made, which from outside could come too late."""

    def interrupted(*_):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr("vamp_core.training.report.figures", interrupted)
    monkeypatch.setattr(sys, "argv", command(output, "--resume")[2:])
    with pytest.raises(SystemExit, match="interrupted; finished epochs are kept"):
        runpy.run_path(str(ROOT / "train.py"), run_name="__main__")
