"""Training runs: the flags, the run folder, resuming after a kill, and mistakes told in one sentence."""

import json
import os
import re
import runpy
import signal
import subprocess
import sys
import threading
import time
from dataclasses import fields
from pathlib import Path

import keras
import numpy as np
import pytest

import vamp_core as vc
from vamp_core.training.batches import Batches
from vamp_core.training.build import build_model, compile_model
from vamp_core.training.recorder import RunRecorder, TrainingDiverged
from vamp_core.training.report import report
from vamp_core.training.run_folder import RunFolder, read_history

ROOT = Path(__file__).parents[2]
# Small enough to train in seconds: scikit-learn's digits, one to four filters.
SMALL = dict(data_set="digits", network_size=0.125, num_components=10, precision="float32")


def config(tmp_path, **settings):
    return vc.TrainingConfig(**{**SMALL, "output_dir": str(tmp_path), "epochs": 2, **settings})


def flags(**settings):
    for name, value in settings.items():
        yield f"--{name}"
        if value is not True:
            yield str(value)


def command(tmp_path, **settings):
    arguments = flags(**{**SMALL, "output_dir": tmp_path, "epochs": 2, **settings})
    return [sys.executable, "-u", "train.py", *arguments]


def weights(model):
    return [np.asarray(weight) for weight in model.get_weights()]


# -- settings ------------------------------------------------------------------------------


def test_the_forerunners_ten_flags_keep_their_names_and_defaults():
    defaults = {field.name: field.default for field in fields(vc.TrainingConfig)}
    forerunner = dict(
        model="vae", prior="standard", lr=1e-4, epochs=250, batch_size=256, data_set="mnist",
        latent_dim=2, network_size=4, activation="relu", gs_key=None,
    )  # fmt: skip
    assert {name: defaults[name] for name in forerunner} == forerunner
    assert vc.TrainingConfig.from_flags([]) == vc.TrainingConfig()


def test_flags_and_fields_are_the_same_settings():
    given = dict(
        model="hvae", prior="vamp", lr=0.002, epochs=7, batch_size=32, data_set="fashion_mnist", latent_dim=4,
        network_size=16, activation="swish", gs_key="grid", resume=True,
    )  # fmt: skip
    parsed = vc.TrainingConfig.from_flags([*flags(**given), "--decoder_trunk", "256", "128"])
    assert parsed == vc.TrainingConfig(**given, decoder_trunk=(256, 128))
    assert parsed.training_id == "fashionmnist_hvae_vamp_bs32_dim4_factor16.0_epochs7"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--model gan", "--model is 'gan'; choose one of vae, hvae"),
        ("--prior vampire", "--prior is 'vampire'; choose one of standard, vamp"),
        ("--data_set cifar", "--data_set is 'cifar'"),
        ("--activation rellu", "activation is 'rellu'"),
        ("--model hvae --latent_dim 3", "latent_dim is 3.*even"),
        ("--epochs 0", "--epochs is 0; choose a positive"),
        ("--batch_size -1", "--batch_size is -1"),
        ("--latent_dim 0", "--latent_dim is 0"),
        ("--network_size 0", "--network_size is 0.0"),
        ("--network_size 0.1", "network_size is 0.1.*0.125 or more"),
        ("--lr nan", "--lr is nan"),
        ("--lr fast", "argument --lr: invalid float value: 'fast'"),
        ("--num_components 0", "--num_components is 0"),
        ("--iwae_samples 0", "--iwae_samples is 0"),
        ("--seed -1", "--seed is -1"),
        ("--clip_norm -1", "--clip_norm is -1"),
        ("--clip_norm nan", "--clip_norm is nan"),
        ("--decoder_trunk 256 0", r"--decoder_trunk is \(256, 0\)"),
        ("--logvar_range 2 -6", r"--logvar_range is \(2.0, -6.0\)"),
        ("--precision float8", "--precision is 'float8'"),
        ("--early_stopping 5", "--validation_images"),
        ("--lr_warmup_epochs 9 --epochs 9", "--lr_warmup_epochs is 9 of 9"),
        ("--recipe paper --epochs 9", "--warmup_epochs is 100 of 9"),
        ("--gs_key a/b", "--gs_key is 'a/b'"),
        ("--resume --overwrite", "give one of them"),
        ("--learning_rate 1", "unrecognized arguments: --learning_rate 1"),
    ],
)
def test_settings_that_cannot_work_are_named(arguments, message):
    with pytest.raises(vc.InputError, match=message):
        vc.TrainingConfig.from_flags(arguments.split())


# -- the run folder ------------------------------------------------------------------------


def test_a_run_leaves_its_record_and_figures_and_prints_them(tmp_path):
    result = subprocess.run(
        command(tmp_path, model="hvae", prior="vamp", gs_key="grid"),
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    name = "digits_hvae_vamp_bs256_dim2_factor0.125_epochs2"
    folder = tmp_path / "grid" / name
    written = {path.name for path in folder.iterdir()}
    figures = ("reconmanifold", "embedding_z", "losshistory", "samples", "manifold", "pseudo_inputs")
    assert {"config.json", "history.csv", "metrics.json", "embedding.npz", "model.keras", "digits_input.png"} <= written
    assert {f"{name}_{figure}.png" for figure in figures} <= written
    assert not any(file.startswith(".") for file in written)
    assert all(str(folder / file) in result.stdout for file in written if "checkpoint" not in file)

    record = json.loads((folder / "config.json").read_text())
    assert record["experiment"]["prior"] == "vamp"
    assert record["sessions"][0]["precision"] == "float32"
    metrics = json.loads((folder / "metrics.json").read_text())
    assert f"Test ELBO {metrics['test_elbo']:.2f} nats" in result.stdout
    history = read_history(folder / "history.csv")
    assert history["epoch"] == [1, 2]
    assert history["learning_rate"] == pytest.approx([1e-4, 1e-4])
    data = vc.load_data("digits")
    model = keras.saving.load_model(folder / "model.keras")
    assert vc.mean_elbo(model, data.x_test)["elbo"] == pytest.approx(metrics["test_elbo"], rel=1e-5)
    embedding = np.load(folder / "embedding.npz")
    np.testing.assert_allclose(embedding["mean"], model.encode(data.x_test)[0], atol=1e-5)
    np.testing.assert_array_equal(embedding["labels"], data.y_test)


@pytest.mark.thorough
def test_a_run_is_neither_replaced_nor_mixed_with_another(tmp_path):
    vc.train(config(tmp_path, epochs=1))
    with pytest.raises(vc.InputError, match="already holds a run: add --resume"):
        vc.train(config(tmp_path, epochs=1))
    with pytest.raises(vc.InputError, match=r"other settings \(--lr 0.0001 → 0.1\)"):
        vc.train(config(tmp_path, epochs=1, lr=0.1, resume=True))
    # A record from before a setting came: the run was made with its default.
    record = RunFolder(config(tmp_path, epochs=1, resume=True)).config_file
    content = json.loads(record.read_text())
    del content["experiment"]["iwae_samples"]
    record.write_text(json.dumps(content))
    RunFolder(config(tmp_path, epochs=1, resume=True))
    with pytest.raises(vc.InputError, match=r"other settings \(--iwae_samples 1 → 5\)"):
        RunFolder(config(tmp_path, epochs=1, iwae_samples=5, resume=True))
    _, _, folder = vc.train(config(tmp_path, epochs=1, lr=0.1, overwrite=True))
    assert json.loads(folder.config_file.read_text())["experiment"]["lr"] == 0.1


@pytest.mark.thorough
def test_a_killed_run_resumes_to_the_weights_of_an_uninterrupted_one(tmp_path):
    """SIGKILL in the middle of the second epoch, every kind of schedule on, then --resume."""
    settings = dict(
        model="hvae", prior="vamp", epochs=3, batch_size=16, binarize="dynamic", lr=1e-3,
        lr_schedule="cosine", lr_warmup_epochs=1, warmup_epochs=2, turns=5,
    )  # fmt: skip
    process = subprocess.Popen(
        command(tmp_path / "killed", **settings), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    folder = RunFolder(config(tmp_path / "killed", **settings))
    give_up = time.monotonic() + 240
    while 1 not in folder.checkpoints() and time.monotonic() < give_up:
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)
    time.sleep(0.1)  # some steps into the second epoch
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert max(folder.checkpoints()) == 1, "the run went on past the epoch it was to be killed in"

    resumed, _, folder = vc.train(config(tmp_path / "killed", resume=True, **settings))
    straight, _, other = vc.train(config(tmp_path / "straight", **settings))
    for after_kill, uninterrupted in zip(weights(resumed), weights(straight), strict=True):
        np.testing.assert_array_equal(after_kill, uninterrupted)
    assert folder.read_history()["val_loss"] == other.read_history()["val_loss"]
    assert [s["first_epoch"] for s in json.loads(folder.config_file.read_text())["sessions"]] == [1, 2]


def test_a_finished_run_resumes_to_itself(tmp_path):
    first, _, _ = vc.train(config(tmp_path))
    again, _, folder = vc.train(config(tmp_path, resume=True))
    for before, after in zip(weights(first), weights(again), strict=True):
        np.testing.assert_array_equal(after, before)
    assert folder.read_history()["epoch"] == [1, 2]


@pytest.mark.thorough
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_serves(tmp_path):
    _, _, folder = vc.train(config(tmp_path, epochs=3))
    newest = folder.checkpoints()[3]
    newest.write_bytes(newest.read_bytes()[:1000])
    (folder.path / ".partial-checkpoint-00004.npz").write_bytes(b"cut short")
    with pytest.raises(vc.InputError, match=re.escape(newest.name) + ".*delete it and --resume"):
        vc.train(config(tmp_path, epochs=3, resume=True))
    newest.unlink()
    _, _, folder = vc.train(config(tmp_path, epochs=3, resume=True))
    assert folder.read_history()["epoch"] == [1, 2, 3]


@pytest.mark.parametrize("prior", ["standard", "vamp"])
def test_steps_taken_together_are_the_steps_taken_alone(prior, tmp_path, monkeypatch):
    """23 steps an epoch, the last one of fewer images, and each time seven left over of eight at a time."""
    found = []
    for steps in (8, 1):
        monkeypatch.setattr("vamp_core.training.build.STEPS_TOGETHER", steps)
        settings = dict(prior=prior, turns=2, batch_size=64, lr=1e-3)
        model, _, folder = vc.train(config(tmp_path / str(steps), **settings))
        found.append((weights(model), folder.read_history()))
    (together, history), (alone, expected) = found
    for ours, theirs in zip(together, alone, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    for name in ("loss", "kl", "val_elbo", "learning_rate"):
        np.testing.assert_allclose(history[name], expected[name], rtol=1e-5)


@pytest.mark.thorough
def test_a_loss_that_is_lost_keeps_the_last_good_checkpoint(tmp_path, monkeypatch):
    """Learning rate 1e30 from the second epoch on: the process ends with one sentence and exit status 1."""
    settings = dict(lr=1e30, lr_warmup_epochs=1, epochs=3, batch_size=1500)
    result = subprocess.run(command(tmp_path, **settings), cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    told = r"train.py: error: The loss became (nan|inf|-inf) by step 1 of epoch \d: 1 finished epochs are kept"
    assert re.search(told, result.stderr)
    monkeypatch.setattr("vamp_core.training.recorder.RunRecorder.on_train_batch_end", diverge_in_second_epoch)
    with pytest.raises(TrainingDiverged):
        vc.train(config(tmp_path / "kept"))
    assert list(RunFolder(config(tmp_path / "kept", resume=True)).checkpoints()) == [1]


def diverge_in_second_epoch(recorder, batch, logs=None):
    waits = threading.current_thread() is threading.main_thread()
    assert waits == (keras.backend.backend() == "tensorflow")  # on which Keras looks at each step itself
    if recorder.batches.epoch == 1:
        raise TrainingDiverged("lost")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(prior="vamp", num_components=1501), "--num_components is 1501, but there are only 1500"),
        (dict(validation_images=1500), "--validation_images is 1500"),
        (dict(output_dir="/proc/no/such/folder"), "cannot be written to"),
        (dict(data_set="mnist", data_dir="no/such/folder"), "no/such/folder"),
    ],
)
def test_the_command_line_tells_mistakes_in_one_sentence(tmp_path, settings, message, monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", command(tmp_path, **settings)[2:])
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit, match=re.escape(message)) as exit:
        runpy.run_path("train.py", run_name="__main__")
    # Python prints a string that a programme exits with on the error stream, and ends with status 1.
    assert isinstance(exit.value.code, str) and len(exit.value.code.splitlines()) == 1
    assert capfd.readouterr().err == ""


@pytest.mark.thorough
def test_early_stopping_keeps_the_best_epoch(tmp_path, monkeypatch):
    """The validation loss falls for two epochs and rises after: three of patience make five epochs in all."""
    losses = [3.0, 2.0, 2.5, 2.6, 2.7, 1.0]
    saved = {}
    end_of_epoch = RunRecorder.on_epoch_end

    def scripted(recorder, epoch, logs):
        saved[epoch] = recorder.model.get_weights()
        end_of_epoch(recorder, epoch, {**logs, "val_loss": losses[epoch]})

    monkeypatch.setattr("vamp_core.training.recorder.RunRecorder.on_epoch_end", scripted)
    settings = dict(epochs=6, early_stopping=3, validation_images=300)
    model, _, folder = vc.train(config(tmp_path, **settings))
    assert len(folder.read_history()["epoch"]) == 5
    for kept, best in zip(weights(model), saved[1], strict=True):
        np.testing.assert_array_equal(kept, best)
    again, _, _ = vc.train(config(tmp_path, resume=True, **settings))  # nothing is trained further
    assert 5 not in saved
    assert all(np.array_equal(a, b) for a, b in zip(weights(again), saved[1], strict=True))


def test_importance_samples_tighten_the_training_loss_only(tmp_path):
    settings = config(tmp_path, iwae_samples=4, epochs=1)
    _, _, folder = vc.train(settings)
    history = folder.read_history()
    assert history["loss"][0] < -history["elbo"][0]
    assert history["val_loss"] == pytest.approx([-history["val_elbo"][0]], rel=1e-6)


@pytest.mark.thorough
def test_learning_rate_rises_and_falls(tmp_path):
    settings = dict(epochs=4, lr=1e-3, lr_schedule="cosine", lr_warmup_epochs=1)
    _, _, folder = vc.train(config(tmp_path, **settings))
    rates = folder.read_history()["learning_rate"]
    np.testing.assert_allclose(rates, [1e-3, 0.75e-3, 0.25e-3, 0.0], atol=1e-5)


@pytest.mark.parametrize(("clip_norm", "limit"), [(0.0, None), (2.5, 2.5)])
def test_the_gradients_norm_has_a_limit_if_one_is_given(tmp_path, clip_norm, limit):
    settings = config(tmp_path, clip_norm=clip_norm)
    model = build_model(settings, (8, 8, 1))
    compile_model(model, settings, steps_per_epoch=1)
    assert model.optimizer.global_clipnorm == limit


# -- batches and models --------------------------------------------------------------------


def test_an_epochs_batches_are_a_permutation_that_seed_and_epoch_decide():
    images = np.arange(10, dtype="float32").reshape(10, 1, 1, 1) / 10

    def order(seed, epoch):
        batches = Batches(images, 4, seed)
        batches.begin_epoch(epoch)
        return np.concatenate([batches[i][0] for i in range(len(batches))]).ravel()

    assert len(Batches(images, 4, 0)) == 3
    np.testing.assert_array_equal(np.sort(order(0, 0)), images.ravel())
    np.testing.assert_array_equal(order(0, 1), order(0, 1))
    assert not np.array_equal(order(0, 0), order(0, 1))
    assert not np.array_equal(order(0, 1), order(1, 1))


def test_dynamic_binarization_draws_new_ink_each_epoch_and_static_does_not():
    images = np.full((200, 4, 4, 1), 0.3, "float32")
    batches = Batches(images, 200, seed=0, redraw=True)
    first = batches[0][0]
    batches.begin_epoch(1)
    second = batches[0][0]
    assert set(np.unique(first)) == {0.0, 1.0}
    assert first.mean() == pytest.approx(0.3, abs=0.03)
    assert not np.array_equal(first, second)


def test_equal_seeds_give_equal_models(tmp_path):
    first, second, other = (
        weights(build_model(config(tmp_path, prior="mog", seed=seed), (28, 28, 1))) for seed in (1, 1, 2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("network", ["gated_mlp", "gated_conv"])
def test_the_papers_networks_are_built_by_their_flag(tmp_path, network):
    settings = config(tmp_path, model="hvae", network=network, latent_dim=8, likelihood="learned_gaussian")
    model = build_model(settings, (28, 28, 1))
    assert settings.training_id == f"digits_hvae_standard_bs256_dim8_{network}_epochs2"
    assert model.encoder.output_shape == [(None, 4), (None, 4)]
    assert model.decoder.output_shape == (None, 28, 28, 2)


@pytest.mark.thorough
@pytest.mark.parametrize("prior", ["vamp_data", "mog"])
def test_the_other_priors_train_and_report(tmp_path, prior):
    settings = config(tmp_path, prior=prior, epochs=1)
    model, data, folder = vc.train(settings)
    metrics, paths = report(model, data, folder, settings)
    assert np.isfinite(metrics["test_elbo"])
    assert all(path.exists() for path in paths)
    if prior == "vamp_data":
        start = vc.VampPrior(10)
        start.connect(2, model.encoder, (28, 28, 1))
        start.adapt(data.x_train, seed=0)
        np.testing.assert_array_equal(*(vc.as_numpy(m.pseudo_inputs) for m in (model.prior, start)))
