"""The committed notebooks are as `make notebooks` leaves them: nbval passes one that was never executed."""

from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


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
