"""The default proposal finds what the encoder does not know of; quadrature says whether it did."""

import keras
import numpy as np
import pytest
from linear_models import linear_hvae, linear_vae
from scipy import stats

import vamp_core as vc
from vamp_core.evaluation.bank import BANK, KEPT, WIDE, Bank, prior_draws
from vamp_core.evaluation.mixture import GOLDEN_RATIO, Mixtures
from vamp_core.evaluation.search import LogJoint

RNG = np.random.default_rng(0)
INK = (RNG.random((6, 8, 8, 1)) < 0.3).astype("float32")


def test_mixtures_are_densities_and_their_draws_fit_them():
    rng = np.random.default_rng(0)
    means = rng.normal(size=(3, 4, 2))
    scales = np.tril(rng.normal(size=(3, 4, 2, 2))) * [[1, 1], [1, 1]]
    scales[..., [0, 1], [0, 1]] = rng.uniform(0.5, 1, size=(3, 4, 2))
    weights = rng.dirichlet(np.ones(4), size=3)
    mixtures = Mixtures(means, scales, np.log(weights))
    z = rng.normal(size=(3, 50, 2))
    for b in range(3):
        each = [stats.multivariate_normal(m, s @ s.T).pdf(z[b]) for m, s in zip(means[b], scales[b], strict=True)]
        np.testing.assert_allclose(mixtures.log_prob(z)[b], np.log(weights[b] @ np.array(each)))
    np.testing.assert_allclose(mixtures[1:].log_prob(z[1:]), mixtures.log_prob(z)[1:])
    components = mixtures.components(np.array([0.0, 0.3, 0.9]), 0, 20_000)
    for b in range(3):
        np.testing.assert_allclose(np.bincount(components[b], minlength=4) / 20_000, weights[b], atol=1e-3)
    np.testing.assert_array_equal(mixtures.components(np.array([0.0, 0.3, 0.9]), 7, 5), components[:, 7:12])
    drawn = mixtures.place(components, rng.normal(size=(3, 20_000, 2)))
    np.testing.assert_allclose(drawn.mean(axis=1), np.einsum("bk,bkd->bd", weights, means), atol=0.05)


def test_the_golden_ratio_is_the_one_that_spreads_evenly():
    assert GOLDEN_RATIO**2 == pytest.approx(1 - GOLDEN_RATIO, rel=1e-12)


@pytest.mark.parametrize("make", [lambda: vc.StandardNormal(), lambda: vc.MixtureOfGaussians(3, seed=0)])
def test_the_bank_is_drawn_from_the_prior(make):
    model = vc.HVAE(image_shape=(8, 8, 1), latent_dim=2, network_size=0.5, prior=make())
    if model.prior.name.startswith("mixture"):
        model.prior.means.assign([[-4.0], [0.0], [6.0]])
    ours, theirs = prior_draws(model, 20_000, np.random.default_rng(0)), vc.as_numpy(model.ancestral(20_000, seed=0))
    for level in (0, 1):
        assert stats.ks_2samp(ours[:, level], theirs[:, level]).pvalue > 1e-3
    np.testing.assert_array_equal(prior_draws(model, 20_000, np.random.default_rng(0)), ours)


def test_the_bank_counts_its_latents_and_keeps_the_heaviest():
    model, _ = linear_vae(2, 0)
    data = RNG.normal(size=(40, 10)).astype("float32")
    bank = Bank(model, data[:7], seed=0)
    assert len(bank.z) == BANK + 7 + WIDE
    side = np.linspace(-20, 20, 401)
    grid = np.stack(np.meshgrid(side, side), axis=-1)
    of_prior = stats.norm.logpdf(grid).sum(axis=-1)
    expected = np.exp(bank.log_expected(grid, of_prior)).sum() * (side[1] - side[0]) ** 2
    assert expected == pytest.approx(BANK + 7 + WIDE, rel=1e-4)
    far = bank.log_expected(np.array([0.0, 9.0]), -np.inf)  # where the wide ones alone may lie
    wide = stats.norm(bank.centre, 3 * bank.spread)
    assert far == pytest.approx(np.log(WIDE) + wide.logpdf([0.0, 9.0]).sum())

    index, log_pxz, log_rest = bank.best(data)
    log_prior = stats.norm.logpdf(bank.z).sum(axis=1)
    of_all = stats.norm(vc.as_numpy(model.decoder(bank.z)), 0.6).logpdf(data[:, None]).sum(axis=2) + log_prior
    weights = of_all - bank.log_expected(bank.z, log_prior)
    kept = np.zeros_like(weights, bool)
    np.put_along_axis(kept, index, True, axis=1)
    assert index.shape == (40, KEPT) and kept.sum() == 40 * KEPT
    np.testing.assert_allclose(log_pxz, np.take_along_axis(of_all, index, axis=1), rtol=1e-5, atol=1e-3)
    heaviest = np.where(kept, weights, np.inf).min(axis=1), np.where(kept, -np.inf, weights).max(axis=1)
    assert np.all(heaviest[0] >= heaviest[1] - 1e-3)
    assert np.all(np.diff(np.take_along_axis(weights, index, axis=1)) <= 1e-3)  # the largest first
    np.testing.assert_allclose(log_rest, np.logaddexp.reduce(np.where(kept, -np.inf, weights), axis=1), atol=1e-3)


@pytest.mark.thorough
@pytest.mark.parametrize("shift", [3.0, -3.0])
@pytest.mark.parametrize("name", ["mnist-vae-vamp", "fashionmnist-hvae"])
def test_a_bad_encoder_does_no_harm(name, shift):
    """Means shifted by three standard deviations, and these halved."""
    model, _ = vc.load_pretrained(name)
    x = vc.binarize(model.sample(12, seed=0), seed=0)
    truth = vc.quadrature_log_likelihood(model, x, verbose=0).estimate
    encoder = model.encoder
    inputs = keras.Input(model.data_shape)
    mean, logvar = encoder(inputs)
    worse = keras.Model(inputs, [mean + shift * keras.ops.exp(0.5 * logvar), logvar - 2 * np.log(2.0)])
    model.encoder = worse
    found = vc.log_likelihood(model, x, samples=1000, verbose=0)
    assert np.max(np.abs(found.estimate - truth)) < 0.1
    by_encoder = vc.log_likelihood(model, x, samples=1000, verbose=0, proposal="encoder")
    assert np.mean(by_encoder.estimate - truth) < -1


@pytest.mark.parametrize(("make", "dims"), [(linear_vae, 1), (linear_vae, 2), (linear_vae, 4), (linear_hvae, (1, 1))])
def test_data_far_from_all_the_prior_draws_are_found(make, dims):
    """Four times as far out as data of the model, where none of the bank's latents is near the posterior."""
    model, marginal = make(dims, 0)
    x = 4 * marginal.rvs(20, random_state=3).astype("float32")
    found = vc.log_likelihood(model, x, samples=1000, verbose=0)
    far = np.abs(found.estimate - marginal.logpdf(x)) > 4 * found.standard_error + 0.01
    assert not np.any(far & ~found.doubtful)
    assert np.mean(far) <= 0.05


def test_a_mode_where_neither_prior_nor_encoder_goes_is_found():
    """Four and a half standard deviations out, a hill of the likelihood that is higher than the prior is low there."""
    z = keras.Input((2,))
    hill = keras.ops.exp(-10 * keras.ops.sum(keras.ops.square(z - np.array([0.0, 4.5], "float32")), -1, keepdims=True))
    x = keras.Input((1,))
    nearby = [0.0 * x + np.array([[1.0, -1.0]], "float32"), 0.0 * x + np.array([[-4.0, -4.0]], "float32")]
    networks = dict(encoder=keras.Model(x, nearby), decoder=keras.Model(z, 10 * hill))
    model = vc.VAE(**networks, likelihood=vc.Gaussian(1.0))
    data = np.array([[10.0], [0.0]], "float32")
    truth = vc.quadrature_log_likelihood(model, data, verbose=0).estimate
    found = vc.log_likelihood(model, data, samples=1000, verbose=0)
    np.testing.assert_allclose(found.estimate, truth, atol=0.1)
    assert not np.any(found.doubtful)
    by_encoder = vc.log_likelihood(model, data, samples=1000, verbose=0, proposal="encoder")
    assert by_encoder.estimate[0] < truth[0] - 10


def test_a_resumed_evaluation_has_the_same_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr("vamp_core.evaluation.few_latents.DATA_AT_A_TIME", 4)
    model = vc.VAE(image_shape=(8, 8, 1), network_size=0.5, prior=vc.VampPrior(pseudo_inputs=INK[:3]))
    settings = dict(samples=20, batch_size=20, verbose=0)
    finished = vc.log_likelihood(model, INK, **settings)
    file, run, calls = tmp_path / "likelihood.npz", LogJoint.predict_on_batch, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 16:
            raise KeyboardInterrupt
        return run(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(LogJoint, "predict_on_batch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            vc.log_likelihood(model, INK, **settings, resume_file=file)
    with np.load(file) as found:
        assert found["results"].shape == (5, 2)
    resumed = vc.log_likelihood(model, INK, **settings, resume_file=file)
    np.testing.assert_array_equal(resumed, finished)


def test_a_bank_of_data_shows_where_to_look():
    """A prior that never draws where the data are: the bank's posteriors do."""
    model = vc.VAE(image_shape=(8, 8, 1), network_size=0.5, decoder_trunk=(16,))
    plain = vc.log_likelihood(model, INK, samples=500, verbose=0)
    helped = vc.log_likelihood(model, INK, samples=500, verbose=0, bank=INK)
    assert np.all(helped.estimate != plain.estimate)
    np.testing.assert_allclose(helped.estimate, plain.estimate, atol=0.1)
