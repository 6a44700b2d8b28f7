"""The record of chapter 3's short trainings: made by the chapter's own code, as long as there, with three seeds."""

import json

import pytest
import seeds_of_chapter_3
from result_tables import RECORDS
from test_numbers import line

RECORD = json.loads((RECORDS / "seeds_of_chapter_3.json").read_text())


def test_the_chapters_definitions_are_found_without_running_it():
    found = seeds_of_chapter_3.definitions(seeds_of_chapter_3.CHAPTER)
    assert {"networks", "trained", "SameStart", "keras", "vc"} <= set(found)
    assert "first_components" not in found  # its decorator would show a slider


def test_the_trainings_are_as_long_as_the_chapters():
    settings = "".join(json.loads(seeds_of_chapter_3.CHAPTER.read_text())["cells"][2]["source"])
    assert f"else ({RECORD['images']:_}, {RECORD['epochs']})" in settings


@pytest.mark.parametrize(
    ("name", "start"),
    [("standard", "standard      -1"), ("mixture of Gaussians", "Gaussians"), ("VampPrior", "VampPrior     -1")],
)
def test_with_the_chapters_seed_the_result_is_the_chapters(name, start):
    elbos = RECORD["test_elbo"][name]
    assert len(elbos) == 3
    assert -elbos[0] == pytest.approx(line("03_vampprior", start)[0], abs=0.3)  # threads add up in any order
