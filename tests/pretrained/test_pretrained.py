"""Trained models: what is published is what is loaded, and its card does not lie."""

import json

import numpy as np
import pytest

import vamp_core as vc
from vamp_core.pretrained import publish, read_card
from vamp_core.training.flops import forward_flops
from vamp_core.training.report import scored_images


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


@pytest.mark.thorough
def test_loaded_weights_are_the_published_ones_in_half_precision(published):
    folder, model, data, _ = published
    loaded, card = vc.load_pretrained("digits-hvae-vamp", folder)
    for before, after in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(after, np.asarray(before, "float16").astype("float32"))
    assert loaded.prior.encoder is loaded.encoder
    assert vc.mean_elbo(loaded, data.x_test)["elbo"] == pytest.approx(card["test"]["elbo"], rel=1e-6)
    assert card["test"]["elbo"] == pytest.approx(vc.mean_elbo(model, data.x_test)["elbo"], abs=0.2)


@pytest.mark.thorough
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
    config = vc.TrainingConfig(**card["experiment"])
    try:
        data = vc.load_data(config.data_set)
    except vc.InputError:
        pytest.skip("the real images are not here: set VAMP_DATA_DIR")
    few = model.elbo(scored_images(data, config)[:1000], seed=0).elbo
    assert few.mean() == pytest.approx(card["test"]["elbo"], abs=4 * few.std() / np.sqrt(1000))


@pytest.fixture
def copied(published, tmp_path):
    """A copy of the published model, to damage."""
    for file in ("digits-hvae-vamp.json", "digits-hvae-vamp.npz"):
        (tmp_path / file).write_bytes((published[0] / file).read_bytes())
    return tmp_path


def change(folder, keep_fingerprint=False, **entries):
    """Changes a card, as an editor would or, without its fingerprint, as an older version might have written it."""
    path = folder / "digits-hvae-vamp.json"
    card = json.loads(path.read_text()) | entries
    if not keep_fingerprint:
        card.pop("fingerprint", None)
    path.write_text(json.dumps({key: value for key, value in card.items() if value is not None}))


@pytest.mark.parametrize(
    "entry", [dict(activation="tanh"), dict(logvar_range=[-6.0, 3.0]), dict(likelihood="gaussian")]
)
def test_a_card_that_was_changed_is_refused(copied, entry):
    experiment = json.loads((copied / "digits-hvae-vamp.json").read_text())["experiment"]
    change(copied, keep_fingerprint=True, experiment=experiment | entry)
    with pytest.raises(vc.InputError, match="was changed since it was written"):
        vc.load_pretrained("digits-hvae-vamp", copied)


def test_a_card_of_an_older_version_still_serves(copied):
    change(copied)
    assert "fingerprint" not in vc.load_pretrained("digits-hvae-vamp", copied)[1]
    assert all("fingerprint" in read_card(name) for name in vc.list_pretrained())


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 100_000, "\ud800"])
def test_a_card_that_is_none_is_told(copied, text):
    (copied / "digits-hvae-vamp.json").write_text(text, errors="surrogatepass")
    with pytest.raises(vc.InputError, match="is damaged|describes no model"):
        vc.load_pretrained("digits-hvae-vamp", copied)


@pytest.mark.parametrize(
    "entries",
    [
        dict(experiment=None),
        dict(experiment=[]),
        dict(experiment={"depth": 3}),
        dict(experiment={"lr": "fast"}),
        dict(experiment={"latent_dim": 10**12}),
        dict(experiment={"network_size": 1e308}),
        dict(image_shape=None),
        dict(image_shape=[28, 28]),
        dict(image_shape=[10**9, 10**9, 1]),
        dict(image_shape="28x28"),
        dict(sha256=None),
    ],
)
def test_a_card_that_describes_no_model_is_told(copied, entries):
    change(copied, **entries)
    with pytest.raises(vc.InputError, match="describes no model"):
        vc.load_pretrained("digits-hvae-vamp", copied)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "", ".", None, 3, "digits-hvae-vamp.json"])
def test_no_name_leads_out_of_the_folder(copied, name):
    (copied.parent / "outside.json").write_text("{}")
    with pytest.raises(vc.InputError, match="is no trained model; choose one of digits-hvae-vamp"):
        vc.load_pretrained(name, copied)


@pytest.mark.parametrize("value", [np.nan, 1e6])  # half precision ends at 65,504
def test_what_is_not_finite_is_not_published(published, tmp_path, value):
    _, model, data, card = published
    before = model.get_weights()
    config = vc.TrainingConfig(**card["experiment"])
    weight = model.decoder.trainable_variables[0]
    weight.assign(np.full(weight.shape, value))
    try:
        with pytest.raises(vc.InputError, match="is not published"):
            publish("digits", model, data, config, {"epochs": 1}, tmp_path)
    finally:
        model.set_weights(before)
    assert not list(tmp_path.iterdir())
