"""`make notebooks`: only what ran without an error or a warning is written."""

import base64
from io import BytesIO

import execute_notebooks
import nbformat
import pytest
from nbformat import v4
from PIL import Image


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(execute_notebooks, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(execute_notebooks, "TIMES", tmp_path / "notebooks.json")
    monkeypatch.setenv("VAMP_DATA_DIR", str(tmp_path))
    return tmp_path


def write(folder, name, source):
    notebook = v4.new_notebook(cells=[v4.new_code_cell(source)])
    nbformat.write(notebook, folder / name)
    return (folder / name).read_text()


def test_outputs_and_seconds_are_written(folder):
    write(folder, "01_good.ipynb", "import os; os.environ['VAMP_DATA_DIR']")
    with pytest.raises(SystemExit, match="0"):
        execute_notebooks.main([])
    [cell] = nbformat.read(folder / "01_good.ipynb", as_version=4).cells
    assert cell.outputs[0].data["text/plain"] == "'data'"  # and not the folder of this machine
    assert "execution" not in cell.metadata
    assert "01_good.ipynb" in (folder / "notebooks.json").read_text()
    assert not list(folder.rglob("data*"))


def test_a_widget_leaves_nothing_behind_without_its_kernel(folder):
    write(folder, "01_widget.ipynb", "import ipywidgets; print('before'); display(ipywidgets.IntSlider())")
    with pytest.raises(SystemExit, match="0"):
        execute_notebooks.main([])
    notebook = nbformat.read(folder / "01_widget.ipynb", as_version=4)
    assert [output.text for output in notebook.cells[0].outputs] == ["before\n"]
    assert "widgets" not in notebook.metadata


def test_pictures_are_written_small(folder):
    write(folder, "01_picture.ipynb", "from PIL import Image; Image.new('RGBA', (9, 9), 'black')")
    with pytest.raises(SystemExit, match="0"):
        execute_notebooks.main([])
    [cell] = nbformat.read(folder / "01_picture.ipynb", as_version=4).cells
    picture = Image.open(BytesIO(base64.b64decode(cell.outputs[0].data["image/png"])))
    assert picture.mode == "L" and picture.size == (9, 9)


@pytest.mark.parametrize("source", ["1 / 0", "import warnings; warnings.warn('look out')"])
def test_a_notebook_that_fails_or_warns_stays_as_it_was(folder, source, capsys):
    before = write(folder, "01_bad.ipynb", source)
    with pytest.raises(SystemExit, match="Not written: 01_bad.ipynb"):
        execute_notebooks.main([])
    assert (folder / "01_bad.ipynb").read_text() == before
    assert "01_bad.ipynb stays as it was" in capsys.readouterr().err


def test_a_name_that_is_no_notebook_is_refused(folder):
    with pytest.raises(SystemExit, match="no notebook 12_missing.ipynb"):
        execute_notebooks.main(["notebooks/12_missing.ipynb"])
