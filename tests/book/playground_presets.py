"""Each preset of the playground reaches the state that its sentence promises, from its seed, in so many steps.

    pip install playwright
    python -m pytest -rs tests/book/playground_presets.py      CHROMIUM names another browser

It needs no built book: the scripts are run from where they are written.
"""

import pytest

pytest_plugins = ["playground_page"]

STATE = """({preset, changes, steps}) => {
    window.training = new Playground.Training({...Playground.startOf(preset), ...changes});
    while (training.steps < (steps ?? Playground.PRESETS[preset].until)) if (!training.step()) throw new Error("lost");
    training.measure();
    return {...training.now, posterior: null, samples: null};
}"""
GO_ON = """({prior, k, beta, steps}) => {
    if (prior) training.changePrior(prior, k ?? 50);
    training.settings.beta = beta ?? training.settings.beta;
    for (let n = 0; n < steps; n++) if (!training.step()) throw new Error("lost");
    training.measure();
    return {...training.now, posterior: null, samples: null};
}"""


def state(page, preset, **changes):
    """The numbers of the moment that the preset's sentence is about, with some of its settings changed."""
    return page.evaluate(STATE, {"preset": preset, "changes": changes})


def go_on(page, **changes):
    """The numbers after so many more `steps` with another `prior`, `k` or `beta`."""
    return page.evaluate(GO_ON, changes)


def test_a_hole_and_the_vampprior_that_closes_it(engine):
    before = state(engine, "hole")
    assert before["holes"] > 1 / 6
    after = go_on(engine, prior="vamp", steps=300)
    assert after["holes"] < 0.02 and after["misfit"] < before["misfit"] / 2


def test_collapse(engine):
    found = state(engine, "collapse")
    assert found["active"] == 0 and abs(found["kl"]) < 0.02


def test_one_component_against_fifty(engine):
    one = state(engine, "one")
    assert one["misfit"] > 1 / 3
    fifty = go_on(engine, prior="vamp", k=50, steps=300)
    assert fifty["elbo"] > one["elbo"] + 0.3 and fifty["misfit"] < one["misfit"] - 0.3


def test_a_mixture_that_starts_at_the_origin(engine):
    assert state(engine, "origin")["holes"] > 1 / 3
    assert state(engine, "origin", prior="vamp")["holes"] < 0.15


def test_runaway_scale_and_the_prior_that_ends_it(engine):
    assert state(engine, "runaway")["scale"] > 4 * 1.1
    assert go_on(engine, prior="standard", steps=200)["scale"] < 1.1


def test_an_over_confident_encoder(engine):
    measure = "Playground.likelihoods(training.model, training.data)"
    state(engine, "confident")
    found = engine.evaluate(measure)
    assert found["elbo"] < found["estimate"] < found["truth"] - 2
    assert found["error"] < 0.2
    go_on(engine, beta=1, steps=1000)
    found = engine.evaluate(measure)
    assert found["elbo"] < found["estimate"] == pytest.approx(found["truth"], abs=0.1)


def test_a_setting_trains_the_same_way_each_time(engine):
    given = {"preset": "", "changes": {"data": "sine", "prior": "mixture", "k": 7, "seed": 5}, "steps": 50}
    assert engine.evaluate(STATE, given) == engine.evaluate(STATE, given)
