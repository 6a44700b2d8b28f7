"""The refined and widened posterior: a better proposal than the encoder's, and the same integral."""

import numpy as np
import pytest
from keras import ops
from linear_models import linear_hvae, linear_vae

import vamp_core as vc
from vamp_core.evaluation.many_latents import RefinedMixture
from vamp_core.evaluation.posteriors import draw, standardized
from vamp_core.evaluation.refinement import DATA_AT_A_TIME, LATENTS, Refinement

RNG = np.random.default_rng(0)
MODELS = {"vae": lambda: linear_vae(8, 0), "hvae": lambda: linear_hvae((4, 4), 0)}


def off_the_mark(model):
    """Makes the encoder's means too small and its standard deviations a third, at the top level."""
    mean, logvar = (model.encoder.get_layer(name) for name in ("mean", "logvar"))
    mean.set_weights([0.7 * weights for weights in mean.get_weights()])
    logvar.set_weights([logvar.get_weights()[0], logvar.get_weights()[1] - 2 * np.log(3.0)])
    return model


@pytest.mark.parametrize("kind", MODELS)
def test_log_likelihoods_are_right_though_the_encoder_is_not(kind):
    model, marginal = MODELS[kind]()
    off_the_mark(model)
    x = marginal.rvs(DATA_AT_A_TIME + 5, random_state=1).astype("float32")
    found = vc.log_likelihood(model, x, samples=1000, verbose=0)
    by_encoder = vc.log_likelihood(model, x, samples=1000, verbose=0, proposal="encoder")
    error = np.abs(found.estimate - marginal.logpdf(x))
    assert np.max(error / found.standard_error) < 4
    assert not np.any(found.doubtful)
    assert np.median(found.effective_samples) > 300
    assert np.mean(error) < 0.1 * np.mean(np.abs(by_encoder.estimate - marginal.logpdf(x)))


@pytest.mark.parametrize("kind", MODELS)
def test_the_refined_density_of_a_linear_model_is_its_posterior(kind):
    """p(z | x) is normal: the gradient of its logarithm vanishes at the mean, and grows by its precision."""
    model, marginal = MODELS[kind]()
    x = marginal.rvs(3, random_state=1).astype("float32")
    streams = [np.random.default_rng(i) for i in range(3)]
    refinement = Refinement(off_the_mark(model))
    _, means, scales = refinement.densities(x, streams)
    nearby = means[:, None] + np.concatenate([np.eye(8), np.zeros((LATENTS - 8, 8))])
    gradients = refinement.joint_gradient.predict_on_batch((x, nearby.astype("float32")))
    gradients, at_mean = gradients[:, :8], gradients[:, 8:]
    np.testing.assert_allclose(at_mean, 0, atol=0.02)
    precision = np.linalg.inv(scales @ np.swapaxes(scales, 1, 2))
    np.testing.assert_allclose(-gradients, precision, atol=0.03 * precision.max())


def test_the_refined_posterior_is_the_best_without_correlations():
    """Of a linear model: the mean of p(z | x), and the inverse of the diagonal of its precision."""
    model, marginal = linear_vae(8, 0)
    x = marginal.rvs(3, random_state=1).astype("float32")
    weights = model.decoder.get_weights()[0]
    precision = np.eye(8) + weights @ weights.T / 0.36
    mean = np.linalg.solve(precision, weights @ x.T / 0.36).T
    streams = [np.random.default_rng(i) for i in range(3)]
    _, after = Refinement(off_the_mark(model)).before_and_after(x, streams)
    np.testing.assert_allclose(after[0], mean, atol=0.15)
    np.testing.assert_allclose(after[1], np.broadcast_to(-np.log(np.diag(precision)), (3, 8)), atol=0.25)


def test_a_prior_whose_components_are_its_variables_stays_fixed_through_what_is_compiled():
    """A mixture of one N(0, I) is the standard prior, whichever backend compiles its variables away."""
    model, marginal = linear_vae(8, 0)
    of_mixture = vc.VAE(
        encoder=model.encoder, decoder=model.decoder, likelihood=model.likelihood, prior=vc.MixtureOfGaussians(1)
    )
    of_mixture.prior.means.assign(np.zeros((1, 8)))
    of_mixture.prior.logvars.assign(np.zeros((1, 8)))
    x = marginal.rvs(2, random_state=1).astype("float32")
    found = (vc.log_likelihood(each, x, samples=200, verbose=0).estimate for each in (of_mixture, model))
    np.testing.assert_allclose(*found, rtol=1e-4)


@pytest.mark.parametrize("kind", MODELS)
def test_weights_of_all_parts_average_to_the_same_integral(kind):
    """Whatever the refined density is."""
    model, marginal = MODELS[kind]()
    x = marginal.rvs(1, random_state=1).astype("float32").reshape(1, 10)
    before = tuple(model.posterior(x))
    means = RNG.normal(size=(1, 8)) / 3 + model.encode(x)[0]
    scales = np.tril(RNG.normal(size=(1, 8, 8)) / 5, -1) + np.eye(8) / 2
    mixture = RefinedMixture(model, 5000, run_eagerly=True)
    log_weights = np.concatenate(
        list(mixture.log_weights(x, before, means, scales, np.array([0.3]), 20_000, 0)), axis=1
    )
    assert log_weights.shape == (1, 20_000)
    weights = np.exp(log_weights - marginal.logpdf(x))
    assert weights.mean() == pytest.approx(1, abs=4 * weights.std() / np.sqrt(20_000))


@pytest.mark.parametrize("kind", MODELS)
def test_densities_at_any_latents_are_those_of_the_draws(kind):
    model, marginal = MODELS[kind]()
    posterior = model.posterior(marginal.rvs(6, random_state=1).astype("float32"))
    widths = (8,) if kind == "vae" else (4, 4)
    noise = [ops.convert_to_tensor(np.random.default_rng(0).normal(size=(6, w)).astype("float32")) for w in widths]
    z, *by_noise = draw(model, posterior, noise)
    square, log_height = standardized(model, posterior, z)
    for found, expected in zip((square, log_height), by_noise, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(found), ops.convert_to_numpy(expected), rtol=1e-3, atol=1e-3)
    drawn = iter(noise)
    own_z, kl = model.draw(posterior, lambda shape: next(drawn))
    np.testing.assert_allclose(ops.convert_to_numpy(z), ops.convert_to_numpy(own_z), rtol=1e-5, atol=1e-5)
    log_q = ops.convert_to_numpy(log_height - 0.5 * square)
    np.testing.assert_allclose(log_q, ops.convert_to_numpy(kl + model.log_prior(z)), rtol=1e-3, atol=1e-3)


def test_a_refinement_that_does_not_help_is_dropped(monkeypatch):
    """Steps that are far too long: the encoder's own posterior is kept."""
    monkeypatch.setattr("vamp_core.evaluation.refinement.RATE", 100.0)
    model, marginal = linear_vae(8, 0)
    x = marginal.rvs(3, random_state=1).astype("float32")
    before, after = Refinement(model).before_and_after(x, [np.random.default_rng(i) for i in range(3)])
    np.testing.assert_array_equal(after, before)
    np.testing.assert_array_equal(before, model.encode(x))


def test_a_resumed_evaluation_has_the_same_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr("vamp_core.evaluation.many_latents.DATA_AT_A_TIME", 4)
    model, marginal = linear_vae(8, 0)
    x = marginal.rvs(7, random_state=1).astype("float32")
    settings = dict(samples=40, batch_size=40, verbose=0)
    finished = vc.log_likelihood(model, x, **settings)
    run, calls, file = RefinedMixture.predict_on_batch, [], tmp_path / "likelihood.npz"

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return run(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(RefinedMixture, "predict_on_batch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            vc.log_likelihood(model, x, **settings, resume_file=file)
    with np.load(file) as found:
        assert found["results"].shape == (5, 5)
    resumed = vc.log_likelihood(model, x, **settings, resume_file=file)
    np.testing.assert_array_equal(resumed, finished)


def test_neither_order_nor_batch_size_matters():
    model, marginal = linear_hvae((4, 4), 0)
    x = marginal.rvs(7, random_state=1).astype("float32")
    alone = vc.log_likelihood(model, x, samples=50, verbose=0)
    other = vc.log_likelihood(model, x[::-1], samples=50, batch_size=7, verbose=0)
    np.testing.assert_allclose(other.estimate[::-1], alone.estimate, atol=5e-3)


def test_the_encoder_does_not_run_anew_for_each_data_point(monkeypatch):
    model, marginal = linear_vae(8, 0)
    x = marginal.rvs(DATA_AT_A_TIME, random_state=1).astype("float32")
    posterior, sizes = model.posterior, []
    monkeypatch.setattr(model, "posterior", lambda x: sizes.append(len(x)) or posterior(x))
    runs = []
    for count in (1, DATA_AT_A_TIME):
        sizes.clear()
        vc.log_likelihood(model, x[:count], samples=50, batch_size=50, verbose=0)
        runs.append(len(sizes))
    assert runs[0] == runs[1] and sizes.count(DATA_AT_A_TIME) == 1


@pytest.mark.parametrize(("latents", "searched"), [(4, True), (5, False)])
def test_up_to_four_latents_are_searched(latents, searched):
    model, marginal = linear_vae(latents, 0)
    x = marginal.rvs(2, random_state=1).astype("float32")
    found = vc.log_likelihood(model, x, samples=20, verbose=0)
    assert np.isfinite(found.disagreement).all() == searched  # with which only a search can disagree


def test_a_bank_is_refused():
    model, marginal = linear_vae(8, 0)
    x = marginal.rvs(3, random_state=1).astype("float32")
    with pytest.raises(vc.InputError, match="models of up to 4 latents, and this one has 8: leave it out"):
        vc.log_likelihood(model, x, bank=x, verbose=0)
