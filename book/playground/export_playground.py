"""Writes what the playground reads: its scripts and picture, scikit-learn's digits and the book's colours.

    python book/playground/export_playground.py      (make page-models)

The digits come from scikit-learn and are not kept in the repository. They are a script that hands over one string,
since a page opened from a disk may run scripts but not fetch files.
"""

import json
import shutil
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from vamp_core.plots.style import PALETTE

HERE = Path(__file__).parent
WEB, SHARED = HERE / "web", HERE.parent / "live" / "web"
TARGET = HERE.parent / "_build" / "assets" / "playground"
DIGITS = 500  # as many as there are points in the other data sets

# What trains, in the order in which the scripts build on one another; none of them touches the page.
NAMES = "random matrix network adam mixture priors likelihoods model data measures training".split()
ENGINE = [SHARED / "nats.js", *(WEB / f"{name}.js" for name in NAMES)]


def digits():
    """The first digits as text: 64 letters an image, a for no ink to q for 16 sixteenths of it; and their labels."""
    images, labels = load_digits(return_X_y=True)
    letters = (images[:DIGITS].astype("uint8") + ord("a")).tobytes().decode()
    return {"images": letters, "labels": "".join(map(str, labels[:DIGITS]))}


def script(name, content):
    return f"Playground.{name} = {json.dumps(content, separators=(',', ':'))};\n"


def main():
    shutil.rmtree(TARGET, ignore_errors=True)
    shutil.copytree(WEB, TARGET)
    given = {"DIGITS": digits(), "PALETTE": np.asarray(PALETTE).tolist()}
    text = "window.Playground = window.Playground || {};\n" + "".join(script(*item) for item in given.items())
    (TARGET / "given.js").write_text(text)
    shutil.copy(HERE / "still.png", TARGET)
    size = sum(path.stat().st_size for path in TARGET.iterdir())
    print(f"The playground's files weigh {size / 1000:.0f} kB.")


if __name__ == "__main__":
    main()
