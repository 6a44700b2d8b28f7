"""The playground's scripts in an empty page of Chromium, for the tests that need no built book."""

import os
import sys
from pathlib import Path

import pytest
from browse import QUIET
from playwright.sync_api import sync_playwright

sys.path.append(str(Path(__file__).parents[2] / "book" / "playground"))

from export_playground import ENGINE, WEB, digits, script  # noqa: E402


@pytest.fixture(scope="module")
def engine():
    """A page that knows how to train, but has nothing to show it by."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=QUIET
        )
        page = browser.new_page()
        for path in [*ENGINE, WEB / "presets.js", WEB / "settings.js"]:
            page.add_script_tag(path=path)
        page.add_script_tag(content=script("DIGITS", digits()))
        yield page
        browser.close()
