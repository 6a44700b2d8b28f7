"""The page on the PixelCNN: its tables are those of the records, and its sentences say what these show."""

import json
import re
from pathlib import Path

import pixel_tables
import pytest
from result_tables import RECORDS, metric

from vamp_core.training.run_folder import read_history

PAGE = " ".join((Path(__file__).parents[2] / "book" / "pixelcnn.md").read_text().split())


@pytest.mark.parametrize("name", pixel_tables.TABLES)
def test_the_tables_are_those_of_the_records(name):
    assert (RECORDS / f"{name}.md").read_text() == pixel_tables.TABLES[name]() + "\n"
    assert f"results/{name}.md" in PAGE


def test_the_small_pixelcnn_is_ahead_of_the_convolutional_hvae_of_the_same_compute():
    ours, theirs = (read_history(RECORDS / name / "history.csv") for name in ("pixelcnn-small", "paper-convhvae"))
    operations = pixel_tables._operations("pixelcnn-small") * len(ours["epoch"])
    assert operations < pixel_tables._operations("paper-convhvae")  # of a single epoch
    assert max(ours["val_elbo"]) > theirs["val_elbo"][0] + 50 and max(ours["val_elbo"]) > max(theirs["val_elbo"])
    assert sum(metric("pixelcnn-small", "active_units")[0]) < 20


def test_what_latents_do_is_what_the_page_says():
    models = json.loads((RECORDS / "latents_in_use.json").read_text())["models"]

    def mean(name, key):
        return sum(models[name][key]) / len(models[name][key])

    plain, pixelcnn, *helped = models
    assert 0.5 < mean(pixelcnn, "kl") / mean(plain, "kl") < 0.65 and mean(pixelcnn, "elbo") > mean(plain, "elbo")
    assert mean(pixelcnn, "active_units") < 0.6 * mean(plain, "active_units")
    assert mean(pixelcnn, "wrong_pixels") > mean(plain, "wrong_pixels")
    for name in helped:
        assert mean(name, "kl") > mean(pixelcnn, "kl") + 1 and mean(name, "elbo") < mean(pixelcnn, "elbo")


def test_the_models_of_other_data_did_what_the_page_says():
    elbo = read_history(RECORDS / "caltech-hvae-vamp" / "history.csv")["val_elbo"]
    assert f"the {1 + elbo.index(max(elbo))}th of {len(elbo)}" in PAGE
    faces = json.loads((RECORDS / "freyfaces-hvae-vamp" / "likelihood.json").read_text())
    assert faces["pareto_k_above_0.7"] == 1 and faces["images"] == faces["test_images"]


def test_the_film_leaks_what_the_page_says():
    record = json.loads((RECORDS / "film_leak.json").read_text())
    assert re.findall(r"\d+\.\d", PAGE[PAGE.index("Neighbours in a film") :])[:3] == [
        f"{record[key]:.1f}" for key in ("random", "end_of_film", "neighbours_in_time")
    ]
