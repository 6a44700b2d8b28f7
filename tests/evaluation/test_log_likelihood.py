"""Log-likelihoods against closed forms and quadrature; what does not matter must not change them."""

import threading

import keras
import numpy as np
import pytest
from keras import ops
from linear_models import dense, heads, linear_hvae, linear_vae
from scipy import integrate, special, stats

import vamp_core as vc
from vamp_core.evaluation.importance import Chunk, float32_networks, summary
from vamp_core.evaluation.pareto import pareto_k, tail_size

RNG = np.random.default_rng(0)
INK = (RNG.random((6, 8, 8, 1)) < 0.3).astype("float32")


@pytest.mark.parametrize("make", [
    lambda s: linear_vae(1, s),
    pytest.param(lambda s: linear_vae(3, s), marks=pytest.mark.thorough),
    lambda s: linear_hvae((1, 1), s),
    pytest.param(lambda s: linear_vae(8, s), marks=pytest.mark.thorough),
    pytest.param(lambda s: linear_hvae((3, 2), s), marks=pytest.mark.thorough),
])  # fmt: skip
@pytest.mark.parametrize("proposal", ["mixture", "encoder"])
def test_linear_gaussian_log_likelihoods_are_within_their_standard_errors(make, proposal):
    """Four hundred points: errors in units of the standard error behave like a standard normal's."""
    model, marginal = make(0)
    x = marginal.rvs(400, random_state=1).astype("float32").reshape(400, 10)
    result = vc.log_likelihood(model, x, samples=1000, verbose=0, proposal=proposal)
    z_scores = (result.estimate - marginal.logpdf(x)) / result.standard_error
    assert abs(np.mean(z_scores)) < 0.2  # standard error 1/√400
    # Samples shared out evenly over the components of a mixture are better than their error says.
    assert (0.85 if proposal == "encoder" else 0.5) < np.std(z_scores) < 1.2
    if proposal == "mixture":
        assert np.median(result.effective_samples) > 100
    if np.isfinite(result.disagreement[0]):  # where there was a search, it found the same
        assert np.median(np.abs(result.disagreement)) < 0.5
    assert np.max(np.abs(z_scores)) < 5
    assert np.all((result.effective_samples >= 1) & (result.effective_samples <= 1000))


def conv_model(prior, latent_dim):
    keras.utils.set_random_seed(0)
    if prior == "vamp":
        prior = vc.VampPrior(pseudo_inputs=INK[:3])
    elif prior == "mog":
        prior = vc.MixtureOfGaussians(3, seed=0)
    return vc.VAE(image_shape=(8, 8, 1), latent_dim=latent_dim, prior=prior, network_size=0.5, decoder_trunk=(16,))


@pytest.mark.parametrize("prior", ["standard", "mog", "vamp"])
@pytest.mark.parametrize("latent_dim", [1, pytest.param(2, marks=pytest.mark.thorough)])
def test_log_likelihood_is_the_integral_over_the_latents(prior, latent_dim):
    """∫ p(x | z) p(z) dz of the convolutional decoder by brute force on a grid."""
    model = conv_model(prior, latent_dim)
    axis = np.linspace(-8, 8, 801 if latent_dim == 1 else 161, dtype="float32")
    grid = np.stack(np.meshgrid(*[axis] * latent_dim, indexing="ij"), axis=-1).reshape(-1, latent_dim)
    logits = model.decode(grid)
    log_prior = ops.convert_to_numpy(model.prior.log_prob(grid)).astype("float64")
    cell = (axis[1] - axis[0]) ** latent_dim
    assert special.logsumexp(log_prior) + np.log(cell) == pytest.approx(0, abs=1e-3)
    result = vc.log_likelihood(model, INK, samples=2000, seed=0, verbose=0)
    for x, estimate, error in zip(INK, result.estimate, result.standard_error, strict=True):
        log_px = np.sum(x * logits - np.logaddexp(0, logits), axis=(1, 2, 3))
        exact = special.logsumexp(log_px + log_prior) + np.log(cell)
        assert estimate == pytest.approx(exact, abs=max(4 * error, 1e-3))


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["vae", "hvae"])
@pytest.mark.parametrize("proposal", ["mixture", "encoder"])
def test_neither_order_nor_batch_size_matters(kind, proposal):
    model = conv_model("vamp", 2) if kind == "vae" else vc.HVAE(image_shape=(8, 8, 1), network_size=0.5)
    settings = dict(samples=50, verbose=0, proposal=proposal)
    alone = vc.log_likelihood(model, INK, batch_size=10_000, **settings)
    uneven = vc.log_likelihood(model, INK, batch_size=200, **settings)  # four data points at a time, then two
    split = vc.log_likelihood(model, INK, batch_size=7, **settings)
    backwards = vc.log_likelihood(model, INK[::-1], batch_size=120, **settings)
    for a, b, c, d in zip(alone, split, backwards, uneven, strict=True):
        np.testing.assert_allclose(d, a, rtol=2e-3, atol=1e-3)
        np.testing.assert_allclose(b, a, rtol=2e-3, atol=1e-3)
        np.testing.assert_allclose(c[::-1], a, rtol=2e-3, atol=1e-3)
    other = vc.log_likelihood(model, INK, seed=1, **settings)
    assert np.all(other.estimate != alone.estimate)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [vc.VAE, vc.HVAE])
def test_mixed_precision_models_are_scored_in_float32_and_stay_mixed(kind):
    prior = dict(prior=vc.VampPrior(pseudo_inputs=INK[:3]))
    exact = kind(image_shape=(8, 8, 1), network_size=0.5, decoder_trunk=(16,), **prior)
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = kind(image_shape=(8, 8, 1), network_size=0.5, decoder_trunk=(16,), prior=vc.VampPrior(3))
    model.set_weights(exact.get_weights())
    before = model.elbo(INK, seed=0).elbo
    expected = vc.log_likelihood(exact, INK, samples=100, verbose=0)
    for batch_size in (1000, 10):  # in one go, and in so many that they are compiled
        found = vc.log_likelihood(model, INK, samples=100, batch_size=batch_size, verbose=0)
        np.testing.assert_allclose(found.estimate, expected.estimate, rtol=1e-5)
    np.testing.assert_array_equal(model.elbo(INK, seed=0).elbo, before)
    assert np.all(before != exact.elbo(INK, seed=0).elbo)


def test_the_precision_policy_comes_back_after_an_error_and_threads_take_turns():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = vc.VAE(image_shape=(8, 8, 1), network_size=0.5)
    policies = [layer.compute_dtype for layer in model._flatten_layers()]
    assert "bfloat16" in policies
    with pytest.raises(RuntimeError), float32_networks(model):
        raise RuntimeError
    assert [layer.compute_dtype for layer in model._flatten_layers()] == policies
    found, first_is_in = [], threading.Event()

    def second():
        first_is_in.wait()
        with float32_networks(model):
            found.append({layer.compute_dtype for layer in model._flatten_layers()})

    thread = threading.Thread(target=second)
    thread.start()
    with float32_networks(model):
        first_is_in.set()
        thread.join(0.2)
        assert not found
    thread.join()
    assert found == [{"float32"}]
    assert [layer.compute_dtype for layer in model._flatten_layers()] == policies


def test_a_changed_model_is_scored_as_it_is_now():
    """Nothing that was compiled or computed for one call is left for the next."""
    model, twin = conv_model("vamp", 2), conv_model("vamp", 2)
    size = dict(samples=40, batch_size=10, verbose=0)
    before = vc.log_likelihood(model, INK, **size).estimate
    for bias in (model.decoder.get_layer("logits").bias, model.encoder.get_layer("mean").bias):
        bias.assign(bias + 1.0)
    after = vc.log_likelihood(model, INK, **size).estimate
    assert np.all(np.abs(after - before) > 0.1)
    twin.set_weights(model.get_weights())
    np.testing.assert_allclose(vc.log_likelihood(twin, INK, **size).estimate, after, rtol=1e-6)


def test_the_bound_rises_with_k_from_the_elbo_to_the_log_likelihood():
    model, marginal = linear_vae(3, 0)
    x = np.repeat(marginal.rvs(5, random_state=2).astype("float32"), 400, axis=0)
    x += RNG.normal(size=x.shape).astype("float32") * 1e-4  # the same point twice would be given the same noise
    bounds = [vc.iwae_bound(model, x, k).mean() for k in (1, 4, 16, 64)]
    assert np.all(np.diff(bounds) > 0)
    assert bounds[0] == pytest.approx(vc.mean_elbo(model, x)["elbo"], abs=0.1)
    assert bounds[-1] == pytest.approx(marginal.logpdf(x).mean(), abs=0.05)


def test_summary_streams_to_what_all_weights_give_at_once():
    log_weights = RNG.normal(size=(3, 1000)) * 2 - 500
    estimate, error, effective, k = summary(np.split(log_weights, [100, 130, 700], axis=1), 1000)
    weights = np.exp(log_weights + 500)
    np.testing.assert_allclose(estimate, np.log(weights.mean(axis=1)) - 500)
    np.testing.assert_allclose(error, weights.std(axis=1) / weights.mean(axis=1) / np.sqrt(1000), rtol=1e-6)
    np.testing.assert_allclose(effective, weights.sum(axis=1) ** 2 / (weights**2).sum(axis=1))
    np.testing.assert_allclose(k, [pareto_k(np.sort(row)[-tail_size(1000) :]) for row in log_weights])


@pytest.mark.parametrize("shape", [0.2, 0.5, 0.9])
def test_pareto_k_finds_the_shape_of_a_tail(shape):
    estimates = [
        pareto_k(np.log(np.sort(stats.genpareto(shape).rvs(20_000, random_state=seed))[-tail_size(20_000) :]))
        for seed in range(20)
    ]
    assert np.mean(estimates) == pytest.approx(shape, abs=0.06)


def test_pareto_k_is_the_estimator_of_its_paper_term_by_term():
    """Zhang & Stephens 2009 written out in loops, pulled towards 0.5 as by ten more exceedances."""
    log_weights = np.log(np.sort(stats.genpareto(0.4).rvs(41, random_state=0)))
    excess = np.exp(log_weights - log_weights[-1])
    excess = [weight - excess[0] for weight in excess[1:]]
    n, m = 40, 36
    b = [1 / excess[-1] + (1 - np.sqrt(m / (i - 0.5))) / (3 * excess[9]) for i in range(1, m + 1)]
    k = [np.mean([np.log(1 - b_i * x) for x in excess]) for b_i in b]
    likelihood = [n * (np.log(-b_i / k_i) - k_i - 1) for b_i, k_i in zip(b, k, strict=True)]
    weight = [1 / sum(np.exp(other - own) for other in likelihood) for own in likelihood]
    chosen = sum(b_i * w for b_i, w in zip(b, weight, strict=True))
    expected = np.mean([np.log(1 - chosen * x) for x in excess])
    assert pareto_k(log_weights) == pytest.approx((n * expected + 10 * 0.5) / (n + 10), rel=1e-9)


def test_pareto_k_of_weights_that_are_mostly_equal_is_not_told():
    with np.errstate(all="raise"):
        assert np.isnan(pareto_k(np.repeat([-3.0, -1.0, 0.0], [25, 4, 2])))


def test_an_overconfident_proposal_is_told_by_its_pareto_k():
    """A proposal with a fifth of the posterior's standard deviation misses the tails: k̂ must say so."""
    model, marginal = linear_vae(8, 0)
    x = marginal.rvs(5, random_state=1).astype("float32")
    good = vc.log_likelihood(model, x, samples=2000, verbose=0, proposal="encoder")
    logvar = model.encoder.get_layer("logvar")
    logvar.set_weights([logvar.get_weights()[0], logvar.get_weights()[1] + 2 * np.log(0.2)])
    bad = vc.log_likelihood(model, x, samples=2000, verbose=0, proposal="encoder")
    assert np.all(good.pareto_k < 0.5)
    assert np.all(bad.pareto_k > 0.7)
    assert np.all(bad.doubtful)
    assert np.all(bad.effective_samples < good.effective_samples)


def test_an_interrupted_evaluation_keeps_what_is_done(monkeypatch, capsys):
    model = conv_model("standard", 2)
    settings = dict(samples=20, batch_size=40, verbose=0, proposal="encoder")
    finished = vc.log_likelihood(model, INK, **settings)
    run, calls = Chunk.predict_on_batch, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run(*arguments)

    monkeypatch.setattr(Chunk, "predict_on_batch", interrupted)
    part = vc.log_likelihood(model, INK, **settings)
    np.testing.assert_allclose(part.estimate, finished.estimate[:4])
    assert "first 4 of 6" in capsys.readouterr().out


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError])
# Two data points at a time, of the three calls the last one fails; and in so many calls that they are compiled,
# four a point, of the third point the second.
@pytest.mark.parametrize(("batch_size", "failing", "in_all"), [(40, 3, 3 + 1), (5, 10, 10 + 16)])
def test_an_interrupted_evaluation_goes_on_from_its_file(
    tmp_path, monkeypatch, interruption, batch_size, failing, in_all
):
    model = conv_model("vamp", 2)
    settings = dict(samples=20, batch_size=batch_size, verbose=0, proposal="encoder")
    finished = vc.log_likelihood(model, INK, **settings)
    run, calls = Chunk.predict_on_batch, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == failing:
            raise interruption
        return run(*arguments)

    file = tmp_path / "likelihood.npz"
    monkeypatch.setattr(Chunk, "predict_on_batch", interrupted)
    with pytest.raises(interruption):
        vc.log_likelihood(model, INK, **settings, resume_file=file)
    resumed = vc.log_likelihood(model, INK, **settings, resume_file=file)
    np.testing.assert_array_equal(resumed, finished)
    few = vc.log_likelihood(model, INK[:3], **settings, resume_file=file)
    np.testing.assert_array_equal(few, np.stack(finished)[:, :3])
    again = vc.log_likelihood(model, INK, **settings, resume_file=file)
    np.testing.assert_array_equal(again, finished)
    assert len(calls) == in_all  # nothing was computed for the last two


def test_a_file_is_written_while_the_evaluation_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("vamp_core.evaluation.resume_file.SECONDS_BETWEEN_WRITES", 0)
    model, file, found = conv_model("standard", 2), tmp_path / "likelihood.npz", []
    run = Chunk.predict_on_batch

    def watched(*arguments):
        found.append(np.load(file)["results"].shape[1] if file.exists() else 0)
        return run(*arguments)

    monkeypatch.setattr(Chunk, "predict_on_batch", watched)
    settings = dict(samples=20, batch_size=40, verbose=0, proposal="encoder")
    vc.log_likelihood(model, INK, **settings, resume_file=file)
    assert found == [0, 2, 4]
    assert not list(tmp_path.glob(".partial*"))


def test_a_file_of_another_evaluation_is_refused(tmp_path):
    model, file = conv_model("standard", 2), tmp_path / "likelihood.npz"
    settings = dict(samples=20, seed=0, verbose=0, resume_file=file, proposal="encoder")
    vc.log_likelihood(model, INK, **settings)
    with pytest.raises(vc.InputError, match="with other proposal: name another"):
        vc.log_likelihood(model, INK, **{**settings, "proposal": "mixture"})
    with pytest.raises(vc.InputError, match="with other samples, seed: name another"):
        vc.log_likelihood(model, INK, **{**settings, "samples": 30, "seed": 1})
    with pytest.raises(vc.InputError, match="with other data:"):
        vc.log_likelihood(model, INK[::-1], **settings)
    bias = model.decoder.get_layer("logits").bias
    bias.assign(bias + 1.0)
    with pytest.raises(vc.InputError, match="with other weights:"):
        vc.log_likelihood(model, INK, **settings)
    file.write_text("not an archive")
    with pytest.raises(vc.InputError, match="is not the resume_file of an evaluation"):
        vc.log_likelihood(model, INK, **settings)
    np.savez(file, samples=20)
    with pytest.raises(vc.InputError, match="is not the resume_file of an evaluation"):
        vc.log_likelihood(model, INK, **settings)
    with pytest.raises(vc.InputError, match="there is no folder"):
        vc.log_likelihood(model, INK, **{**settings, "resume_file": tmp_path / "none" / "likelihood.npz"})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(x=INK, samples=0), "samples is 0"),
        (dict(x=INK, samples=5000.0), "samples is 5000.0; choose a whole number"),
        (dict(x=INK, batch_size=0), "batch_size is 0"),
        (dict(x=INK, batch_size="many"), "batch_size is 'many'; choose a whole number"),
        (dict(x=INK, seed=None), "seed is None; choose a whole number"),
        (dict(x=INK, seed=1.5), "seed is 1.5; choose a whole number"),
        (dict(x=INK, seed=-1), "seed is -1; choose a whole number from 0"),
        (dict(x=INK, proposal="prior"), "proposal is 'prior'; choose one of mixture, encoder"),
        (dict(x=INK, bank=INK, proposal="encoder"), "the encoder's proposal looks at none"),
        (dict(x=INK, bank=INK[:0]), "The bank is not data of this model"),
        (dict(x=INK, bank=INK[:, :4]), "The bank is not data of this model"),
        (dict(x=INK * np.nan), "NaN"),
        (dict(x=INK * 2), r"must lie in \[0, 1\]"),
        (dict(x=INK * 0.5), "would not be a likelihood"),
    ],
)
def test_log_likelihoods_that_would_mean_nothing_are_refused(arguments, message):
    with pytest.raises(vc.InputError, match=message):
        vc.log_likelihood(conv_model("standard", 2), verbose=0, **arguments)


def test_a_prior_without_a_density_is_named():
    class Sampler(vc.StandardNormal.__bases__[0]):
        pass

    with pytest.raises(vc.InputError, match="prior Sampler has no density"):
        vc.log_likelihood(conv_model(Sampler(), 2), INK, samples=1, verbose=0)


# -- the latents ---------------------------------------------------------------------------


def test_active_units_are_those_whose_mean_varies():
    encoder = heads(10, np.eye(10)[:, :3] * [1.0, 0.05, 0.2], np.ones(3))
    model = vc.VAE(encoder=encoder, decoder=dense(3, 10, np.ones((3, 10))), likelihood="gaussian")
    np.testing.assert_array_equal(vc.active_units(model, RNG.normal(size=(5000, 10))), [True, False, True])
    with pytest.raises(vc.InputError, match="at least two"):
        vc.active_units(model, np.zeros((1, 10)))


def test_aggregate_posterior_is_a_density_and_its_samples_fit_it():
    model = conv_model("standard", 1)
    aggregate = vc.aggregate_posterior(model, INK)
    mass, _ = integrate.quad(lambda z: np.exp(aggregate.log_prob(np.array([[z]], "float32"))[0]), -10, 10, limit=200)
    assert mass == pytest.approx(1, abs=1e-4)
    means, logvars = model.encode(INK)
    expected = special.logsumexp(stats.norm.logpdf(0.3, means, np.exp(logvars / 2)).sum(axis=1)) - np.log(len(INK))
    assert aggregate.log_prob(np.array([[0.3]], "float32"))[0] == pytest.approx(expected, abs=1e-5)
    assert aggregate.sample(2000, seed=0).mean() == pytest.approx(means.mean(), abs=0.1)


def test_kl_splits_into_information_and_misfit():
    """Ten well separated posteriors that the prior does not fit: the information is log 10."""
    encoder = heads(10, 40 * np.eye(10), np.full(10, 0.25))
    model = vc.VAE(encoder=encoder, decoder=dense(10, 10, np.eye(10)), likelihood="gaussian")
    x = np.eye(10, dtype="float32")
    split = vc.kl_split(model, x)
    assert split.mutual_information == pytest.approx(np.log(10), abs=1e-3)
    terms = model.elbo(x, samples=200, seed=0)
    total = split.mutual_information + split.marginal_kl
    assert total == pytest.approx(terms.kl.mean(), abs=5 * split.marginal_kl_error + 1)


def test_the_aggregate_posterior_as_prior_leaves_information_alone():
    """A VampPrior whose pseudo-inputs are the data is the aggregate posterior: no misfit is left."""
    model = vc.VAE(image_shape=(8, 8, 1), network_size=0.5, prior=vc.VampPrior(pseudo_inputs=INK))
    split = vc.kl_split(model, INK)
    assert split.marginal_kl == pytest.approx(0, abs=1e-4)
    assert split.mutual_information <= np.log(len(INK)) + 3 * split.mutual_information_error
