"""The playground in Chromium: presets, addresses, hands and keys, readers without what it needs, and bad input.

    pip install playwright
    python -m pytest -rs tests/book/playground_browser.py      after `make book`; CHROMIUM names another browser

The test of accessibility is skipped, and says so, where npm cannot fetch axe-core.
"""

import re

import numpy as np
import pytest
from browse import HTML
from live_browser import PHONE, axe, image_on  # noqa: F401

pytest_plugins = ["live_page"]

SMALL = "notebooks/02_what_the_prior_does.html"


@pytest.fixture
def playground(opened, home):
    """Opens the playground at the part of its address after the #."""

    def open_at(fragment="", name="book/playground.html", **settings):
        page = opened(f"{home}{name}{fragment and '#' + fragment}", **settings)
        if settings.get("java_script_enabled", True):
            page.wait_for_function("document.querySelector('.playground').page")
        return page

    return open_at


def number(page, name):
    text = page.locator(f"dd[data-name={name}]").inner_text()
    return float(re.search(r"−?[\d.]+", text)[0].replace("−", "-"))


def play(page):
    page.locator(".playground-play").click()


def pause_after(page, steps):
    """Plays until so many steps are done, and pauses."""
    play(page)
    page.wait_for_function(f"document.querySelector('.playground').page.training.steps >= {steps}")
    if page.locator(".playground-play").inner_text() == "Pause":
        play(page)
    page.evaluate("new Promise(requestAnimationFrame)")
    return number(page, "step")


def field(page, name):
    return page.locator(f".playground-fields [data-name={name}]").locator("input, select")


def fill(page, name, text):
    field(page, name).fill(text)
    field(page, name).press("Tab")


# -- driving it ------------------------------------------------------------------------------


def test_every_preset_plays_to_where_its_sentence_holds(playground):
    page = playground()
    for preset in page.evaluate("Object.entries(Playground.PRESETS).map(([name, given]) => ({name, ...given}))"):
        page.get_by_role("button", name=preset["title"], exact=True).click()
        assert page.locator(".playground-told").inner_text().split("\n")[0] == preset["sentence"]
        assert page.url.endswith(f"#preset={preset['name']}")
        if preset["until"] <= 500:
            page.wait_for_function(f"document.querySelector('dd[data-name=step]').innerText === '{preset['until']}'")
            page.get_by_role("button", name="Go on").wait_for()


def test_the_first_view_is_small_silent_and_at_rest(playground):
    sizes = []

    def weigh(response):
        if "/_static/playground/" in response.url or "/_static/live/" in response.url:
            sizes.append(int(response.headers.get("content-length") or 0))

    page = playground(prepare=lambda page: page.on("response", weigh))
    assert number(page, "step") == 0
    assert 50e3 < sum(sizes) < 150e3, "with what it shares with the live page"
    assert page.locator(".playground img").count() == 0


def test_play_pause_step_and_start_again(playground):
    page = playground()
    steps = pause_after(page, 60)
    page.get_by_role("button", name="Step", exact=True).click()
    page.wait_for_function(f"document.querySelector('dd[data-name=step]').innerText === '{steps + 1:.0f}'")
    page.get_by_role("button", name="Start again").click()
    page.wait_for_function("document.querySelector('dd[data-name=step]').innerText === '0'")


def test_another_prior_keeps_the_networks_and_the_steps(playground):
    page = playground()
    weights = "Array.from(document.querySelector('.playground').page.training.model.encoder.values)"
    steps, before = pause_after(page, 50), page.evaluate(weights)
    field(page, "prior").select_option(label="VampPrior")
    page.evaluate("new Promise(requestAnimationFrame)")
    assert number(page, "step") == steps and page.evaluate(weights) == before
    assert page.url.endswith("#prior=vamp")
    fill(page, "k", "12")
    assert page.url.endswith("#prior=vamp&k=12")
    assert "of 12" in page.locator("dd[data-name=used]").inner_text()


def centre(page, canvas):
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


COMPONENT = """() => {
    const {training, chosen} = document.querySelector(".playground").page, {prior} = training.model;
    const at = array => Array.from(array.subarray(2 * chosen, 2 * chosen + 2));
    return {chosen, pseudo: at(prior.pseudo), mean: at(prior.mixture.means)};
}"""


@pytest.mark.parametrize("prior", ["vamp", "fixed"])
def test_a_dragged_pseudo_input_takes_its_component_along(playground, prior):
    page = playground(f"prior={prior}&k=1")
    canvas = page.locator(".live-plane").first
    canvas.scroll_into_view_if_needed()
    box, reach = canvas.bounding_box(), 2.8
    at = page.evaluate("Array.from(document.querySelector('.playground').page.training.model.prior.pseudo)")
    x = box["x"] + box["width"] * (at[0] + reach) / (2 * reach)
    y = box["y"] + box["height"] * (reach - at[1]) / (2 * reach)
    page.mouse.move(x, y)
    page.mouse.down()
    before = page.evaluate(COMPONENT)
    page.mouse.move(x + 30, y - 40, steps=4)
    page.mouse.up()
    after, scale = page.evaluate(COMPONENT), 2 * reach / box["width"]
    assert np.subtract(after["pseudo"], before["pseudo"]) == pytest.approx([30 * scale, 40 * scale], abs=0.03)
    assert after["mean"] != before["mean"]


@pytest.mark.parametrize("data", ["moons", "digits"])
def test_everything_is_done_by_keys(playground, data):
    page = playground(f"data={data}&prior=vamp&k=3")
    page.locator(".playground-play").press("Enter")
    page.wait_for_function("document.querySelector('.playground').page.training.steps > 20")
    page.locator(".playground-play").press("Enter")
    hand, plane = (page.locator(".live-plane").nth(k) for k in (0, 1))
    hand.press("Enter")
    hand.press("Enter")
    before = page.evaluate(COMPONENT)
    assert before["chosen"] == 1
    hand.press("ArrowRight")
    assert page.evaluate(COMPONENT)["mean"] != before["mean"]
    hand.press("Escape")
    plane.press("Shift+ArrowUp")
    page.get_by_text("ecoded").last.wait_for()
    page.locator(".playground-decoded p", has_text=re.compile(r"\(")).wait_for()
    plane.press("Escape")
    page.locator(".playground-decoded p", has_text=re.compile(r"^$")).wait_for(state="attached")


def test_pointing_at_the_plane_shows_a_digit(playground):
    page = playground("data=digits&rate=0.01")
    pause_after(page, 100)
    page.mouse.move(*centre(page, page.locator(".live-plane").nth(1)))
    page.locator(".playground-decoded p", has_text="Decoded at (").wait_for()
    assert len(set(image_on(page, ".playground-seen"))) > 10


def test_likelihoods_are_measured_for_points_only(playground):
    page = playground()
    play(page)
    page.wait_for_function("document.querySelector('.playground').page.training.steps > 100")
    page.get_by_role("button", name="Measure the likelihood").click()
    assert page.locator(".playground-play").inner_text() == "Go on", "the training rests meanwhile"
    page.locator(".playground-likelihood", has_text=re.compile(r"ELBO −.*importance samples say −")).wait_for()
    field(page, "data").select_option(label="Digits, 8 × 8")
    page.get_by_role("button", name="Measure the likelihood").click()
    page.get_by_text("digits have no likelihood here").wait_for()


def test_it_stops_out_of_sight_and_goes_on(playground):
    page = playground()
    play(page)
    steps = "document.querySelector('.playground').page.training.steps"
    page.wait_for_function(f"{steps} > 10")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function("!document.querySelector('.playground').page.runner.seen")
    before = page.evaluate(f"new Promise(resume => setTimeout(resume, 100)).then(() => {steps})")
    assert page.evaluate(f"new Promise(resume => setTimeout(resume, 300)).then(() => {steps})") == before
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_function(f"{steps} > {before}")


def test_a_tab_that_slept_says_so(playground):
    page = playground()
    play(page)
    for hidden in ("true", "false"):
        page.evaluate(f"Object.defineProperty(document, 'hidden', {{value: {hidden}, configurable: true}})")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.locator(".live-said", has_text="rested while the tab was hidden, and goes on from step").wait_for()


def test_reduced_motion_takes_steps_instead(playground):
    page = playground(reduced_motion="reduce")
    page.get_by_role("button", name="Train 200 steps").click()
    page.wait_for_function("document.querySelector('dd[data-name=step]').innerText === '200'")
    page.get_by_role("button", name="Train 200 steps").wait_for()


# -- readers without what it needs, and what may go wrong -------------------------------------


def test_without_scripts_a_picture_and_a_sentence_stand_there(playground):
    page = playground(java_script_enabled=False)
    assert page.locator(".playground img").bounding_box()["width"] > 300
    assert "needs JavaScript" in page.locator(".playground").inner_text()
    page.faults.clear()  # scripts that the theme preloads are given up


def test_a_browser_without_observers_gets_picture_and_reason(opened, home):
    lack = "delete window.IntersectionObserver"
    page = opened(f"{home}book/playground.html", prepare=lambda page: page.add_init_script(lack))
    page.locator(".playground [role=status]", has_text="This browser lacks").wait_for()
    assert page.locator(".playground img").is_visible()
    page.faults.clear()  # the theme lacks it too


def test_it_runs_from_a_disk(opened):
    page = opened(f"file://{HTML}/book/playground.html#prior=vamp&k=5")
    page.wait_for_function("document.querySelector('.playground').page")
    assert pause_after(page, 20) >= 20
    field(page, "data").select_option(label="Digits, 8 × 8")
    assert page.url.endswith("#data=digits&prior=vamp&k=5")


NONSENSE = [
    ("k=900", "K cannot be 900, since there are 500 data points", "k", "500"),
    ("k=2.5", "is a whole number from 1 to 500", "k", "3"),
    ("data=cats", "There is no data “cats”", "data", "moons"),
    ("rate=fast", "is no number for “Learning rate”", "rate", "0.003"),
    ("beta=%E0%A4%A", "is no number for “Weight β”", "beta", "1"),
    ("depth=-1", "from 1 to 4", "depth", "1"),
    ("preset=nothing", "There is no preset “nothing”", "data", "moons"),
    ("seed=&x=1", "“x”, which is no setting", "seed", "1"),
    ("prior=constructor", "There is no prior “constructor”", "prior", "standard"),
]


def test_nonsense_in_the_address_is_told_and_mended(playground):
    page = playground(NONSENSE[0][0])
    for fragment, sentence, name, value in NONSENSE:
        page.evaluate("fragment => { location.hash = fragment; }", fragment)
        page.locator(".live-said", has_text=sentence).wait_for()
        assert field(page, name).input_value() == value
        page.get_by_role("button", name="Step", exact=True).click()
        page.wait_for_function("document.querySelector('dd[data-name=step]').innerText === '1'")


def test_a_new_address_on_the_open_page_is_followed(playground):
    page = playground("data=rings")
    page.evaluate("location.hash = '#preset=collapse&seed=3'")
    page.wait_for_function("document.querySelector('.playground').page.settings.beta === 5")
    assert field(page, "seed").input_value() == "3"
    assert field(page, "data").input_value() == "digits"


def test_nonsense_in_a_field_is_told_and_mended(playground):
    page = playground("prior=vamp")
    fill(page, "k", "a lot")
    assert "“a lot” is no number" in page.locator(".live-said").inner_text()
    assert field(page, "k").input_value() == "50"


def test_a_rate_that_diverges_is_told_and_leaves_a_state_to_go_on_from(playground):
    page = playground("rate=10&prior=vamp")
    play(page)
    page.locator(".live-said", has_text="the loss left all bounds").wait_for()
    for name in ("elbo", "kl", "scale"):
        assert np.isfinite(number(page, name))
    assert "NaN" not in page.locator(".playground").inner_text()
    fill(page, "rate", "0.003")
    assert pause_after(page, 100) >= 100
    assert number(page, "elbo") > -60


# -- everybody's page ------------------------------------------------------------------------


def test_a_phone_shows_it_in_one_column_and_takes_fingers(playground):
    page = playground("prior=vamp", **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    boxes = [page.locator(".live-plane").nth(k).bounding_box() for k in (0, 1)]
    assert all(box["width"] > 280 for box in boxes) and boxes[0]["x"] == boxes[1]["x"]
    plane = page.locator(".live-plane").nth(1)
    plane.scroll_into_view_if_needed()
    plane.tap(position={"x": 100, "y": 100})
    page.locator(".playground-decoded p", has_text="is decoded to").wait_for()


def test_drawing_takes_less_than_half_a_frame(playground):
    page = playground("prior=vamp")
    pause_after(page, 100)
    times = page.evaluate("""Array.from({length: 40}, () => {
        const start = performance.now();
        document.querySelector(".playground").page.draw();
        return performance.now() - start;
    })""")
    assert min(times) < 8, "milliseconds, other work on the machine aside"


def test_chapter_2_has_a_small_one(playground):
    page = playground(name=SMALL)
    assert page.locator(".playground").count() == 1
    pause_after(page, 50)
    field(page, "prior").select_option(label="VampPrior")
    assert "#" not in page.url
    assert page.locator(".bd-article a[href*='playground.html']").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(playground, axe, scheme):  # noqa: F811
    page = playground("preset=one", color_scheme=scheme)
    pause_after(page, 60)
    page.evaluate(axe)
    found = page.evaluate(
        "axe.run('.playground').then(({violations}) => violations.map(v => [v.impact, v.id, v.nodes[0].html]))"
    )
    assert not [violation for violation in found if violation[0] in ("serious", "critical")]
