"""A training that starts at a trained model: what it takes over, what it leaves, and what it refuses."""

import zipfile

import keras
import numpy as np
import pytest

import vamp_core as vc
from vamp_core.models import MODELS
from vamp_core.training.build import build_model
from vamp_core.training.warm_start import warm_start

SHAPE = (8, 8, 1)
SMALL = dict(network_size=0.125, num_components=5)


def model_with(kind, prior, seed, **settings):
    model = build_model(vc.TrainingConfig(**{**SMALL, "model": kind, "prior": prior, "seed": seed, **settings}), SHAPE)
    if isinstance(model.prior, vc.VampPrior):
        model.prior.adapt(np.random.default_rng(seed).random((20, *SHAPE)), seed)
    return model


def prior_weights(model):
    """The weights that are the prior's alone, not the encoder's that it shares."""
    names = ("pseudo_inputs", "means", "logvars")
    return [vc.as_numpy(getattr(model.prior, name)) for name in names if hasattr(model.prior, name)]


@pytest.fixture(params=list(MODELS))
def kind(request):
    return request.param


@pytest.fixture
def trained(kind):
    return model_with(kind, "vamp", seed=1)


@pytest.fixture
def file(trained, tmp_path):
    trained.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


@pytest.mark.parametrize("prior", ["standard", "vamp", "mog"])
def test_all_networks_are_taken_over_and_a_prior_that_is_alike(kind, prior, tmp_path):
    trained = model_with(kind, prior, seed=1)
    trained.save(tmp_path / "model.keras")
    model = model_with(kind, prior, seed=2)
    assert any((ours != theirs).any() for ours, theirs in zip(model.get_weights(), trained.get_weights(), strict=True))
    warm_start(model, tmp_path / "model.keras")
    np.testing.assert_equal(model.get_weights(), trained.get_weights())


def test_pseudo_inputs_are_taken_over_by_those_that_take_turns(kind, trained, file):
    model = model_with(kind, "vamp", seed=2, turns=5)
    warm_start(model, file)
    np.testing.assert_equal(prior_weights(model), prior_weights(trained))


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("prior", "settings"), [("standard", {}), ("mog", {}), ("vamp", dict(num_components=7)), ("vamp_data", {})]
)
def test_the_networks_can_go_on_under_another_prior(kind, prior, settings, trained, file):
    model = model_with(kind, prior, seed=2, **settings)
    own = prior_weights(model)
    warm_start(model, file)
    x = np.random.default_rng(3).random((4, *SHAPE)).astype("float32")
    np.testing.assert_array_equal(model.encode(x)[0], trained.encode(x)[0])
    np.testing.assert_array_equal(model.reconstruct(x), trained.reconstruct(x))
    # VampPrior-data too: its pseudo-inputs are training images, not trained ones.
    np.testing.assert_equal(prior_weights(model), own)


def test_a_start_that_cannot_work_is_named(kind, file, tmp_path):
    damaged = tmp_path / "damaged.keras"
    damaged.write_bytes(file.read_bytes()[:1000])
    other = tmp_path / "other.keras"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(other)
    another_kind = next(name for name in MODELS if name != kind)
    for path, settings, message in [
        (tmp_path / "none.keras", {}, "none.keras', which cannot be read"),
        (tmp_path, {}, "which cannot be read"),
        (damaged, {}, "damaged.keras', which cannot be read"),
        (other, {}, "which is no VAE or HVAE but a Sequential"),
        (file, dict(latent_dim=4), "whose networks are not shaped as"),
        (file, dict(kind=another_kind), "whose networks are not shaped as"),
    ]:
        model = model_with(**{"kind": kind, "prior": "standard", "seed": 2, **settings})
        with pytest.raises(vc.InputError, match=message):
            warm_start(model, path)


@pytest.mark.thorough
def test_a_training_starts_there_and_a_resumed_one_at_its_own_checkpoint(tmp_path):
    settings = {**SMALL, "data_set": "digits", "precision": "float32", "output_dir": str(tmp_path)}
    first, _, _ = vc.train(vc.TrainingConfig(**settings, epochs=1, lr=1e-2))
    first.save(tmp_path / "model.keras")
    settings |= {"gs_key": "on", "start_from": str(tmp_path / "model.keras"), "epochs": 2, "lr": 1e-2}

    untouched, _, folder = vc.train(vc.TrainingConfig(**settings | {"lr": 1e-30}, overwrite=True))
    for ours, theirs in zip(untouched.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-20)

    through, _, folder = vc.train(vc.TrainingConfig(**settings, overwrite=True))
    folder.checkpoints()[2].unlink()
    (tmp_path / "model.keras").unlink()  # not needed any more
    resumed, _, _ = vc.train(vc.TrainingConfig(**settings, resume=True))
    for ours, theirs in zip(resumed.get_weights(), through.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_start_that_is_refused_leaves_no_run_to_resume(tmp_path):
    config = vc.TrainingConfig(**SMALL, data_set="digits", output_dir=str(tmp_path), start_from="none.keras")
    with pytest.raises(vc.InputError, match="none.keras"):
        vc.train(config)
    assert not list(tmp_path.rglob("config.json"))


@pytest.mark.parametrize(
    "path", ["gs://bucket/model.keras", "hf://name/model", "s3://b/m.keras", "http://127.0.0.1:9/m"]
)
def test_a_start_is_a_file_on_this_machine(path, monkeypatch):
    monkeypatch.setattr(keras.saving, "load_model", lambda *_, **__: pytest.fail("Keras was asked"))
    with pytest.raises(vc.InputError, match="cannot be read: give the model.keras of a finished run"):
        warm_start(model_with("vae", "standard", seed=0), path)


def rewritten(file, change):
    """The archive with the content of its members changed by `change(name, content)`, None to leave one out."""
    with zipfile.ZipFile(file) as archive:
        members = {name: change(name, archive.read(name)) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            if content is not None:
                archive.writestr(name, content)


@pytest.mark.parametrize(
    "change",
    [
        lambda name, content: None if name == "config.json" else content,
        lambda name, content: None if name == "model.weights.h5" else content,
        lambda name, content: b"[]" if name == "config.json" else content,
        lambda name, content: content.replace(b"vamp_core", b"elsewhere"),
        lambda name, content: content.replace(b"HVAE", b"XVAE").replace(b"VAE", b"XAE"),
        lambda name, content: content[:2000] if name == "model.weights.h5" else content,
    ],
)
def test_a_start_that_is_damaged_is_told(tmp_path, change):
    model_with("vae", "standard", seed=1).save(tmp_path / "model.keras")
    rewritten(tmp_path / "model.keras", change)
    with pytest.raises(vc.InputError, match="cannot be read: give the model.keras of a finished run"):
        warm_start(model_with("vae", "standard", seed=0), tmp_path / "model.keras")


def test_bits_that_flipped_in_a_start_are_told(tmp_path):
    model_with("vae", "standard", seed=1).save(tmp_path / "model.keras")
    sound, model = (tmp_path / "model.keras").read_bytes(), model_with("vae", "standard", seed=0)
    before, told = model.get_weights(), 0
    for place in np.random.default_rng(0).integers(len(sound), size=30):
        damaged = bytearray(sound)
        damaged[place] ^= 0xFF
        (tmp_path / "model.keras").write_bytes(damaged)
        try:
            warm_start(model, tmp_path / "model.keras")
            model.set_weights(before)
        except vc.InputError as error:
            assert "cannot be read" in str(error)
            told += 1
    assert told >= 25  # a date in the archive decides nothing


def test_a_start_that_is_no_number_is_refused(trained, kind, tmp_path):
    weight = trained.decoder.trainable_variables[0]
    weight.assign(np.full(weight.shape, np.nan))
    trained.save(tmp_path / "model.keras")
    with pytest.raises(vc.InputError, match="which holds NaN or infinite weights"):
        warm_start(model_with(kind, "standard", seed=2), tmp_path / "model.keras")
