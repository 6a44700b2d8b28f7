"""The committed notebooks are as `make notebooks` leaves them: nbval passes one that was never executed."""

import json
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SECONDS = json.loads((ROOT / "book" / "results" / "notebooks.json").read_text())


def flaws(notebook):
    """What shows that a notebook was not executed from top to bottom, or not without an error."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        yield "its cells were not executed once each, in order"
    for cell in code:
        yield from (f"{output.ename} in {cell.source!r}" for output in cell.outputs if output.output_type == "error")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_committed_notebook_was_executed_without_an_error(path):
    assert list(flaws(nbformat.read(path, as_version=4))) == []


def test_what_was_not_executed_or_failed_is_seen():
    notebook = nbformat.read(NOTEBOOKS[0], as_version=4)
    first, *_, last = (cell for cell in notebook.cells if cell.cell_type == "code")
    last.outputs.append(nbformat.v4.new_output("error", ename="NameError", evalue="x", traceback=[]))
    assert [flaw.split()[0] for flaw in flaws(notebook)] == ["NameError"]
    first.execution_count = None
    first.outputs = []
    assert len(list(flaws(notebook))) == 2


def prose(path):
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_chapter_says_how_long_it_took(path):
    """Its last execution, in processor time: the clock's depends on what else ran."""
    assert re.findall(r"took\s+(\d+)\s+seconds\s+of\s+processor\s+time", prose(path)) == [
        str(SECONDS[path.name]["processor"])
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_heading_stands_on_a_line_of_its_own(path):
    assert re.findall(r"^.*\S.* #{2,4} .*$", prose(path), re.M) == []


def shows(output):
    """Whether a cell's output is a picture or a film."""
    data = output.get("data", {})
    return any(kind.startswith("image/") for kind in data) or "<img" in data.get("text/html", "")


def bare(notebook):
    """The cells that show a figure without a caption or, unless a film brings its own, a text that stands for it."""
    for cell in notebook.cells:
        pictures = [output.data for output in cell.get("outputs", []) if shows(output)]
        said = cell.metadata.get("mystnb", {})
        alt = said.get("image", {}).get("alt")
        if pictures and not said.get("figure", {}).get("caption", "").endswith("."):
            yield cell.id
        elif not all(alt or "<img alt=" in data.get("text/html", "") for data in pictures):
            yield cell.id


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_figure_has_a_caption_and_a_text_that_stands_for_it(path):
    assert list(bare(nbformat.read(path, as_version=4))) == []


@pytest.mark.parametrize("lost", ["figure", "image"])
def test_a_figure_without_either_is_seen(lost):
    notebook = nbformat.read(NOTEBOOKS[0], as_version=4)
    cell = next(cell for cell in notebook.cells if any(map(shows, cell.get("outputs", []))))
    del cell.metadata.mystnb[lost]
    assert list(bare(notebook)) == [cell.id]
