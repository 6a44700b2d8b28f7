"""The book's sources, without building it: table of contents, citations, recipe, the repository's address."""

import json
import re
import runpy
from pathlib import Path

import pytest

from vamp_core.training.recipes import RECIPES

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = sorted(BOOK.glob("*.md"))

set_repository = runpy.run_path(str(BOOK / "scripts" / "set_repository.py"))["set_repository"]


def listed():
    """The files of the table of contents, without their endings."""
    return re.findall(r"^\s*(?:root:|- file:) (\S+)$", (BOOK / "_toc.yml").read_text(), re.M)


def repository():
    return re.search(r"^  url: https://github\.com/(\S+)$", (BOOK / "_config.yml").read_text(), re.M)[1]


def prose(path):
    """The text of a page: of a notebook, that of its Markdown cells."""
    if path.suffix == ".md":
        return path.read_text()
    cells = json.loads(path.read_text())["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def test_every_page_and_every_notebook_is_in_the_table_of_contents_once():
    there = [str(path.relative_to(ROOT).with_suffix("")) for path in [*PAGES, *NOTEBOOKS]]
    assert sorted(listed()) == sorted(there)


@pytest.mark.parametrize("path", [*PAGES, *NOTEBOOKS], ids=lambda path: path.stem)
def test_what_is_cited_is_in_the_bibliography(path):
    known = set(re.findall(r"^@\w+\{(\S+),$", (BOOK / "references.bib").read_text(), re.M))
    cited = ",".join(re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", prose(path)))
    assert {key.strip() for key in cited.split(",") if key} <= known


def test_the_recipe_on_the_page_is_the_one_that_trains():
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", (BOOK / "results_made.md").read_text(), re.M))
    values = {name: " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
              for name, value in RECIPES["book"].items()}  # fmt: skip
    assert {name: rows.get(name) for name in values} == values


@pytest.mark.parametrize("path", [ROOT / "README.md", *PAGES, *NOTEBOOKS], ids=lambda path: path.stem)
def test_launch_links_and_install_cells_name_the_configured_repository(path):
    installed_or_launched = r"(?:git\+https://github\.com|research\.google\.com/github)/([\w.-]+/[\w-]+)"
    named = re.findall(installed_or_launched, path.read_text())
    assert set(named) <= {repository()}


@pytest.fixture
def copy(tmp_path):
    """A working copy with one notebook that installs the package from the repository."""
    for folder in ("book", "notebooks"):
        (tmp_path / folder).mkdir()
    (tmp_path / "book" / "_config.yml").write_text((BOOK / "_config.yml").read_text())
    badge = f"[Colab](https://colab.research.google.com/github/{repository()}/blob/main)\n"
    pages = f"[Book](https://{repository().replace('/', '.github.io/')}/)\n"
    (tmp_path / "README.md").write_text(badge + pages)
    cell = f"%pip install git+https://github.com/{repository()}.git"
    (tmp_path / "notebooks" / "01.ipynb").write_text(json.dumps({"cells": [{"source": [cell]}]}))
    return tmp_path


def test_the_repository_is_changed_everywhere_and_back(copy):
    files = [copy / "book" / "_config.yml", copy / "README.md", copy / "notebooks" / "01.ipynb"]
    before = [path.read_text() for path in files]
    assert set_repository("https://github.com/you/my.fork/", copy) == files
    texts = [path.read_text() for path in files]
    assert not any(repository() in text for text in texts)
    assert "\n  url: https://github.com/you/my.fork\n" in texts[0]
    assert "/github/you/my.fork/blob/main" in texts[1]
    assert "https://you.github.io/my.fork/" in texts[1]
    assert "git+https://github.com/you/my.fork.git" in texts[2]
    set_repository(f"https://github.com/{repository()}", copy)
    assert [path.read_text() for path in files] == before


@pytest.mark.parametrize("url", ["", "you/fork", "https://github.com/you", "https://example.org/you/fork"])
def test_what_is_no_repository_is_refused(url, copy):
    with pytest.raises(ValueError, match="give an address such as https://github.com/you/fork"):
        set_repository(url, copy)
