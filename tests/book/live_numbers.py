"""The live page's networks and costs in Chromium against Keras's.

    pip install playwright
    python -m pytest -rs tests/book/live_numbers.py      after `make book`; CHROMIUM names another browser

What needs the real images is skipped, and says so, where VAMP_DATA_DIR does not lead to them.
"""

import functools
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from browse import HTML

import vamp_core as vc
from vamp_core.pretrained import publish
from vamp_core.training.build import build_model
from vamp_core.training.recipes import RECIPES

sys.path.append(str(Path(__file__).parents[2] / "book" / "live"))

from export import export  # noqa: E402
from points import offered  # noqa: E402

pytest_plugins = ["live_page"]

TOLERANCE = 1e-3
UNTRAINED = "untrained-hvae-vamp"
POINTS = [[0.0, 0.0], [1.5, -1.0], [-2.0, 0.5]]

WAKE = """async name => {
    const entry = Live.index.models.find(model => model.name === name);
    window.model = new Live.Model(entry, await Live.load(entry, "plane"));
    await Promise.all([model.wakeGenerator(), model.wakeRecogniser()]);
}"""
DECODE = "points => points.map(z => Array.from(model.decode(z)))"
LOG_PRIOR = "points => points.map(([first, second]) => model.logPrior(first, [second])[0])"
ENCODE = """images => images.map(image => {
    const {mean, logvar} = model.encode(Float32Array.from(image));
    return [...mean, ...logvar];
})"""
COSTS = """images => images.map(image => {
    const x = Float32Array.from(image), {reconstruction, kl} = model.costs(x, model.encode(x));
    return [reconstruction, kl];
})"""


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    """A model with two levels and a VampPrior, exported beside the page's own: {file name: script}, entry, model."""
    folder = tmp_path_factory.mktemp("untrained")
    config = vc.TrainingConfig(**RECIPES["book"], model="hvae", prior="vamp", data_set="digits", num_components=20)
    data = vc.load_data("digits")
    model = build_model(config, (28, 28, 1))
    model.prior.adapt(data.x_train, seed=0)
    publish(UNTRAINED, model, data, config, {"epochs": 1, "minutes": 0}, folder)
    model, _ = vc.load_pretrained(UNTRAINED, folder)
    means, _ = model.encode(data.x_test)
    entry = export(UNTRAINED, (means, data.y_test), folder, folder)
    return folder, {**entry, "dataSet": "mnist"}, model


@functools.cache
def trained(name):
    return vc.load_pretrained(name)[0]


def close_to(given, expected, tolerance=TOLERANCE):
    # The relative part is float32's own rounding, for latents that lie hundreds of units from the origin.
    np.testing.assert_allclose(np.asarray(given), np.asarray(expected), rtol=2e-6, atol=tolerance)


def real_images(name, count):
    try:
        return vc.load_data(name.split("-")[0]).x_test[:count] if os.environ.get("VAMP_DATA_DIR") else None
    except vc.InputError:
        return None


def flat(images):
    return images.reshape(len(images), -1).tolist()


@pytest.mark.parametrize("name", offered())
def test_decoders_and_priors_give_what_keras_gives(opened, name):
    page, model = opened(), trained(name)
    page.evaluate(WAKE, name)
    close_to(page.evaluate(DECODE, POINTS), model.decode(POINTS).reshape(3, -1))
    close_to(page.evaluate(LOG_PRIOR, POINTS), model.log_prior(POINTS))


@pytest.mark.parametrize("name", offered())
def test_a_hundred_real_images_give_what_keras_gives(opened, name):
    images = real_images(name, 100)
    if images is None:
        pytest.skip("no real images: set VAMP_DATA_DIR")
    page, model = opened(), trained(name)
    page.evaluate(WAKE, name)
    encoded = np.concatenate(model.encode(images), axis=1)
    close_to(page.evaluate(ENCODE, flat(images)), encoded)
    close_to(page.evaluate(DECODE, encoded[:, :2].tolist()), model.decode(encoded[:, :2]).reshape(100, -1))
    terms = model.elbo(images, samples=50, seed=0)
    costs = np.mean(page.evaluate(COSTS, flat(images)), axis=0)
    close_to(costs, [-terms.reconstruction.mean(), terms.kl.mean()], 0.3)


def test_two_levels_and_a_vampprior_give_what_keras_gives(opened, untrained):
    folder, entry, model = untrained

    def serve(page):
        page.route(f"**/{UNTRAINED}.*", lambda route: route.fulfill(path=folder / route.request.url.rsplit("/")[-1]))

    page = opened(prepare=serve)
    page.evaluate("entry => { Live.index.models.push(entry); }", entry)
    page.evaluate(WAKE, UNTRAINED)
    images = vc.load_data("digits").x_test[:50]
    close_to(page.evaluate(ENCODE, flat(images)), np.concatenate(model.encode(images), axis=1))
    close_to(page.evaluate(DECODE, POINTS), model.decode(POINTS).reshape(3, -1))
    close_to(page.evaluate(LOG_PRIOR, POINTS), model.log_prior(POINTS))
    terms = model.elbo(images[:20], samples=200, seed=0)
    costs = np.mean(page.evaluate(COSTS, flat(images[:20])), axis=0)
    close_to(costs, [-terms.reconstruction.mean(), terms.kl.mean()], 0.2)
    samples = np.array(page.evaluate("Array.from({length: 2000}, () => model.sample())"))
    close_to(samples.mean(axis=0), np.mean(model.ancestral(2000, 0), axis=0), 0.15)


def test_a_decoding_takes_less_than_a_frame(opened):
    page = opened()
    page.evaluate(WAKE, offered()[0])
    times = page.evaluate("""Array.from({length: 60}, (_, k) => {
        const start = performance.now();
        model.decodeMean([k / 30 - 1, 1]);
        return performance.now() - start;
    })""")
    assert np.quantile(times[10:], 0.25) < 16, "milliseconds, other work on the machine aside"


def test_it_runs_from_a_disk(opened):
    page, name = opened(f"file://{HTML}/book/live.html"), offered()[0]
    page.evaluate(WAKE, name)
    close_to(page.evaluate(DECODE, POINTS), trained(name).decode(POINTS).reshape(3, -1))
