"""Trained models: what is published is what is loaded, and its card does not lie."""

import json

import numpy as np
import pytest

import vamp_core as vc
from vamp_core.pretrained import publish, read_card
from vamp_core.training.flops import forward_flops


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A model of scikit-learn's digits, trained for one epoch and published into a folder of its own."""
    folder = tmp_path_factory.mktemp("pretrained")
    config = vc.TrainingConfig(
        model="hvae", prior="vamp", data_set="digits", num_components=10, network_size=0.25, epochs=1, lr=1e-3,
        precision="float32", output_dir=str(folder / "runs"),
    )  # fmt: skip
    model, data, _ = vc.train(config)
    return folder, model, data, publish("digits-hvae-vamp", model, data, config, {"epochs": 1, "minutes": 0.1}, folder)


def test_loaded_weights_are_the_published_ones_in_half_precision(published):
    folder, model, data, _ = published
    loaded, card = vc.load_pretrained("digits-hvae-vamp", folder)
    for before, after in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(after, np.asarray(before, "float16").astype("float32"))
    assert loaded.prior.encoder is loaded.encoder
    assert vc.mean_elbo(loaded, data.x_test)["elbo"] == pytest.approx(card["test"]["elbo"], rel=1e-6)
    assert card["test"]["elbo"] == pytest.approx(vc.mean_elbo(model, data.x_test)["elbo"], abs=0.2)


def test_a_card_tells_settings_cost_and_licence(published):
    folder, model, _, card = published
    assert json.loads((folder / "digits-hvae-vamp.json").read_text()) == json.loads(json.dumps(card))
    assert card["experiment"]["prior"] == "vamp"
    assert "CC BY 4.0" in card["data_licence"]
    assert card["parameters"] == model.count_params()
    networks = (model.encoder, model.image_features, model.lower_encoder, model.conditional_prior, model.decoder)
    per_image = 3 * (sum(map(forward_flops, networks)) + forward_flops(model.encoder) * 10 / 256)
    assert card["training_flops"] == pytest.approx(per_image * 1500)


def test_weights_that_are_not_those_of_the_card_are_refused(published, tmp_path):
    folder, *_ = published
    for file in ("digits-hvae-vamp.json", "digits-hvae-vamp.npz"):
        (tmp_path / file).write_bytes((folder / file).read_bytes())
    weights = tmp_path / "digits-hvae-vamp.npz"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(vc.InputError, match="missing or not those of their card"):
        vc.load_pretrained("digits-hvae-vamp", tmp_path)
    weights.unlink()
    with pytest.raises(vc.InputError, match="missing or not those of their card"):
        vc.load_pretrained("digits-hvae-vamp", tmp_path)


def test_an_unknown_name_is_told_with_the_names_there_are():
    with pytest.raises(vc.InputError, match="'mnist-gan' is no trained model"):
        vc.load_pretrained("mnist-gan")


@pytest.mark.parametrize("name", vc.list_pretrained())
def test_every_shipped_model_loads_and_scores_real_images_near_its_card(name):
    model, card = vc.load_pretrained(name)
    try:
        data = vc.load_data(read_card(name)["experiment"]["data_set"])
    except vc.InputError:
        pytest.skip("the real images are not here: set VAMP_DATA_DIR")
    few = model.elbo(data.x_test[:1000], seed=0).elbo
    assert few.mean() == pytest.approx(card["test"]["elbo"], abs=4 * few.std() / np.sqrt(1000))
