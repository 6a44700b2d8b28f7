"""Annealed importance sampling against closed forms, from both sides."""

import keras
import numpy as np
import pytest
from keras import ops
from linear_models import linear_hvae, linear_vae

import vamp_core as vc
from vamp_core.system.gradients import value_and_gradient

INK = (np.random.default_rng(0).random((4, 8, 8, 1)) < 0.3).astype("float32")
MODELS = {"vae": lambda: linear_vae(3, 0), "hvae": lambda: linear_hvae((2, 2), 0)}


def test_gradients_are_each_rows_own():
    z = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(5, 3)).astype("float32"))
    (values, other), gradient = value_and_gradient(lambda z: (ops.sum(z**3, axis=1), z[:, 0]), z)
    z, values, other, gradient = map(ops.convert_to_numpy, (z, values, other, gradient))
    np.testing.assert_allclose(values, np.sum(z**3, axis=1), rtol=1e-5)
    np.testing.assert_array_equal(other, z[:, 0])
    np.testing.assert_allclose(gradient, 3 * z**2, rtol=1e-5)
    # What does not depend on z has no derivative, and that is no error.
    _, gradient = value_and_gradient(lambda z: (ops.ones(5), ()), ops.convert_to_tensor(z))
    np.testing.assert_array_equal(ops.convert_to_numpy(gradient), np.zeros((5, 3)))


@pytest.mark.parametrize("start", ["posterior", "prior"])
@pytest.mark.parametrize("kind", MODELS)
def test_linear_gaussian_log_likelihoods_are_within_their_standard_errors(kind, start):
    model, marginal = MODELS[kind]()
    x = marginal.rvs(40, random_state=1).astype("float32")
    result = vc.ais_log_likelihood(model, x, chains=10, temperatures=40, start=start, verbose=0)
    error = result.estimate - marginal.logpdf(x)
    assert np.mean(np.abs(error) <= 3.5 * result.standard_error + 1e-3) >= 0.95
    assert np.abs(error.mean()) < 0.1
    assert np.all((result.acceptance > 0.4) & (result.acceptance < 0.95))
    assert np.all((result.effective_chains >= 1) & (result.effective_chains <= 10 + 1e-9))


def test_more_temperatures_tighten_the_bound():
    model, marginal = linear_vae(3, 0)
    x = marginal.rvs(40, random_state=1).astype("float32")
    settings = dict(chains=2, start="prior", verbose=0)
    few, many = (
        np.mean(vc.ais_log_likelihood(model, x, temperatures=t, **settings).estimate - marginal.logpdf(x))
        for t in (2, 60)
    )
    assert few < many - 0.5
    assert many < 0.1


@pytest.mark.thorough
@pytest.mark.parametrize("start", ["posterior", "prior"])
@pytest.mark.parametrize("kind", MODELS)
def test_both_bounds_bracket_the_closed_form(kind, start):
    model, marginal = MODELS[kind]()
    bounds = vc.bidirectional_bounds(model, 40, chains=4, temperatures=20, start=start, verbose=0)
    truth = marginal.logpdf(bounds.x)
    for excess in (bounds.lower - truth, truth - bounds.upper):
        assert np.mean(excess) < 3 * np.std(excess) / np.sqrt(40)
    gap = np.mean(bounds.upper - bounds.lower)
    assert -0.1 < gap < 0.5
    wide = vc.bidirectional_bounds(model, 40, chains=4, temperatures=2, start="prior", verbose=0)
    np.testing.assert_array_equal(wide.x, bounds.x)
    assert np.mean(wide.upper - wide.lower) > gap + 0.5
    assert np.mean(wide.lower - truth) < 0 < np.mean(wide.upper - truth)


@pytest.mark.thorough
def test_neither_order_nor_batch_size_matters():
    prior = vc.VampPrior(pseudo_inputs=INK[:3])
    model = vc.HVAE(image_shape=(8, 8, 1), latent_dim=4, network_size=0.5, prior=prior)
    settings = dict(chains=3, temperatures=5, verbose=0)
    together = vc.ais_log_likelihood(model, INK, **settings)
    apart = vc.ais_log_likelihood(model, INK[::-1], batch_size=6, **settings)
    np.testing.assert_allclose(apart.estimate[::-1], together.estimate, atol=1e-3)
    other = vc.ais_log_likelihood(model, INK, seed=1, **settings)
    assert np.all(other.estimate != together.estimate)


class Rounded(vc.Bernoulli):
    def log_prob(self, x, logits):
        return super().log_prob(x, ops.round(logits))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(chains=0), "chains is 0"),
        (dict(temperatures=2.5), "temperatures is 2.5; choose a whole number"),
        (dict(start="encoder"), "start is 'encoder'; choose one of posterior, prior"),
        (dict(seed=-3), "seed is -3"),
        (dict(x=0.5 * INK), "would not be a likelihood"),
        (dict(likelihood=Rounded()), "likelihood Rounded has no gradient"),
    ],
)
def test_what_cannot_be_annealed_is_refused(arguments, message):
    likelihood = arguments.pop("likelihood", "bernoulli")
    model = vc.VAE(image_shape=(8, 8, 1), network_size=0.5, likelihood=likelihood)
    with pytest.raises(vc.InputError, match=message):
        vc.ais_log_likelihood(model, **{"x": INK, "verbose": 0, **arguments})


def test_the_models_weights_are_left_alone():
    model = vc.VAE(image_shape=(8, 8, 1), network_size=0.5, prior=vc.VampPrior(pseudo_inputs=INK[:3]))
    before = model.get_weights()
    vc.ais_log_likelihood(model, INK, chains=2, temperatures=3, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    assert keras.config.dtype_policy().name == "float32"
