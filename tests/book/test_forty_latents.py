"""Chapter 8's records and the models that it builds: free bits, and a decoder that sees a pixel's neighbours."""

import json

import forty_latents
import keras
import numpy as np
import pytest
from result_tables import FORTY, RECORDS
from seeds_of_chapter_3 import definitions

from vamp_core import VAE, networks

CHAPTER = definitions(forty_latents.CHAPTER)
TRAININGS = [f"mnist-{prior}-seed{seed}" for prior in FORTY for seed in (0, 1, 2)]
TRAININGS += [f"fashionmnist-{prior}-seed{seed}" for prior in ("standard", "vamp") for seed in (0, 1, 2)]


def experiment(name):
    return json.loads((RECORDS / "forty" / name / "config.json").read_text())["experiment"]


@pytest.mark.parametrize("name", TRAININGS)
def test_a_record_is_of_the_training_that_its_name_tells(name):
    data_set, prior, seed = name.rsplit("-", 2)
    told = {"data_set": data_set, "prior": prior, "seed": int(seed.removeprefix("seed"))}
    assert experiment(name) == experiment(TRAININGS[0]) | told


def test_the_short_trainings_are_the_chapters():
    record = json.loads((RECORDS / "collapse.json").read_text())
    CHAPTER["EPOCHS"] = record["epochs"]
    assert list(record["trials"]) == list(CHAPTER["trials"]())
    assert all(len(results) == 3 for results in record["trials"].values())
    settings = "".join(json.loads(forty_latents.CHAPTER.read_text())["cells"][2]["source"])
    assert f"else ({record['images']:_}, {record['epochs']}" in settings


def test_script_and_chapter_count_latents_alike():
    mean, logvar = np.random.default_rng(0).normal(size=(2, 50, 4))
    np.testing.assert_allclose(forty_latents.shares(mean, logvar), CHAPTER["shares"](mean, logvar))


def small(kind):
    keras.utils.set_random_seed(0)
    return kind(**networks.gated_mlp("vae", latent_dim=3), seed=0)


def test_a_pixels_neighbours_are_before_it():
    neighbours = small(CHAPTER["SeesNeighbours"]).neighbours
    x = np.random.default_rng(0).integers(2, size=(1, 28, 28, 1)).astype("float32")
    flipped = x.copy()
    flipped[0, 10, 10] = 1 - x[0, 10, 10]
    changed = keras.ops.convert_to_numpy(neighbours(x) != neighbours(flipped)).reshape(28 * 28)
    assert changed.any() and not changed[: 10 * 28 + 11].any()


def test_free_bits_charge_each_latent_at_least_its_share():
    x = np.random.default_rng(0).integers(2, size=(20, 28, 28, 1)).astype("float32")
    model, plain = small(CHAPTER["FreeBits"]), small(VAE)
    losses = {}
    for name, each in {"free": model, "plain": plain}.items():
        each.compile()
        each.free = 100.0
        losses[name] = float(each.compute_loss(x, y_pred=each(x, training=True)))
    mean, logvar = plain.encode(x)
    kl = 0.5 * np.mean(mean**2 + np.exp(logvar) - 1 - logvar, axis=0)
    assert losses["free"] - losses["plain"] == pytest.approx(np.sum(100.0 - kl), rel=1e-4)
    assert float(model.compute_loss(x, y_pred=model(x), training=False)) < 1000
