"""A run folder that can be trusted: what is in it is of this run, whole, and safe from the next one."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import vamp_core as vc
from vamp_core.system.owner import owner_of
from vamp_core.training.history import from_csv, read_history
from vamp_core.training.recorder import RunRecorder, TrainingDiverged
from vamp_core.training.run_folder import RunFolder

ROOT = Path(__file__).parents[2]
SETTINGS = dict(data_set="digits", network="gated_mlp", latent_dim=2, precision="float32", epochs=3, batch_size=500)


def config(output, **settings):
    return vc.TrainingConfig(**{**SETTINGS, "output_dir": str(output), **settings})


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The output folder of a run of three epochs, and the weights it ended with."""
    output = tmp_path_factory.mktemp("finished")
    model, _, folder = vc.train(config(output))
    model.save(folder.path / "model.keras")
    return output, model.get_weights()


@pytest.fixture
def output(finished, tmp_path):
    """A copy of it."""
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    return tmp_path


def folder_of(output, **settings):
    return RunFolder(config(output, resume=True, **settings))


def content(folder):
    return {path.name: path.read_bytes() for path in folder.path.iterdir()}


def refused(output, message, **settings):
    with pytest.raises(vc.InputError, match=message):
        vc.train(config(output, **{"resume": True, **settings}))


def command(output, *flags):
    settings = [part for name, value in SETTINGS.items() for part in (f"--{name}", str(value))]
    return [sys.executable, "-u", "train.py", *settings, "--output_dir", str(output), *map(str, flags)]


# -- one run in the place of another -------------------------------------------------------


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


def test_a_folder_without_its_record_is_not_taken_up(output):
    folder_of(output).config_file.unlink()
    refused(output, "config.json is missing or not the record of a run")
    refused(output, "already holds a run", resume=False)
    _, _, folder = vc.train(config(output, lr=0.05, overwrite=True))
    assert folder.read_history()["learning_rate"] == pytest.approx([0.05] * 3)


# -- what is damaged, or another run's -----------------------------------------------------


@pytest.mark.parametrize("settings", [dict(lr=0.01), dict(seed=1), dict(prior="mog", num_components=5)])
def test_a_checkpoint_of_another_run_is_refused(output, tmp_path, settings):
    _, _, other = vc.train(config(tmp_path / "other", **settings))
    newest = folder_of(output).checkpoints()[3]
    shutil.copy(other.checkpoints()[3], newest)
    refused(output, f"{newest.name} is of a run with other settings: delete it and --resume from the one before")
    newest.unlink()
    vc.train(config(output, resume=True))


def test_a_checkpoint_of_another_epoch_is_refused(output):
    checkpoints = folder_of(output).checkpoints()
    shutil.copy(checkpoints[2], checkpoints[3])
    refused(output, "is of epoch 2, not 3")


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9, 0.999])
def test_one_flipped_bit_is_found(output, place):
    newest = folder_of(output).checkpoints()[3]
    damaged = bytearray(newest.read_bytes())
    damaged[int(place * len(damaged))] ^= 1
    newest.write_bytes(damaged)
    refused(output, "cannot be read, it may be damaged: delete it")


@pytest.mark.parametrize("rest", [0, 10, 100_000, -40])
def test_a_cut_checkpoint_is_found(output, rest):
    newest = folder_of(output).checkpoints()[3]
    newest.write_bytes(newest.read_bytes()[:rest])
    refused(output, f"{newest.name} .* may be damaged: delete it")


@pytest.mark.parametrize("text", ["", "epoch,loss\r\n1,2\r\n", "nonsense", "epoch,loss\r\n1,2\r\n2", "\0\xff"])
def test_the_history_is_recovered_from_the_checkpoint(output, text):
    folder = folder_of(output)
    before = folder.read_history()
    folder.history_file.write_text(text, encoding="latin-1")
    assert folder.read_history() == before
    vc.train(config(output, resume=True))
    assert read_history(folder.history_file) == before


@pytest.mark.parametrize(
    "text", ["", "loss\r\n1\r\n", "epoch,loss\r\n1,2\r\n3,1\r\n", "epoch,loss\r\n1\r\n", "epoch,loss\r\n1,x\r\n", "1"]
)
def test_a_text_that_is_no_history_is_told(text, tmp_path):
    (tmp_path / "history.csv").write_text(text)
    with pytest.raises(vc.InputError, match="history.csv"):
        read_history(tmp_path / "history.csv")
    assert from_csv("epoch,loss\r\n1,nan\r\n", "text")["epoch"] == [1.0]


@pytest.mark.parametrize(
    "record",
    [b"[]", b"null", b"3", b"{}", b'{"experiment": []}', b'{"experiment": {}}', b'{"experiment": {}, "sessions": 1}',
     b"\xff\xfe", b"{", b"[" * 100_000],
)  # fmt: skip
def test_a_file_that_is_no_record_is_told(output, record):
    folder_of(output).config_file.write_bytes(record)
    refused(output, "config.json is missing or not the record of a run")


def test_a_record_that_was_changed_by_hand_is_told(output):
    file = folder_of(output).config_file
    record = json.loads(file.read_text())
    record["experiment"]["lr"] = 0.05
    file.write_text(json.dumps(record))
    with pytest.raises(vc.InputError, match="was changed after the run was begun"):
        folder_of(output, lr=0.05)


def test_a_run_from_before_there_were_seals_goes_on(output, finished):
    folder = folder_of(output)
    record = json.loads(folder.config_file.read_text())
    del record["fingerprint"]
    folder.config_file.write_text(json.dumps(record))
    for path in folder.checkpoints().values():
        sealed = path.read_bytes()
        length = int.from_bytes(sealed[-48:-40], "big")
        path.write_bytes(sealed[: -48 - length])
    again, _, folder = vc.train(config(output, resume=True))
    for ours, theirs in zip(again.get_weights(), finished[1], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    folder.checkpoints()[3].unlink()
    vc.train(config(output, resume=True))
    assert folder.read_history()["epoch"] == [1, 2, 3]
    folder.history_file.write_text("epoch,loss\r\n1,2\r\n")
    folder.checkpoints()[3].unlink()
    refused(output, "holds 1 epochs of the 2 that were trained")


# -- numbers that are none -----------------------------------------------------------------


def with_losses(monkeypatch, losses):
    end_of_epoch = RunRecorder.on_epoch_end

    def scripted(recorder, epoch, logs):
        end_of_epoch(recorder, epoch, {**logs, "val_loss": losses[epoch]})

    monkeypatch.setattr(RunRecorder, "on_epoch_end", scripted)


def test_a_validation_loss_that_is_nan_is_never_the_best(tmp_path, monkeypatch):
    with_losses(monkeypatch, [543.0, np.nan, 541.8, 540.1, 545.0])
    settings = dict(epochs=5, early_stopping=3, validation_images=300)
    model, _, _ = vc.train(config(tmp_path, **settings))
    again, _, _ = vc.train(config(tmp_path, **settings, resume=True))
    fourth = config(tmp_path / "four", **{**settings, "epochs": 4})
    straight, _, _ = vc.train(fourth)
    for ours, theirs, best in zip(model.get_weights(), again.get_weights(), straight.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(ours, best)


def test_a_training_that_ends_in_nan_is_told(tmp_path, monkeypatch):
    with_losses(monkeypatch, [543.0, 542.0, np.nan])
    with pytest.raises(TrainingDiverged, match="validation loss became nan in epoch 3.*2 finished epochs are kept"):
        vc.train(config(tmp_path))
    assert max(folder_of(tmp_path).checkpoints()) == 2


def test_weights_that_the_last_step_ruined_replace_no_checkpoint(tmp_path, monkeypatch):
    end_of_epoch = RunRecorder.on_epoch_end

    def ruined(recorder, epoch, logs):
        if epoch == 2:
            weight = recorder.model.trainable_variables[0]
            weight.assign(np.full(weight.shape, np.nan))
        end_of_epoch(recorder, epoch, logs)

    monkeypatch.setattr(RunRecorder, "on_epoch_end", ruined)
    with pytest.raises(TrainingDiverged, match="Weights became NaN or infinite in epoch 3: 2 finished epochs"):
        vc.train(config(tmp_path))
    assert max(folder_of(tmp_path).checkpoints()) == 2


def test_best_weights_that_are_lost_are_told(tmp_path):
    settings = dict(early_stopping=3, validation_images=300, epochs=4)
    _, _, folder = vc.train(config(tmp_path, **settings, lr=1e-2))
    assert folder.best_weights.exists()
    history = folder.read_history()
    best = 1 + int(np.argmin(history["val_loss"]))
    folder.best_weights.write_bytes(folder.best_weights.read_bytes()[:5000])
    settings |= dict(lr=1e-2, resume=True)
    if best == 4:  # then the newest checkpoint has them too
        vc.train(config(tmp_path, **settings))
    else:
        with pytest.raises(vc.InputError, match="The best epoch's weights are lost: .*best.weights.h5"):
            vc.train(config(tmp_path, **settings))


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


def test_a_full_disk_costs_no_finished_epoch(output):
    """A limit on the size of files is the disk that is full for this process alone."""
    folder = folder_of(output)
    folder.checkpoints()[3].unlink()
    before = content(folder)
    room = 200_000
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, old[1]))
    try:
        refused(output, "checkpoint-00003.weights.h5 cannot be written .*make room")
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


def test_interrupted_figures_are_told_as_an_interrupted_training(output):
    """Ctrl-C while the report is made."""
    process = subprocess.Popen(
        command(output, "--resume"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    metrics = folder_of(output).path / "metrics.json"
    give_up = time.monotonic() + 120
    while not metrics.exists() and process.poll() is None and time.monotonic() < give_up:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    told = process.communicate()[1]
    assert process.returncode == 1
    assert "Traceback" not in told and "interrupted" in told
