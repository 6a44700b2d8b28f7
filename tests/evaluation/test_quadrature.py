"""Quadrature against closed forms, and against a plain sum over a fine grid."""

import numpy as np
import pytest
from keras import ops
from linear_models import linear_hvae, linear_vae
from scipy import special

import vamp_core as vc
from vamp_core.evaluation import quadrature

INK = (np.random.default_rng(0).random((6, 8, 8, 1)) < 0.3).astype("float32")


@pytest.mark.parametrize(
    "make",
    [lambda: linear_vae(1, 0), lambda: linear_vae(2, 0), lambda: linear_vae(2, 1), lambda: linear_hvae((1, 1), 0)],
)
def test_linear_gaussian_log_likelihoods_are_exact(make):
    model, marginal = make()
    x = np.concatenate([marginal.rvs(50, random_state=1), 4 * marginal.rvs(10, random_state=2)]).astype("float32")
    result = vc.quadrature_log_likelihood(model, x, verbose=0)
    np.testing.assert_allclose(result.estimate, marginal.logpdf(x), atol=1e-3)
    assert np.all(result.error < 0.01)
    rough = vc.quadrature_log_likelihood(model, x, tolerance=10.0, verbose=0)
    assert np.all(np.abs(rough.estimate - marginal.logpdf(x)) <= rough.error + 1e-3)


def far_and_narrow():
    """A prior whose components lie far apart and are as narrow as logvar_range = (−12, 6) lets them be."""
    prior = vc.MixtureOfGaussians(5, seed=0)
    model = vc.VAE(image_shape=(8, 8, 1), latent_dim=2, prior=prior, network_size=0.5, decoder_trunk=(16,))
    rng = np.random.default_rng(0)
    prior.means.assign(rng.uniform(-40, 40, size=(5, 2)))
    prior.logvars.assign([[-12, -12], [-12, -4], [-8, -8], [0, 0], [2, -6]])
    return model


def test_narrow_components_far_out_are_all_found():
    """Where decoder and image do not see the latent at all, p(x) is p(x | z); the prior's integral is one."""
    model = far_and_narrow()
    logits = model.decoder.get_layer("logits")
    logits.set_weights([np.zeros(w.shape) for w in logits.get_weights()])
    result = vc.quadrature_log_likelihood(model, INK, verbose=0)
    np.testing.assert_allclose(result.estimate, 64 * np.log(0.5), atol=0.01)


def test_the_convolutional_decoder_is_integrated_over_each_component():
    """One component after the other, on a fine grid of its own."""
    model = far_and_narrow()
    side, spacing = np.linspace(-7, 7, 113, retstep=True)
    unit = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
    log_weights = -0.5 * np.sum(unit**2, axis=1) - np.log(2 * np.pi) + 2 * np.log(spacing)
    of_components = []
    for mean, logvar in zip(*map(ops.convert_to_numpy, model.prior.components()), strict=True):
        logits = model.decode((mean + np.exp(logvar / 2) * unit).astype("float32"))
        log_px = [np.sum(x * logits - np.logaddexp(0, logits), axis=(1, 2, 3)) for x in INK]
        of_components.append(special.logsumexp(np.array(log_px) + log_weights, axis=1))
    expected = special.logsumexp(of_components, axis=0) - np.log(5)
    result = vc.quadrature_log_likelihood(model, INK, verbose=0)
    np.testing.assert_allclose(result.estimate, expected, atol=3e-3)


def test_other_data_do_not_matter(monkeypatch):
    model, marginal = linear_vae(2, 0)
    x = marginal.rvs(6, random_state=1).astype("float32")
    together = vc.quadrature_log_likelihood(model, x, verbose=0)
    monkeypatch.setattr(quadrature, "DATA_AT_A_TIME", 4)
    parts = vc.quadrature_log_likelihood(model, x[::-1], verbose=0)
    np.testing.assert_allclose(parts.estimate[::-1], together.estimate, atol=1e-3)


def test_where_too_many_latents_would_be_needed_the_error_says_so(monkeypatch):
    monkeypatch.setattr(quadrature, "MAX_TILES", 300)
    model = far_and_narrow()
    result = vc.quadrature_log_likelihood(model, INK, verbose=0)
    assert np.all(result.error > 0.05)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(latent_dim=3), "3 latents; quadrature takes at most two"),
        (dict(tolerance=0.0), "tolerance is 0.0"),
        (dict(tolerance=np.nan), "tolerance is nan"),
        (dict(x=0.5 * INK), "would not be a likelihood"),
    ],
)
def test_what_has_no_such_integral_is_refused(arguments, message):
    model = vc.VAE(image_shape=(8, 8, 1), latent_dim=arguments.pop("latent_dim", 2), network_size=0.5)
    with pytest.raises(vc.InputError, match=message):
        vc.quadrature_log_likelihood(model, **{"x": INK, "verbose": 0, **arguments})
