"""What is damaged in a run folder, or another run's, or no number, is told and never published."""

import json
import shutil

import numpy as np
import pytest
from small_runs import config, folder_of, refused

import vamp_core as vc
from vamp_core.training.history import from_csv, read_history
from vamp_core.training.recorder import RunRecorder, TrainingDiverged

# -- what is damaged, or another run's -----------------------------------------------------


@pytest.mark.thorough
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


@pytest.mark.thorough
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


@pytest.mark.thorough
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


@pytest.mark.thorough
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
        with pytest.raises(vc.InputError, match="The best epoch's weights are lost: .*best.npz"):
            vc.train(config(tmp_path, **settings))
