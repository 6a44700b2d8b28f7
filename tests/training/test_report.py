"""What a run leaves behind, for every likelihood and number of latents."""

import json

import numpy as np
import pytest
from small_runs import config

import vamp_core as vc
from vamp_core.density.likelihoods import LIKELIHOODS
from vamp_core.training.build import build_model
from vamp_core.training.recorder import TrainingDiverged
from vamp_core.training.report import figures, report

HISTORY = {"epoch": [1.0, 2.0], "loss": [3.0, 2.0], "val_loss": [3.0, np.nan]}


@pytest.fixture(scope="module")
def data():
    return vc.load_data("digits")


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:UMAP is not installed")
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize(
    ("kind", "latent_dim"), [("vae", 1), ("vae", 2), ("vae", 3), ("vae", 40), ("hvae", 2), ("hvae", 4)]
)
def test_every_likelihood_and_number_of_latents_has_its_figures(tmp_path, data, likelihood, kind, latent_dim):
    settings = config(
        tmp_path, model=kind, latent_dim=latent_dim, likelihood=likelihood, prior="vamp_data", num_components=5
    )
    model = build_model(settings, (28, 28, 1))
    model.prior.adapt(data.x_train, seed=0)
    mean, logvar = model.encode(data.x_test)
    drawn = {
        name.removeprefix(settings.training_id): figure
        for name, figure in figures(model, data, mean, logvar, HISTORY, settings)
    }
    expected = {"digits_input", "_reconmanifold", "_embedding_z", "_losshistory", "_samples", "_pseudo_inputs"}
    assert drawn.keys() == expected | ({"_manifold"} if latent_dim == 2 else set())
    title = drawn["_reconmanifold"].axes[0].get_title()
    outside = not 0 <= model.reconstruct(data.x_test[:100]).min()
    assert ("cut off at 0 and 1" in title) == ("gaussian" in likelihood) >= outside
    if latent_dim == 1:
        assert drawn["_embedding_z"].axes[0].get_ylabel() == "log-variance of $z$"
        points = drawn["_embedding_z"].axes[0].collections[0].get_offsets()
        np.testing.assert_allclose(points, np.hstack([mean, logvar]), rtol=1e-6)


def test_a_score_that_is_no_number_is_not_published(tmp_path, data):
    settings = config(tmp_path, epochs=1)
    model, _, folder = vc.train(settings)
    weight = model.decoder.trainable_variables[0]
    weight.assign(np.full(weight.shape, np.nan))
    with pytest.raises(TrainingDiverged, match="The test ELBO is .* nothing is published"):
        report(model, data, folder, settings)
    assert not (folder.path / "metrics.json").exists()


def test_metrics_are_json_that_others_read_too(tmp_path, data):
    settings = config(tmp_path, epochs=1)
    model, _, folder = vc.train(settings)
    report(model, data, folder, settings)

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    assert json.loads((folder.path / "metrics.json").read_text(), parse_constant=refuse)["epochs"] == 1
