"""An evaluation's file knows it by the whole model, by whatever way the model came."""

import keras
import numpy as np
import pytest

import vamp_core as vc
from vamp_core.evaluation.resume_file import description
from vamp_core.training.build import build_model, in_float32, policy

SHAPE = (8, 8, 1)
INK = (np.random.default_rng(0).random((4, *SHAPE)) < 0.5).astype("float32")


def model(**changed):
    settings = dict(image_shape=SHAPE, latent_dim=2, network_size=0.125, likelihood=vc.Gaussian(1.0), prior="standard")
    return vc.VAE(**{**settings, "seed": 0, **changed})


@pytest.mark.parametrize(
    "changed",
    [
        dict(likelihood=vc.Gaussian(0.1)),
        dict(likelihood="bernoulli"),
        dict(activation="tanh"),
        dict(logvar_range=(-6.0, 3.0)),
    ],
)
def test_another_model_with_the_same_weights_is_another_evaluation(tmp_path, changed):
    first, second, file = model(), model(**changed), tmp_path / "likelihood.npz"
    second.set_weights(first.get_weights())
    vc.log_likelihood(first, INK, samples=10, verbose=0, resume_file=file)
    with pytest.raises(vc.InputError, match="with other model: name another"):
        vc.log_likelihood(second, INK, samples=10, verbose=0, resume_file=file)


def test_an_own_likelihoods_numbers_count():
    class Heavy(vc.Likelihood):
        def __init__(self, tail):
            self.tail = tail

    assert description(model(likelihood=Heavy(1.0))) != description(model(likelihood=Heavy(2.0)))
    assert description(model(likelihood=Heavy(2.0))) == description(model(likelihood=Heavy(2.0)))


@pytest.mark.parametrize("network", ["conv", "gated_mlp", "gated_conv"])
@pytest.mark.parametrize("kind", ["vae", "hvae"])
def test_a_model_is_the_same_by_every_way_in(tmp_path, kind, network):
    config = vc.TrainingConfig(model=kind, network=network, network_size=0.125, prior="vamp", num_components=3)
    with policy("mixed_bfloat16"):
        trained = build_model(config, SHAPE)
    twin = in_float32(trained, config, SHAPE)
    twin.save(tmp_path / "model.keras")
    same = [twin, keras.saving.load_model(tmp_path / "model.keras")]
    # An older Keras casts to bfloat16 in layers of their own, and a model with them is another.
    same += [trained] if len(trained.encoder.operations) == len(twin.encoder.operations) else []
    assert len({description(each) for each in same}) == 1


def test_a_file_of_an_older_version_still_serves(tmp_path):
    file, known = tmp_path / "likelihood.npz", model()
    first = vc.log_likelihood(known, INK, samples=10, verbose=0, resume_file=file)
    with np.load(file) as content:
        older = {name: content[name] for name in content.files if name not in ("model", "fingerprint")}
    older["results"] = older["results"] + 1.0  # so that they are seen to be read
    np.savez(file, **older)
    np.testing.assert_array_equal(
        vc.log_likelihood(known, INK, samples=10, verbose=0, resume_file=file).estimate, first.estimate + 1
    )


def test_changed_results_are_refused(tmp_path):
    file, known = tmp_path / "likelihood.npz", model()
    vc.log_likelihood(known, INK, samples=10, verbose=0, resume_file=file)
    with np.load(file) as content:
        changed = dict(content)
    changed["results"] = changed["results"] + 1.0
    np.savez(file, **changed)
    with pytest.raises(vc.InputError, match="is not the resume_file of an evaluation"):
        vc.log_likelihood(known, INK, samples=10, verbose=0, resume_file=file)


def test_a_file_that_cannot_be_written_is_found_before_the_first_image(tmp_path, monkeypatch):
    def never(*_):
        raise AssertionError("images were scored")

    monkeypatch.setattr("vamp_core.evaluation.log_likelihood.summaries", never)
    with pytest.raises(vc.InputError, match="cannot be written to"):
        vc.log_likelihood(model(), INK, samples=10, verbose=0, resume_file="/proc/self/likelihood.npz")
    (tmp_path / "likelihood.npz").mkdir()
    with pytest.raises(vc.InputError, match="is not the resume_file"):
        vc.log_likelihood(model(), INK, samples=10, verbose=0, resume_file=tmp_path / "likelihood.npz")
