"""Runs on several devices: refused where they cannot work, and gone on with on another number of them."""

import numpy as np
import pytest
import virtual_devices
from small_runs import config

import vamp_core as vc
from vamp_core.training import train as training


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("0", "--devices is 0; choose a positive number"),
        ("-1", "--devices is -1; choose a positive number"),
        ("abc", "--devices is 'abc'; give a whole number, or all"),
        ("1.5", "--devices is '1.5'; give a whole number, or all"),
        ("99999", "--devices is 99999; choose a positive number, at most 10,000"),
    ],
)
def test_a_number_of_devices_that_cannot_be(flag, message):
    with pytest.raises(vc.InputError, match=message):
        vc.TrainingConfig.from_flags(["--devices", flag])


@pytest.mark.parametrize("given", [None, [1], 1.5, True])
def test_a_number_of_devices_that_is_none(given):
    with pytest.raises(vc.InputError, match="--devices is"):
        vc.TrainingConfig(devices=given)


def test_devices_do_not_make_another_run():
    assert vc.TrainingConfig(devices=8).fingerprint() == vc.TrainingConfig(devices="all").fingerprint()
    assert vc.TrainingConfig.from_flags(["--devices", "2"]).devices == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(batch_size=255), "--batch_size is 255, which 4 devices cannot share alike: .* instance 252"),
        (dict(batch_size=3), "--batch_size is 3, which 4 devices cannot share alike: .* instance 4"),
        (dict(batch_size=256, jit="on"), "--jit is on, but with TensorFlow the 4 devices train without XLA"),
    ],
)
def test_settings_that_devices_cannot_share_are_refused_before_any_work(settings, message, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "number_of_devices", lambda devices: 4)
    monkeypatch.setattr(training.keras.backend, "backend", lambda: "tensorflow")
    with pytest.raises(vc.InputError, match=message):
        vc.train(config(tmp_path / "runs", devices=4, **settings))
    assert not (tmp_path / "runs").exists()


RUNS = """
import json
import numpy as np, vamp_core as vc
from small_runs import config
from vamp_core.training.recorder import RunRecorder

OUTPUT = sys.argv[2].removesuffix(".npz")
SETTINGS = dict(prior="vamp", num_components=20, turns=2, binarize="dynamic", warmup_epochs=2, lr=1e-3,
                validation_images=201, early_stopping=3, batch_size=500)
own = RunRecorder.on_epoch_end

def train(devices, name, until=None, **settings):
    def stopping(self, epoch, logs=None):
        own(self, epoch, logs)
        if epoch + 1 == until:
            raise KeyboardInterrupt
    RunRecorder.on_epoch_end = stopping
    try:
        model, _, folder = vc.train(config(OUTPUT, gs_key=name, devices=devices, resume=True, **SETTINGS))
    except KeyboardInterrupt:
        return
    sessions = json.loads(folder.config_file.read_text())["sessions"]
    results[f"{name} devices"] = [session["devices"] for session in sessions]
    results[f"{name} first epoch"] = [session["first_epoch"] for session in sessions]
    history = folder.read_history()
    results[f"{name} history"] = [history[column] for column in ("loss", "elbo", "val_elbo", "beta")]
    results[f"{name} pseudo-inputs"] = model.prior.pseudo_inputs

results = {}
train(1, "one")
train(1, "changing", until=1)
train("all", "changing", until=2)
train(1, "changing")
np.savez(sys.argv[2], **results)
"""


@pytest.mark.thorough
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_run_goes_on_with_more_devices_and_with_fewer(backend, tmp_path):
    pytest.importorskip(backend)
    found = virtual_devices.run(RUNS, 2, backend, tmp_path)
    assert found["changing devices"].tolist() == [1, 2, 1] and found["one devices"].tolist() == [1]
    assert found["changing first epoch"].tolist() == [1, 2, 3]
    loss, elbo, val_elbo, beta = found["changing history"]
    assert loss[2] == pytest.approx(-elbo[2], rel=1e-5)  # after the warm-up
    np.testing.assert_array_equal(beta, found["one history"][3])
    # On TensorFlow the second replica has other noise, which is all that differs.
    tolerance = 1e-4 if backend == "jax" else 0.02
    np.testing.assert_allclose(found["changing history"], found["one history"], rtol=tolerance)
    np.testing.assert_allclose(found["changing pseudo-inputs"], found["one pseudo-inputs"], atol=20 * tolerance)


STOPS = """
import numpy as np, vamp_core as vc
from small_runs import config
from vamp_core.training.recorder import RunRecorder

own, losses, saved = RunRecorder.on_epoch_end, [3.0, 2.0, 2.5, 2.6, 1.0], []

def scripted(recorder, epoch, logs):
    saved.append(recorder.model.get_weights())
    own(recorder, epoch, {**logs, "val_loss": losses[epoch]})

RunRecorder.on_epoch_end = scripted
settings = dict(epochs=5, early_stopping=2, validation_images=300, prior="vamp", num_components=20)
model, _, folder = vc.train(config(sys.argv[2].removesuffix(".npz"), devices="all", **settings))
kept = {f"kept {place}": weight for place, weight in enumerate(model.get_weights())}
best = {f"best {place}": weight for place, weight in enumerate(saved[1])}
np.savez(sys.argv[2], epochs=folder.read_history()["epoch"], **kept, **best)
"""


@pytest.mark.thorough
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_run_on_two_devices_stops_early_and_keeps_the_best_epoch(backend, tmp_path):
    pytest.importorskip(backend)
    found = virtual_devices.run(STOPS, 2, backend, tmp_path)
    assert found["epochs"].tolist() == [1, 2, 3, 4]
    kept = [name for name in found if name.startswith("kept")]
    assert kept
    for name in kept:
        np.testing.assert_array_equal(found[name], found[name.replace("kept", "best")])
