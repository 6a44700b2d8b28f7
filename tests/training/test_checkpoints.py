"""An epoch's files are written while the next epoch runs, and those of older versions are read still."""

import signal
import threading

import numpy as np
import pytest
from small_runs import config, folder_of, refused

import vamp_core as vc
from vamp_core.system.files import whole
from vamp_core.system.seals import read_seal, seal
from vamp_core.training import run_folder
from vamp_core.training.build import build_model, compile_model
from vamp_core.training.checkpoints import assign_state, read_state
from vamp_core.training.recorder import RunRecorder

SAVE = run_folder.save_state


def before_each_epoch(monkeypatch, do):
    begin = RunRecorder.on_epoch_begin

    def scripted(recorder, epoch, logs=None):
        do(epoch)
        begin(recorder, epoch, logs)

    monkeypatch.setattr(RunRecorder, "on_epoch_begin", scripted)


def test_the_next_epoch_waits_for_no_file(tmp_path, monkeypatch):
    begun = threading.Event()
    in_time = []

    def slow(state, path, *sealed):
        if path.name == "checkpoint-00001.npz":
            in_time.append(begun.wait(timeout=60))
        SAVE(state, path, *sealed)

    monkeypatch.setattr(run_folder, "save_state", slow)
    before_each_epoch(monkeypatch, lambda epoch: begun.set() if epoch == 1 else None)
    vc.train(config(tmp_path / "slow"))
    assert in_time == [True]
    folder = folder_of(tmp_path / "slow")
    assert list(folder.checkpoints()) == [2, 3]
    assert [read_seal(path)["epoch"] for path in folder.checkpoints().values()] == [2, 3]


def test_what_is_written_is_the_state_after_the_epoch_though_the_next_one_goes_on(tmp_path, monkeypatch):
    """The thread writes epoch 1 only when epoch 2 has changed all weights."""
    done = threading.Event()

    def late(state, path, *sealed):
        if path.name == "checkpoint-00001.npz":
            assert done.wait(timeout=60)
        SAVE(state, path, *sealed)

    def stop(recorder, batch, logs=None):
        if recorder.batches.epoch == 1:
            done.set()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run_folder, "save_state", late)
        patch.setattr(RunRecorder, "on_train_batch_end", stop)
        with pytest.raises(KeyboardInterrupt):
            vc.train(config(tmp_path / "stopped"))
    assert list(folder_of(tmp_path / "stopped").checkpoints()) == [1]
    resumed, _, _ = vc.train(config(tmp_path / "stopped", resume=True))
    straight, _, _ = vc.train(config(tmp_path / "straight"))
    for ours, theirs in zip(resumed.get_weights(), straight.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_an_interruption_while_a_file_is_waited_for_forgets_no_file(tmp_path, monkeypatch):
    folder = run_folder.RunFolder(config(tmp_path))
    written = threading.Event()
    monkeypatch.setattr(folder, "_write_epoch", lambda *epoch: written.wait(timeout=60))
    folder.save_epoch([], {"epoch": [1]})
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(run_folder.futures, "wait", lambda writing: signal.raise_signal(signal.SIGINT))
        folder.wait()
    threading.Timer(0.2, written.set).start()
    folder.wait()
    assert written.is_set()


def test_a_disk_that_fills_up_ends_the_training_one_epoch_later(tmp_path, monkeypatch):
    begun = []

    def full(state, path, *sealed):
        if path.name == "checkpoint-00002.npz":
            with whole(path):
                raise OSError(28, "No space left on device")
        SAVE(state, path, *sealed)

    before_each_epoch(monkeypatch, begun.append)
    with monkeypatch.context() as patch:
        patch.setattr(run_folder, "save_state", full)
        refused(tmp_path, r"checkpoint-00002.npz cannot be written \(No space left on device\)", epochs=5, resume=False)
    assert begun == [0, 1, 2]
    assert list(folder_of(tmp_path, epochs=5).checkpoints()) == [1]
    vc.train(config(tmp_path, epochs=5, resume=True))


@pytest.mark.parametrize("finished", [False, True])
def test_a_run_with_files_of_an_older_version_goes_on(tmp_path, monkeypatch, finished):
    end = RunRecorder.on_epoch_end

    def second_is_best(recorder, epoch, logs):
        end(recorder, epoch, {**logs, "val_loss": [543.0, 541.0, 542.0][epoch]})

    monkeypatch.setattr(RunRecorder, "on_epoch_end", second_is_best)
    settings = dict(early_stopping=5, validation_images=300)
    model, _, folder = vc.train(config(tmp_path, **settings))
    if not finished:
        folder.checkpoints()[3].unlink()
    for path in [*folder.path.glob("*.npz")]:
        as_before(path, config(tmp_path, **settings))
    assert not [*folder.path.glob("*.npz")]
    again, _, folder = vc.train(config(tmp_path, **settings, resume=True))
    for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert [path.suffix for path in folder.checkpoints().values()] == [".h5", ".h5" if finished else ".npz"]


def as_before(path, settings):
    """Puts a file as older versions wrote it in the place of `path`."""
    model = build_model(settings, (28, 28, 1))
    compile_model(model, settings, 3)
    state, record = read_state(model, path, settings.fingerprint(), None, must_be_sealed=True)
    assign_state(model, state)
    before = path.with_suffix(".weights.h5")
    model.save_weights(before)
    seal(before, record)
    path.unlink()
