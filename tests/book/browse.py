"""Opens every page of the built book in Chromium, as a reader without a network does, and says what is amiss.

    pip install playwright
    python tests/book/browse.py [CHROMIUM]      after `make book`; CHROMIUM is /usr/bin/chromium if not given

A page must load without an error on the console, without a failed request or one that leaves the
book; its formulas must be set and its figures there, with a text that stands for them and, in a
notebook, a caption; its links within the book must lead somewhere.
"""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urldefrag

from playwright.sync_api import sync_playwright

HTML = Path(__file__).parents[2] / "book" / "_build" / "html"
QUIET = """--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --disable-quic""".split()
HARMLESS = "THEBE_JS_URL"  # the theme and sphinx-thebe both declare it

LOOK = r"""async () => {
    if (window.MathJax?.startup) await MathJax.startup.promise;
    for (const image of document.images) image.loading = "eager";
    await Promise.all([...document.images].map(image => image.decode().catch(() => {})));
    // Where there is no text, Sphinx puts the file's name.
    const speaks = image => image.alt.trim() && !/\.(png|svg|jpe?g|gif)$/.test(image.alt);
    const article = (document.querySelector("article") ?? document.body).cloneNode(true);
    article.querySelectorAll("pre, code, script, style, mjx-container").forEach(element => element.remove());
    return {
        raw: article.textContent.match(/\\[(\[]|\$[^$\n]+\$/g) ?? [],
        errors: [...document.querySelectorAll("mjx-merror")].map(element => element.textContent),
        lost: [...document.images].filter(image => !image.naturalWidth).map(image => image.src),
        mute: [...document.images].filter(image => !speaks(image)).map(image => image.src),
        bare: [...document.images].filter(image => image.matches(".cell_output img:not(figure:has(figcaption) img)"))
            .map(image => image.src),
        links: [...document.querySelectorAll("a[href]")].map(link => link.href),
        targets: [...document.querySelectorAll("[id]")].map(element => element.id),
    };
}"""


class Quiet(SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/favicon.ico":  # the browser's own idea, on a page that names no icon
            return super().do_GET()
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


def look_at(page, address, home):
    """What is wrong with the page at an address, as sentences; and what `LOOK` found on it."""
    faults = []

    def left(request):
        if not request.url.startswith((home, "data:", "blob:")):
            faults.append(f"leaves the book for {request.url}")

    def answered(response):
        if response.status >= 400:
            faults.append(f"request answered {response.status}: {response.url}")

    page.on("request", left)
    page.on("response", answered)
    page.on("requestfailed", lambda request: faults.append(f"request failed: {request.url}"))
    page.on("pageerror", lambda error: HARMLESS in str(error) or faults.append(f"error: {error}"))
    page.on("console", lambda said: said.type == "error" and faults.append(f"console: {said.text}"))
    page.goto(address, wait_until="networkidle")
    found = page.evaluate(LOOK)
    faults += [f"formula not set: {text}" for text in found["raw"]]
    faults += [f"formula in error: {text}" for text in found["errors"]]
    faults += [f"image not loaded: {source}" for source in found["lost"]]
    faults += [f"image without alt text: {source}" for source in found["mute"]]
    faults += [f"figure of a notebook without a caption: {source}" for source in found["bare"]]
    return faults, found


def dead_links(found, home):
    """{address: links that lead nowhere}, for links within the book."""
    dead = {}
    for address, page in found.items():
        for link in sorted(set(page["links"])):
            target, fragment = urldefrag(link)
            if not link.startswith(home):
                continue
            if not (HTML / unquote(target.removeprefix(home))).is_file():
                dead.setdefault(address, []).append(f"link to no file: {link}")
            elif fragment and target in found and unquote(fragment) not in found[target]["targets"]:
                dead.setdefault(address, []).append(f"link to no place on its page: {link}")
    return dead


def main(chromium="/usr/bin/chromium"):
    pages = sorted(str(path.relative_to(HTML)) for path in HTML.rglob("*.html") if "_static" not in path.parts)
    if not pages:
        sys.exit(f"browse.py: error: there is no book in {HTML}: make book first.")
    server = ThreadingHTTPServer(("localhost", 0), partial(Quiet, directory=HTML))
    Thread(target=server.serve_forever, daemon=True).start()
    home = f"http://localhost:{server.server_port}/"
    faults, found = {}, {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        for name in pages:
            with browser.new_page() as page:
                faults[home + name], found[home + name] = look_at(page, home + name, home)
        browser.close()
    for address, links in dead_links(found, home).items():
        faults[address] += links
    failed = {address: sentences for address, sentences in faults.items() if sentences}
    for address, sentences in failed.items():
        print(address.removeprefix(home), *sentences, sep="\n    ")
    print(f"{len(pages) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
