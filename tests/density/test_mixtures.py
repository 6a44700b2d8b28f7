"""The mixture's density: SciPy's in float64 over all that a model may reach, and so are its gradients."""

import keras
import numpy as np
import pytest
from gradients import value_and_gradients
from keras import ops
from references import assert_close, assert_samples_fit, central_differences, mixture_logpdf
from scipy import special, stats

from vamp_core.density import distributions
from vamp_core.density.distributions import as_generator, mixture_log_prob, mixture_sample, normal_log_prob


def normal(*shape):
    return np.random.normal(size=shape).astype("float32")


def mixture(num_components, latent_dim):
    """Means and log-variances in the range that an encoder gives."""
    logvars = np.random.uniform(-6, 2, (num_components, latent_dim)).astype("float32")
    return 2 * normal(num_components, latent_dim), logvars


@pytest.fixture(params=["products", "differences"])
def way(request, monkeypatch):
    """Both ways to the density: with float64, and where a device has none."""
    monkeypatch.setattr(distributions, "has_float64", lambda: request.param == "products")


# What a component's log-variances may be, (K, D), and where z may lie.
LOGVARS = {
    "narrow": lambda shape: np.full(shape, -12.0),
    "wide": lambda shape: np.full(shape, 6.0),
    "mixed": lambda shape: np.random.uniform(-12, 6, shape),
    "narrow in some": lambda shape: np.random.choice([-12.0, 0.0, 6.0], shape),
}
PLACES = {
    "at a component": lambda mean, stddev: mean,
    "near": lambda mean, stddev: mean + stddev * normal(*mean.shape),
    "ten deviations off": lambda mean, stddev: mean + 10 * stddev * np.sign(normal(*mean.shape)),
    "among them": lambda mean, stddev: np.abs(mean).max() * normal(*mean.shape) / 2,
    "far": lambda mean, stddev: 3 * np.abs(mean).max() * np.sign(mean),
}


def table(latent_dim, scales=(1, 10, 100), num_components=24):
    """(name, z, means, logvars) for every place, every kind of log-variances and every scale of the means."""
    for scale in scales:
        for kind, logvars in LOGVARS.items():
            shape = (num_components, latent_dim)
            # Some components in pairs, so that more than one counts.
            means = np.clip(scale * normal(*shape), -100, 100).astype("float32")
            logvars = logvars(shape).astype("float32")
            means[1::4], logvars[1::4] = means[::4] + np.exp(logvars[::4] / 2), logvars[::4]
            for name, place in PLACES.items():
                z = np.clip(place(means, np.exp(logvars / 2)), -300, 300).astype("float32")
                yield f"{name}, {kind}, means of scale {scale}", z, means, logvars


@pytest.mark.parametrize("latent_dim", [1, 2, 8, 9, 40, 128])
def test_mixture_errs_by_a_thousandth_of_a_nat_or_a_millionth_at_most(latent_dim, way):
    for name, z, means, logvars in table(latent_dim):
        expected = mixture_logpdf(z, means, logvars)
        error = ops.convert_to_numpy(mixture_log_prob(z, means, logvars)) - expected
        assert np.all(abs(error) <= np.maximum(1e-3, 1e-6 * abs(expected))), (name, abs(error).max())


def exact_gradients(z, means, logvars):
    """Of Σ_b log p(z_b) in float64: the responsibilities times a normal's own gradients."""
    z, means, logvars = (np.float64(each) for each in (z, means, logvars))
    differences, precision = z[:, None] - means, np.exp(-logvars)
    components = -0.5 * np.sum(np.log(2 * np.pi) + logvars + differences**2 * precision, axis=2)
    shares = special.softmax(components, axis=1)[:, :, None]
    pulls = shares * differences * precision
    return -pulls.sum(axis=1), pulls.sum(axis=0), 0.5 * (pulls * differences - shares).sum(axis=0)


@pytest.mark.parametrize("latent_dim", [1, 9, 40])
def test_mixture_gradients_are_those_of_float64(latent_dim, way):
    for name, *values in table(latent_dim, scales=(1, 100)):
        if name.startswith(("far", "among")):
            continue  # float32 holds the responsibilities of components 10,000 nats away to no digit
        variables = [keras.Variable(value) for value in values]
        _, gradients = value_and_gradients(lambda v=variables: ops.sum(mixture_log_prob(*v)), variables)
        for gradient, expected in zip(gradients, exact_gradients(*values), strict=True):
            atol = 1e-3 * abs(expected).max() + 1e-7
            np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=atol, err_msg=name)


@pytest.mark.parametrize("num_components, latent_dim", [(1, 2), (3, 2), (50, 10), (500, 40)])
def test_mixture_log_prob_is_scipys(num_components, latent_dim):
    means, logvars = mixture(num_components, latent_dim)
    z = 2 * normal(20, latent_dim)
    log_prob = mixture_log_prob(z, means, logvars)
    assert log_prob.shape == (20,)
    # Squares times precisions of up to 400 cancel in it: hence a digit less of values near zero.
    assert_close(log_prob, mixture_logpdf(z, means, logvars), atol=1e-4)


def test_mixture_of_one_component_is_the_normal():
    (means, logvars), z = mixture(1, 3), normal(9, 3)
    assert_close(mixture_log_prob(z, means, logvars), ops.convert_to_numpy(normal_log_prob(z, means, logvars)))


def test_mixture_sums_over_latents_before_components():
    means, logvars, z = np.float32([[-3, -3], [3, 3]]), np.zeros((2, 2), "float32"), np.float32([[3, -3]])
    expected = mixture_logpdf(z, means, logvars)
    each = stats.norm.logpdf(z[:, None], means)
    product_of_mixtures = special.logsumexp(each - np.log(2), axis=1).sum(axis=1)
    assert expected == pytest.approx(-19.84, abs=5e-3)
    assert product_of_mixtures == pytest.approx(-3.22, abs=5e-3)  # what the other order gives
    assert_close(mixture_log_prob(z, means, logvars), expected)


@pytest.mark.parametrize("offset", [0, 30, -300])
def test_mixture_loses_nothing_when_all_of_it_lies_far_away(offset):
    means, z = offset + normal(100, 10), offset + normal(50, 10)
    logvars = np.full(means.shape, 2 * np.log(0.05), "float32")
    assert_close(mixture_log_prob(z, means, logvars), mixture_logpdf(z, means, logvars), atol=5e-3)


def test_mixture_with_weights_is_scipys_and_a_weight_of_zero_removes_a_component():
    (means, logvars), z = mixture(4, 3), normal(10, 3)
    log_weights = np.log(np.float32([0.5, 0.3, 0.15, 0.05]))
    expected = mixture_logpdf(z, means, logvars, log_weights)
    assert_close(mixture_log_prob(z, means, logvars, log_weights), expected, atol=1e-4)
    log_weights = np.float32([-np.log(2), -np.log(2), -np.inf, -np.inf])
    expected = mixture_logpdf(z, means[:2], logvars[:2])
    assert_close(mixture_log_prob(z, means, logvars, log_weights), expected, atol=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_mixture_does_not_depend_on_the_order_of_its_components(seed):
    (means, logvars), z = mixture(20, 5), normal(10, 5)
    log_weights = special.log_softmax(normal(20))
    order = np.random.default_rng(seed).permutation(20)
    permuted = mixture_log_prob(z, means[order], logvars[order], log_weights[order])
    assert_close(permuted, ops.convert_to_numpy(mixture_log_prob(z, means, logvars, log_weights)), atol=1e-4)


def test_mixture_gradients_are_the_finite_differences_of_scipys():
    values = [normal(5, 3), *mixture(4, 3)]
    variables = [keras.Variable(value) for value in values]
    _, gradients = value_and_gradients(lambda: ops.sum(mixture_log_prob(*variables)), variables)
    for i, gradient in enumerate(gradients):

        def at(value, i=i):
            return mixture_logpdf(*values[:i], value, *values[i + 1 :]).sum()

        # Precisions of up to 400 times z − mean cancel in it, as they do in the density.
        assert_close(gradient, central_differences(at, values[i].astype("float64")), rtol=1e-4, atol=2e-3)


def test_mixture_gradients_stay_finite_far_from_every_component():
    variables = [keras.Variable(value) for value in (np.float32([[1e3, -1e3]]), *mixture(4, 2))]
    value, gradients = value_and_gradients(lambda: ops.sum(mixture_log_prob(*variables)), variables)
    assert np.isfinite(value) and all(np.all(np.isfinite(gradient)) for gradient in gradients)
    assert np.any(gradients[0] != 0)


@pytest.mark.parametrize("weights", [None, (0.6, 0.3, 0.1)])
def test_mixture_samples_fit_its_density(weights):
    means, logvars = np.float32([[-4, -4], [4, 4], [0, 5]]), np.float32([[-1, 1], [0.5, -2], [-2, 0]])
    log_weights = None if weights is None else np.log(np.float32(weights))
    samples = ops.convert_to_numpy(mixture_sample(20_000, means, logvars, as_generator(0), log_weights))
    assert samples.shape == (20_000, 2)
    assert_samples_fit(lambda z: mixture_log_prob(z, means, logvars, log_weights), samples)
    nearest = np.argmin(np.sum((samples[:, None] - means) ** 2 * np.exp(-logvars), axis=2), axis=1)
    expected = np.array(weights or (1 / 3, 1 / 3, 1 / 3))
    frequencies = np.bincount(nearest, minlength=3) / len(samples)
    assert np.all(abs(frequencies - expected) < 4 * np.sqrt(expected * (1 - expected) / len(samples)))
