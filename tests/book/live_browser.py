"""The live page in Chromium: every way to use it, readers without what it needs, and files that fail.

    pip install playwright
    python -m pytest -rs tests/book/live_browser.py      after `make book`; CHROMIUM names another browser

The test of accessibility is skipped, and says so, where npm cannot fetch axe-core.
"""

import re
import shutil
import subprocess

import pytest

pytest_plugins = ["live_page"]

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}


# -- the first view, and readers without what it needs --------------------------------------


def test_the_first_view_is_small_and_silent(opened):
    page = opened()
    assert page.locator(".live-panel:visible").count() == 2
    assert max(image_on(page, ".live-image")[::4]) > 200
    assert page.bytes < 1.5e6


def test_without_scripts_a_picture_and_a_sentence_stand_there(opened):
    page = opened(java_script_enabled=False)
    assert page.locator(".live img").bounding_box()["width"] > 300
    assert "need JavaScript" in page.locator(".live").inner_text()
    page.faults.clear()  # scripts that the theme preloads are given up


def test_a_browser_without_pointer_events_gets_picture_and_reason(opened):
    page = opened(prepare=lambda page: page.add_init_script("delete window.PointerEvent"))
    assert "This browser lacks" in page.locator(".live [role=status]").inner_text()
    assert page.locator(".live img").is_visible()


def point_at(page, x=0.5, y=0.5, panel=0, click=False):
    plane = page.locator(".live-plane").nth(panel)
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()
    place = (box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.mouse.click(*place) if click else page.mouse.move(*place)


@pytest.mark.parametrize("harm", ["lost", "changed"])
def test_a_model_file_that_fails_is_told_and_the_page_goes_on(opened, harm):
    def spoil(route):
        if harm == "lost":
            return route.abort()
        route.fulfill(body=route.fetch().text().replace("A", "B", 1))

    page = opened(prepare=lambda page: page.route("**/*.generator.js", spoil))
    point_at(page)
    sentence = "could not be loaded" if harm == "lost" else "not the one this page was made with"
    page.locator(".live-said", has_text=sentence).first.wait_for()
    before = page.locator(".live-place").first.inner_text()
    point_at(page, 0.7, 0.2)
    page.wait_for_function("text => document.querySelector('.live-place').innerText !== text", arg=before)
    page.faults.clear()  # the browser says so on its console too


def test_the_start_page_shows_one_plane_without_the_pad(opened, home):
    sizes = []

    def weigh(response):
        if "/_static/live/" in response.url:
            sizes.append(int(response.headers.get("content-length") or 0))

    page = opened(f"{home}book/intro.html", prepare=lambda page: page.on("response", weigh))
    assert page.bytes < 2.8e6  # with the gallery, without MathJax and without the theme's second set of icons
    point_at(page, 0.4, 0.4)
    page.locator(".live-place", has_text="At (").first.wait_for()
    wait_for_decoder(page)
    assert page.locator(".live-plane").count() == 1
    assert page.locator(".live-pad").count() == 0
    assert 1e6 < sum(sizes) < 2e6  # what the plane adds to the page, its decoder included


# -- hands ----------------------------------------------------------------------------------


def image_on(page, selector):
    return page.locator(selector).first.evaluate(
        "canvas => Array.from(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)"
    )


def wait_for_decoder(page):
    page.wait_for_function("!document.querySelector('.live-waiting, .live-said:not(:empty)')")


def place_at(page, x):
    """The latents that the page reads out for a place of the first plane."""
    point_at(page, x)
    page.evaluate("new Promise(requestAnimationFrame)")
    return [float(z) for z in re.findall(r"-?[\d.]+", page.locator(".live-place").first.inner_text().replace("−", "-"))]


def test_closer_shows_a_quarter_of_each_axis_and_then_the_whole_plane_again(opened):
    page = opened()
    point_at(page)
    wait_for_decoder(page)
    shown = {}
    for view, button in (("whole", "Closer"), ("near", "Whole plane"), ("again", None)):
        shown[view] = place_at(page, 0.75)[0] - place_at(page, 0.25)[0], image_on(page, ".live-plane")
        if button:
            page.get_by_role("button", name=button).first.click()
            page.get_by_role("button", name="Whole plane" if view == "whole" else "Closer").first.wait_for()
    assert shown["near"][0] == pytest.approx(shown["whole"][0] / 4, abs=0.02)
    assert shown["again"] == shown["whole"] != shown["near"]


def test_moving_decodes_and_two_pins_show_the_way(opened):
    page = opened()
    point_at(page, 0.3, 0.4)
    wait_for_decoder(page)
    before = image_on(page, ".live-image")
    point_at(page, 0.75, 0.5, click=True)
    assert not page.locator(".live-strip").first.is_visible()
    point_at(page, 0.3, 0.6, click=True)
    page.locator(".live-strip").first.wait_for()
    assert image_on(page, ".live-image") != before
    page.get_by_role("button", name="Sample the prior").first.click()
    page.get_by_role("button", name="Clear").first.click()
    assert not page.locator(".live-strip").first.is_visible()


def wait_for_costs(page, models=1):
    page.locator(".live-result dd", has_text=re.compile(r"\d")).nth(3 * models - 1).wait_for()


def draw_a_one(page):
    page.locator(".live-pad").scroll_into_view_if_needed()
    box = page.locator(".live-pad").bounding_box()
    for k in range(11):
        page.mouse.move(box["x"] + (0.58 - 0.012 * k) * box["width"], box["y"] + (0.2 + 0.06 * k) * box["height"])
        if k == 0:
            page.mouse.down()
    page.mouse.up()


def test_a_drawn_one_lies_among_the_ones(opened):
    page = opened()
    draw_a_one(page)
    wait_for_costs(page, 2)
    for text in page.locator(".live-result").all_inner_texts():
        assert "nearest test images: 1\n" in text + "\n"
    page.get_by_role("button", name="Clear").last.click()
    page.get_by_text("The pad is blank").first.wait_for()


def test_everything_is_done_by_keys(opened):
    page = opened(reduced_motion="reduce")
    plane = page.locator(".live-plane").first
    plane.focus()
    wait_for_decoder(page)
    before = page.locator(".live-place").first.inner_text()
    for key in ("Enter", "ArrowRight", "Shift+ArrowUp", "Shift+ArrowUp", "Enter"):
        plane.press(key)
    page.locator(".live-strip").first.wait_for()
    assert page.locator(".live-place").first.inner_text() != before
    plane.press("Escape")
    page.locator(".live-strip").first.wait_for(state="hidden")
    page.get_by_role("button", name="Sample the prior").first.press("Enter")
    pad = page.locator(".live-pad")
    pad.focus()
    for key in ["Space", *["ArrowDown"] * 12]:
        pad.press(key)
    wait_for_costs(page)
    assert "nearest test images: 1" in page.locator(".live-result").first.inner_text()


def test_a_phone_shows_it_in_one_column_and_takes_fingers(opened):
    page = opened(**PHONE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    planes = [page.locator(".live-plane").nth(k).bounding_box() for k in range(page.locator(".live-plane").count())]
    assert all(box["width"] > 280 for box in planes) and len({box["x"] for box in planes}) == 1
    plane = page.locator(".live-plane").first
    plane.scroll_into_view_if_needed()
    plane.tap(position={"x": 100, "y": 100})
    plane.tap(position={"x": 200, "y": 180})
    page.locator(".live-strip").first.wait_for()


def test_what_is_loading_does_not_move_the_pad(opened):
    page = opened(prepare=lambda page: page.route("**/*.generator.js", lambda route: None))  # no answer
    place = "() => document.querySelector('.live-pad').getBoundingClientRect().top + scrollY"
    before = page.evaluate(place)
    point_at(page)
    page.locator(".live-said", has_text="Loading the decoder").first.wait_for()
    assert page.evaluate(place) == before


def test_a_browser_that_hides_canvases_from_pages_is_told_so(opened):
    noise = "(x, y, width, height) => ({data: new Uint8Array(4 * width * height).fill(99)})"
    noise = f"CanvasRenderingContext2D.prototype.getImageData = {noise}"
    page = opened(prepare=lambda page: page.add_init_script(noise))
    draw_a_one(page)
    page.get_by_text("answers with noise").wait_for()
    assert "The pad is blank" in page.locator(".live-result").first.inner_text()


CLOTHES = """
Live.index.dataSets.fashionmnist = {title: "Clothes", thing: "piece of clothing", box: 28, filled: true,
    classes: "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot".split(",")};
Live.index.models = Live.index.models.filter(model => model.dataSet === "mnist");
Live.index.models.push({...Live.index.models[0], dataSet: "fashionmnist", title: "A model of clothes"});
"""


def test_another_data_set_brings_its_models_classes_and_way_of_drawing(opened):
    def add(route):
        route.fulfill(body=route.fetch().text() + CLOTHES, content_type="text/javascript")

    page = opened(prepare=lambda page: page.route("**/models.js", add))
    draw_a_one(page)
    wait_for_costs(page)
    page.get_by_label("Clothes").check()
    page.locator(".live-legend", has_text="Ankle boot").wait_for()
    assert page.locator("select:visible").count() == 1, "there is one model of clothes, so there is one panel"
    page.get_by_text("The pad is blank").first.wait_for()
    page.locator(".live-place:visible", has_text="At (").wait_for()
    draw_a_one(page)
    wait_for_costs(page)
    first_row = image_on(page, ".live-seen")[: 4 * 28]
    assert max(first_row[::4]) > 100, "clothes reach the border"
    page.get_by_label("Handwritten digits").check()
    page.locator("select:visible").nth(1).wait_for()


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    folder = tmp_path_factory.mktemp("axe")
    command = ["npm", "pack", "axe-core@4"]
    if not shutil.which("npm") or subprocess.run(command, cwd=folder, capture_output=True).returncode:
        pytest.skip("no axe-core: npm is missing or reaches no registry")
    shutil.unpack_archive(next(folder.glob("*.tgz")), folder)
    return (folder / "package" / "axe.min.js").read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened, axe, scheme):
    page = opened(color_scheme=scheme)
    draw_a_one(page)
    wait_for_costs(page)
    page.evaluate(axe)
    found = page.evaluate(
        "axe.run('.live').then(({violations}) => violations.map(v => [v.impact, v.id, v.nodes[0].html]))"
    )
    assert not [violation for violation in found if violation[0] in ("serious", "critical")]
