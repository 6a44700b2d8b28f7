"""The live page in Chromium, for the tests of `live_numbers.py` and `live_browser.py`."""

import functools
import os
from http.server import ThreadingHTTPServer
from threading import Thread

import pytest
from browse import HARMLESS, HTML, QUIET, Quiet
from playwright.sync_api import sync_playwright


@pytest.fixture(scope="session")
def home():
    if not (HTML / "book" / "live.html").exists():
        pytest.exit(f"There is no book in {HTML}: make book first.", 1)
    server = ThreadingHTTPServer(("localhost", 0), functools.partial(Quiet, directory=HTML))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=QUIET
        )
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, home):
    """Opens the live page with settings of a context; afterwards nothing may have gone wrong in `page.faults`."""
    contexts = []

    def open_page(address=f"{home}book/live.html", prepare=lambda page: None, **settings):
        context = browser.new_context(**{"viewport": {"width": 1300, "height": 900}, **settings})
        page = context.new_page()
        page.set_default_timeout(120_000)  # a busy machine is slow, not wrong
        page.faults, page.bytes = [], 0
        contexts.append((context, page))

        def answered(response):
            page.bytes += int(response.headers.get("content-length") or 0)
            if response.status >= 400 or not response.url.startswith((home, "file:", "data:", "blob:")):
                page.faults.append(f"{response.status} {response.url}")

        page.on("response", answered)
        page.on("requestfailed", lambda request: page.faults.append(f"failed: {request.url}"))
        page.on("pageerror", lambda error: HARMLESS in str(error) or page.faults.append(str(error)))
        page.on("console", lambda said: said.type == "error" and page.faults.append(said.text))
        prepare(page)
        page.goto(address, wait_until="networkidle")
        return page

    yield open_page
    faults = [fault for _, page in contexts for fault in page.faults]
    for context, _ in contexts:
        context.close()
    assert not faults
