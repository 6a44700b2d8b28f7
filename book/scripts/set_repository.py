"""Tells the book, the README and the notebooks that the repository is somewhere else, a fork for instance.

    python book/scripts/set_repository.py https://github.com/you/fork
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
URL = r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?"


def set_repository(url, root=ROOT):
    """Replaces the repository of book/_config.yml, there and in every copy.

    Args:
        url: https://github.com/OWNER/NAME.
        root: the working copy's folder.

    Returns:
        The paths of the files that changed.

    Raises:
        ValueError: `url` is no address of a GitHub repository.
    """
    given = re.fullmatch(URL, url)
    if not given:
        raise ValueError(f"The repository is {url!r}; give an address such as https://github.com/you/fork.")
    config = root / "book" / "_config.yml"
    current = re.search(rf"^  url: {URL}$", config.read_text(encoding="utf-8"), re.M)[1]
    # The name alone, since Colab's links hold it without github.com; not where it is part of another name.
    name = re.compile(rf"(?<![\w.-]){re.escape(current)}(?![\w-])")
    pages, new_pages = (full_name.replace("/", ".github.io/") for full_name in (current, given[1]))
    changed = []
    for path in (config, root / "README.md", *sorted((root / "notebooks").glob("*.ipynb"))):
        text = path.read_text(encoding="utf-8")
        if (new := name.sub(given[1], text).replace(pages, new_pages)) != text:
            path.write_text(new, encoding="utf-8")
            changed.append(path)
    return changed


if __name__ == "__main__":
    try:
        paths = set_repository(" ".join(sys.argv[1:]))
    except ValueError as error:
        sys.exit(f"set_repository.py: error: {error}")
    print("\n".join(str(path.relative_to(ROOT)) for path in paths) or "The repository is this one already.")
