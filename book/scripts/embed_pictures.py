"""Puts the book's drawings and recorded figures into the notebooks that show them, so that Colab shows them too.

    python book/scripts/embed_pictures.py

A notebook on Colab comes without the repository beside it, so a relative address shows nothing there. A Markdown cell
names a picture by its file, `<img data-file="drawings/hvae.svg" alt="what it shows">`, and is given the bytes. It is
HTML because Markdown takes no SVG in an address.
"""

import base64
import re
from pathlib import Path

import nbformat

from vamp_core.system.files import whole

BOOK = Path(__file__).parents[1]
NOTEBOOKS = BOOK.parent / "notebooks"
KINDS = {".svg": "image/svg+xml", ".png": "image/png"}
PICTURE = re.compile(r'<img data-file="([^"]+)" alt="([^"]+)"(?: src="[^"]*")?>')


def embedded(markdown):
    """The text with the bytes of each picture that it shows, read anew from the file."""
    return PICTURE.sub(_with_bytes, markdown)


def _with_bytes(picture):
    name, alt = picture.groups()
    path = BOOK / name
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img data-file="{name}" alt="{alt}" src="data:{KINDS[path.suffix]};base64,{data}">'


def main():
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        texts = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
        stale = [cell for cell in texts if embedded(cell.source) != cell.source]
        for cell in stale:
            cell.source = embedded(cell.source)
        if stale:
            with whole(path) as partial:
                nbformat.write(notebook, partial)
            print(path.name)


if __name__ == "__main__":
    main()
