"""The record of chapter 5's short trainings: made by the chapter's own code, as long as there, with three seeds."""

import json

import pytest
import seeds_of_chapter_5
from result_tables import RECORDS
from seeds_of_chapter_3 import definitions
from test_numbers import line

RECORD = json.loads((RECORDS / "seeds_of_chapter_5.json").read_text())


def test_the_trainings_are_as_long_as_the_chapters():
    settings = "".join(json.loads(seeds_of_chapter_5.CHAPTER.read_text())["cells"][2]["source"])
    assert f"else ({RECORD['images']:_}, {RECORD['epochs']})" in settings
    assert "trained" in definitions(seeds_of_chapter_5.CHAPTER)


@pytest.mark.parametrize("name", seeds_of_chapter_5.MODELS)
def test_with_the_chapters_seed_the_result_is_the_chapters(name):
    elbos = RECORD["test_elbo"][name]
    assert len(elbos) == 3
    found = line("05_hvae", f"{name:22s}-1")[0]
    assert -elbos[0] == pytest.approx(found, abs=0.3)  # threads add up in any order
