"""Pictures that a notebook shows travel with it, as the files in the book have them."""

import base64
import re
from pathlib import Path

import embed_pictures
import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def texts(path):
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_carries_its_pictures(path):
    assert [text for text in texts(path) if embed_pictures.embedded(text) != text] == []
    everything = "\n".join(texts(path))
    assert everything.count("<img") == len(embed_pictures.PICTURE.findall(everything))
    assert re.findall(r"!\[[^\]]*\]\(.*?\)", everything) == []


def test_a_picture_that_has_changed_is_embedded_anew(monkeypatch, tmp_path):
    monkeypatch.setattr(embed_pictures, "BOOK", tmp_path)
    for name, drawn in (("a.svg", b"<svg/>"), ("b.png", b"PNG")):
        (tmp_path / name).write_bytes(drawn)
    text = 'Before <img data-file="a.svg" alt="two rings">\nand <img data-file="b.png" alt="a digit"> after.'
    before = embed_pictures.embedded(text)
    assert re.sub(r' src="data:image/(svg\+xml|png);base64,\S+"', "", before) == text != before
    (tmp_path / "b.png").write_bytes(b"another")
    after = embed_pictures.embedded(before)
    assert after == before.replace(base64.b64encode(b"PNG").decode(), base64.b64encode(b"another").decode())
