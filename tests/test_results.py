"""The published numbers: the README's table is that of the cards, and each has its record."""

import importlib.util
import json
from pathlib import Path

import pytest

import vamp_core as vc
from vamp_core.config import RECIPES
from vamp_core.pretrained import read_card

ROOT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("results", ROOT / "book" / "results.py")
results = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(results)


def test_readme_shows_the_cards():
    shown = (ROOT / "README.md").read_text().split(results.MARKERS[0])[1].split(results.MARKERS[1])[0]
    assert shown.strip() == results.table()


@pytest.mark.parametrize("name", vc.list_pretrained())
def test_every_card_has_the_record_of_its_training(name):
    card, folder = read_card(name), ROOT / "book" / "results" / name
    record = json.loads((folder / "config.json").read_text())
    assert record["experiment"] == card["experiment"]
    assert {key: record["experiment"][key] for key in RECIPES["book"]} == json.loads(json.dumps(RECIPES["book"]))
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["test_elbo"] == pytest.approx(card["test"]["elbo"], abs=results.TOLERANCE)  # weights were rounded
    assert metrics["epochs"] == card["epochs"]
    assert len((folder / "history.csv").read_text().splitlines()) == card["epochs"] + 1


def test_shipped_weights_stay_small():
    assert sum(path.stat().st_size for path in (ROOT / "vamp_core" / "pretrained").glob("*.npz")) <= 25e6


def test_the_books_models_are_the_forerunners_eight():
    configs = results.runs()
    assert set(configs) == set(results.FORERUNNER)
    assert {(c.model, c.prior, c.data_set, c.latent_dim) for c in configs.values()} == {
        (model, prior, data, 2)
        for model in ("vae", "hvae") for prior in ("standard", "vamp") for data in ("mnist", "fashionmnist")
    }  # fmt: skip
