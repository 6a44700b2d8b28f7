"""The page on cost: its tables are those of the record, and its sentences say what these show."""

from pathlib import Path

import numpy as np
import pytest
import step_table
from result_tables import RECORDS, elbos_of_seeds, metric

PAGE = (Path(__file__).parents[2] / "book" / "cost.md").read_text()
FOUND = {(row["model"], row["prior"], row["size"], row["precision"]): row for row in step_table.record()["steps"]}


def speed(model, prior, size, precision):
    return FOUND[model, prior, size, precision]["images_per_second"]


@pytest.mark.parametrize("name", step_table.TABLES)
def test_the_tables_are_those_of_the_record(name):
    assert (RECORDS / f"{name}.md").read_text() == step_table.TABLES[name]() + "\n"
    assert f"results/{name}.md" in PAGE


@pytest.mark.parametrize("model", ["vae", "hvae"])
def test_the_sentences_say_what_was_measured(model):
    for prior in ("standard", "vamp"):
        small, large = (FOUND[model, prior, size, "float32"]["rate"] for size in (1, 4))
        assert small < 0.4 < large  # far from the rate
        gains = [speed(model, prior, size, "mixed_bfloat16") / speed(model, prior, size, "float32") for size in (1, 4)]
        assert 1 < gains[0] < gains[1]  # where there is enough to multiply
    float32, bfloat16 = (
        FOUND[model, "vamp", 4, each]["flops"] * speed(model, "vamp", 4, each) / FOUND[model, "vamp", 4, each]["rate"]
        for each in ("float32", "mixed_bfloat16")
    )
    assert 3.5 < bfloat16 / float32 < 4  # the rates themselves
    for size in (1, 4):
        time = speed(model, "standard", size, "float32") / speed(model, "vamp", size, "float32")
        flops = FOUND[model, "vamp", size, "float32"]["flops"] / FOUND[model, "standard", size, "float32"]["flops"]
        assert time == pytest.approx(flops, rel=0.1)  # the mixture's density costs little beside the encoder


def test_a_step_takes_hardly_longer_than_its_layers():
    assert all(row["step_ms"] < 1.1 * row["layers_ms"] for row in step_table.record()["layers"])


@pytest.mark.parametrize("name", step_table.record("recipes")["minutes"])
def test_what_is_said_of_the_quick_trainings(name):
    quick, [ships] = np.mean(step_table.quick_elbos(name)), metric(name, "test_elbo")
    assert quick > ships
    assert quick > np.mean(elbos_of_seeds(name))
    minutes = step_table.record("recipes")["minutes"][name]
    assert minutes["quick"] < 0.6 * minutes["book, older build"]
    assert minutes["quick"] < minutes["book"] < minutes["book, older build"]
