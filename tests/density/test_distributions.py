"""Densities against SciPy in float64, samplers against their densities, gradients against differences."""

import itertools

import keras
import numpy as np
import pytest
from gradients import value_and_gradients
from keras import ops
from references import (
    assert_close,
    discretized_logistic_logpmf,
    normal_logpdf,
)
from scipy import integrate, special, stats

from vamp_core.density.distributions import (
    as_generator,
    bernoulli_log_prob,
    discretized_logistic_log_prob,
    normal_kl,
    normal_log_prob,
    normal_sample,
)


def normal(*shape):
    return np.random.normal(size=shape).astype("float32")


# -- the normal distribution ------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (7, 40), (3, 8, 8, 2)])
@pytest.mark.parametrize("logvar_range", [(-2, 2), (-30, 30)], ids=["moderate", "extreme"])
def test_normal_log_prob_is_scipys_summed_over_the_event(shape, logvar_range):
    x, mean = normal(*shape), normal(*shape)
    logvar = np.random.uniform(*logvar_range, shape).astype("float32")
    log_prob = normal_log_prob(x, mean, logvar)
    assert log_prob.shape == shape[:1]
    assert_close(log_prob, normal_logpdf(x, mean, logvar))


def test_normal_log_prob_takes_scalars_for_mean_and_logvar():
    x = normal(5, 3)
    assert_close(normal_log_prob(x, 0.5, -1.0), normal_logpdf(x, 0.5, -1.0))


def test_normal_sample_is_normal_with_this_mean_and_variance():
    n, mean, logvar = 50_000, np.array([1.0, -2.0], "float32"), np.array([1.4, -3.0], "float32")
    draws = ops.convert_to_numpy(normal_sample(np.tile(mean, (n, 1)), np.tile(logvar, (n, 1)), seed=1))
    stddev = np.exp(logvar / 2)
    assert np.all(abs(draws.mean(0) - mean) < 4 * stddev / np.sqrt(n))
    assert np.all(abs(draws.std(0) - stddev) < 4 * stddev / np.sqrt(2 * n))
    for d in range(2):
        assert stats.kstest(draws[:, d], "norm", (mean[d], stddev[d])).pvalue > 1e-3
    assert abs(np.corrcoef(draws.T)[0, 1]) < 4 / np.sqrt(n)


def test_normal_sample_is_reparameterised():
    mean, logvar = keras.Variable(normal(6, 3)), keras.Variable(normal(6, 3))
    total, gradients = value_and_gradients(lambda: ops.sum(normal_sample(mean, logvar, 2)), [mean, logvar])
    sample = ops.convert_to_numpy(normal_sample(mean, logvar, 2))
    assert total == pytest.approx(sample.sum(), abs=1e-4)
    assert_close(gradients[0], np.ones((6, 3)))
    assert_close(gradients[1], (sample - ops.convert_to_numpy(mean)) / 2)  # d/dlogvar of exp(logvar / 2) ε


def test_an_integer_seed_repeats_a_draw_and_a_generator_does_not():
    zeros, generator = np.zeros((4, 2), "float32"), as_generator(3)

    def draw(seed):
        return ops.convert_to_numpy(normal_sample(zeros, zeros, seed))

    assert np.array_equal(draw(3), draw(3))
    assert not np.any(draw(3) == draw(4))
    assert not np.any(draw(generator) == draw(generator))
    assert not np.any(draw(as_generator(None)) == draw(as_generator(None)))
    assert as_generator(generator) is generator


@pytest.mark.parametrize("mean, logvar", [(0.0, 0.0), (1.3, -1.0), (-3.0, -6.0), (0.2, 2.0)])
def test_normal_kl_is_the_expected_log_ratio(mean, logvar):
    q, p = stats.norm(mean, np.exp(logvar / 2)), stats.norm()
    z = mean + q.std() * np.linspace(-12, 12, 2001)
    kl = integrate.trapezoid(q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), z)
    three_latents = np.tile(np.float32([mean, logvar])[:, None, None], (1, 2, 3))
    assert_close(normal_kl(*three_latents), [3 * kl, 3 * kl])


# -- images -----------------------------------------------------------------------------


def test_bernoulli_log_prob_is_scipys():
    x, logits = np.random.randint(0, 2, (5, 4, 4, 1)).astype("float32"), 3 * normal(5, 4, 4, 1)
    expected = stats.bernoulli.logpmf(x, special.expit(logits.astype("float64"))).sum((1, 2, 3))
    assert_close(bernoulli_log_prob(x, logits), expected)


def test_bernoulli_log_prob_of_grey_values_is_the_cross_entropy():
    x, logits = np.random.uniform(size=(5, 9)).astype("float32"), 20 * normal(5, 9)
    white, black = (special.log_expit(sign * logits.astype("float64")) for sign in (1, -1))
    assert_close(bernoulli_log_prob(x, logits), np.sum(x * white + (1 - x) * black, axis=1))


def test_bernoulli_log_prob_is_exact_at_extreme_logits():
    x, logits = np.float32([[1], [1], [0], [0]]), np.float32([[1e3], [-1e3], [1e3], [-1e3]])
    assert ops.convert_to_numpy(bernoulli_log_prob(x, logits)).tolist() == [0, -1000, -1000, 0]


LOCATIONS = list(itertools.product((-0.2, 0.0, 0.3, 1.0), (-7.0, -5.0, -2.0, 3.0)))  # mean, log-scale


@pytest.mark.parametrize("levels", [2, 16, 256])
def test_discretized_logistic_gives_all_levels_a_probability_of_one(levels):
    values = np.linspace(0, 1, levels, dtype="float32")[:, None]
    for mean, logscale in LOCATIONS:
        log_prob = ops.convert_to_numpy(discretized_logistic_log_prob(values, mean, logscale, levels))
        assert np.exp(log_prob.astype("float64")).sum() == pytest.approx(1, abs=1e-4), (mean, logscale)


@pytest.mark.parametrize("mean, logscale", LOCATIONS)
def test_discretized_logistic_is_a_difference_of_scipys_cdf(mean, logscale):
    level, mean = np.arange(256), np.float32(mean)
    log_prob = discretized_logistic_log_prob(np.float32(level / 255)[:, None], mean, logscale)
    expected = discretized_logistic_logpmf(level, mean, logscale)
    # A value in float32 is off by up to 6e-8, and that error is divided by the scale.
    assert_close(log_prob, expected, atol=max(2e-5, 2e-7 * np.exp(-logscale)))


def test_discretized_logistic_sums_over_pixels():
    images = [np.random.randint(0, 256, (3, 4, 4, 1)) / 255, normal(3, 4, 4, 1), normal(3, 4, 4, 1)]
    pixels = discretized_logistic_log_prob(*(a.reshape(-1, 1) for a in images))
    assert_close(discretized_logistic_log_prob(*images), ops.convert_to_numpy(pixels).reshape(3, 16).sum(1))
