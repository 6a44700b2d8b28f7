"""Takes the picture that stands for the playground where scripts do not run: the page's own, after 1,000 steps.

pip install playwright
python book/playground/take_still.py   after `make book`, when the page's looks change; CHROMIUM names another browser
"""

import io
import os
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
PAGE = HERE.parent / "_build" / "html" / "book" / "playground.html"
SETTING = "#data=rings&prior=vamp&k=20"
STEPS = 1000


def main():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1300, "height": 1200}, color_scheme="light")
        page.goto(f"{PAGE.as_uri()}{SETTING}", wait_until="networkidle")
        page.wait_for_function("document.querySelector('.playground').page")
        page.evaluate(
            """steps => {
                const {page} = document.querySelector(".playground");
                while (page.training.steps < steps) page.training.step();
                page.draw();
                for (const text of document.querySelectorAll(".playground-panel > .live-quiet")) text.remove();
            }""",
            STEPS,
        )
        picture = Image.open(io.BytesIO(page.locator(".playground-panels").screenshot()))
        browser.close()
    picture.convert("RGB").quantize(64, Image.Quantize.MAXCOVERAGE).save(HERE / "still.png", optimize=True)


if __name__ == "__main__":
    main()
