"""The record of chapter 9's table over three seeds, and that each prior's density and draws belong together."""

import json

import keras
import numpy as np
import pytest
import seeds_of_chapter_9
from result_tables import RECORDS
from seeds_of_chapter_3 import definitions
from test_numbers import line

RECORD = json.loads((RECORDS / "seeds_of_chapter_9.json").read_text())
CHAPTER = definitions(seeds_of_chapter_9.CHAPTER, SEED=0, STEPS=1, LOW=-8.0, HIGH=7.0)


def test_with_the_chapters_seed_the_bounds_are_the_chapters():
    assert RECORD["seeds"] == [0, 1, 2]
    for name, measures in RECORD["priors"].items():
        assert -measures["bound"][0] == pytest.approx(line("09_todays_priors", f"{name:18s}  -")[0], abs=0.1)


def test_the_table_comes_from_the_chapters_own_code():
    assert "class Diffusion" in seeds_of_chapter_9.code_of_table()


@pytest.mark.parametrize(("kind", "sizes"), [("Flow", {}), ("Diffusion", {"steps": 50}), ("FullCovariances", {})])
def test_an_untrained_prior_is_a_standard_normal(kind, sizes):
    keras.utils.set_random_seed(0)
    prior = CHAPTER[kind](**sizes)
    prior.connect(4, None, (28, 28, 1))
    if kind == "FullCovariances":
        prior.roots.assign(np.tile(np.eye(4), (10, 1, 1)))
        prior.log_weights.assign(np.full(10, -np.log(10)))
    z = keras.ops.convert_to_numpy(prior.sample(2000, seed=0))
    np.testing.assert_allclose(np.cov(z.T), np.eye(4), atol=0.15)
    expected = -0.5 * np.mean(np.sum(z**2 + np.log(2 * np.pi), axis=1))
    assert float(keras.ops.mean(prior.log_prob(z))) == pytest.approx(expected, abs=0.2)
