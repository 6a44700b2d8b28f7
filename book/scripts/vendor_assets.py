"""Puts MathJax where the book serves it from, so that its pages read offline.

    python book/scripts/vendor_assets.py

MathJax 3.2.2 comes with the PyPI package sphinx-mathjax-offline, of which the book needs one
script, with every TeX extension inside, and the fonts.
"""

import shutil
from importlib.util import find_spec
from pathlib import Path

ASSETS = Path(__file__).parents[1] / "_build" / "assets"
FONTS = "output/chtml/fonts/woff-v2"


def main():
    package = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
    target = ASSETS / "mathjax"
    shutil.copytree(package / FONTS, target / FONTS, dirs_exist_ok=True)
    shutil.copy(package / "tex-chtml-full.js", target)


if __name__ == "__main__":
    main()
