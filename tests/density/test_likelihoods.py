"""Each likelihood against SciPy, and its mean against what its density expects."""

import re

import keras
import numpy as np
import pytest
from keras import ops
from references import assert_close, discretized_logistic_logpmf, normal_logpdf
from scipy import special, stats

from vamp_core.density.likelihoods import LIKELIHOODS, Bernoulli, DiscretizedLogistic, Gaussian, LearnedGaussian
from vamp_core.errors import InputError

LEVELS = np.arange(256, dtype="float32") / 255


def normal(*shape):
    return np.random.normal(size=shape).astype("float32")


def joined(*parameters):
    """A decoder's output: the parameters one after the other on the last axis."""
    return np.concatenate(parameters, axis=-1)


def test_bernoulli_is_scipys():
    x, logits = np.random.randint(0, 2, (5, 4, 4, 3)).astype("float32"), 3 * normal(5, 4, 4, 3)
    probabilities = special.expit(logits.astype("float64"))
    assert_close(Bernoulli().log_prob(x, logits), stats.bernoulli.logpmf(x, probabilities).sum((1, 2, 3)))
    assert_close(Bernoulli().mean(logits), probabilities)


@pytest.mark.parametrize("stddev", [0.1, 1.0, 30.0])
def test_gaussian_is_scipys(stddev):
    x, mean = normal(5, 4, 4, 3), normal(5, 4, 4, 3)
    assert_close(Gaussian(stddev).log_prob(x, mean), normal_logpdf(x, mean, 2 * np.log(stddev)))
    assert np.array_equal(ops.convert_to_numpy(Gaussian(stddev).mean(mean)), mean)


@pytest.mark.parametrize("stddev", [0, -1.0, float("nan"), float("inf"), "1", [1.0, 2.0]])
def test_gaussian_needs_a_positive_stddev(stddev):
    with pytest.raises(InputError, match=re.escape(f"stddev is {stddev}")):
        Gaussian(stddev)


@pytest.mark.parametrize("shape", [(5, 3), (5, 4, 4, 2)])
def test_learned_gaussian_is_scipys(shape):
    x, mean, logvar = normal(*shape), normal(*shape), normal(*shape)
    output = joined(mean, logvar)
    assert_close(LearnedGaussian().log_prob(x, output), normal_logpdf(x, mean, logvar))
    assert np.array_equal(ops.convert_to_numpy(LearnedGaussian().mean(output)), mean)


@pytest.mark.parametrize("logvar, limit", [(-1e3, -8), (-8.5, -8), (4.5, 4), (1e3, 4)])
def test_learned_gaussian_is_bounded(logvar, limit):
    x, logvars = normal(5, 3), np.full((5, 3), logvar, "float32")
    for mean in (x, x + 1):  # reproduced exactly, where the density would grow without bound, and missed
        log_prob = LearnedGaussian().log_prob(x, joined(mean, logvars))
        assert_close(log_prob, normal_logpdf(x, mean, limit))


def test_discretized_logistic_is_a_difference_of_scipys_cdf():
    level = np.random.randint(0, 256, (5, 4, 4, 2))
    location, logscale = normal(*level.shape), np.random.uniform(-4, 3, level.shape).astype("float32")
    mean, output = special.expit(location.astype("float64")), joined(location, logscale)
    expected = discretized_logistic_logpmf(level, mean, logscale).sum((1, 2, 3))
    assert_close(DiscretizedLogistic().log_prob(LEVELS[level], output), expected)
    assert_close(DiscretizedLogistic().mean(output), mean)


@pytest.mark.parametrize("location", [-1e3, -2.0, 0.3, 1e3])
@pytest.mark.parametrize("logscale, limit", [(-1e3, -7), (-2.0, -2), (1e3, 3)])
def test_discretized_logistic_is_a_distribution_whatever_the_decoder_says(location, logscale, limit):
    def probabilities(logscale):
        output = np.tile(np.float32([location, logscale]), (256, 1))
        return np.exp(ops.convert_to_numpy(DiscretizedLogistic().log_prob(LEVELS[:, None], output)))

    assert probabilities(logscale).sum() == pytest.approx(1, abs=1e-4)
    assert np.array_equal(probabilities(logscale), probabilities(limit))


DRAWS = 20_000


def assert_moments(draws, mean, variance):
    """Of draws (DRAWS, n): within five standard errors of what they are drawn with, (n,) each."""
    draws = ops.convert_to_numpy(draws)
    assert draws.dtype == "float32"
    spread = (draws - mean) ** 2
    assert np.all(abs(draws.mean(0) - mean) <= 5 * np.sqrt(variance / DRAWS))
    assert np.all(abs(spread.mean(0) - variance) <= 5 * spread.std(0) / np.sqrt(DRAWS) + 1e-6)


def repeated(*parameters):
    return np.tile(np.float32(joined(*parameters)), (DRAWS, 1))


def test_bernoulli_draws_ink_with_its_probability():
    logits = np.array([-1e3, -3, 0, 0.5, 1e3])
    draws = Bernoulli().sample(repeated(logits), seed=0)
    assert set(np.unique(ops.convert_to_numpy(draws))) == {0, 1}
    probabilities = special.expit(logits)
    assert_moments(draws, probabilities, probabilities * (1 - probabilities))


@pytest.mark.parametrize("stddev", [0.1, 30.0])
def test_gaussian_draws_have_its_mean_and_standard_deviation(stddev):
    mean = np.array([-2.0, 0, 5])
    assert_moments(Gaussian(stddev).sample(repeated(mean), seed=0), mean, stddev**2)


def test_learned_gaussian_draws_have_its_mean_and_variance_within_bounds():
    mean, logvar = np.array([-2.0, 0, 5, 1]), np.array([-1e3, -2, 1, 1e3])
    draws = LearnedGaussian().sample(repeated(mean, logvar), seed=0)
    assert_moments(draws, mean, np.exp(np.clip(logvar, -8, 4)))


def test_discretized_logistic_draws_levels_with_their_probabilities():
    location, logscale = np.array([-4.0, 0, 0.3, 2]), np.array([-2.0, -1e3, -3, 0])
    draws = DiscretizedLogistic().sample(repeated(location, logscale), seed=0)
    levels = 255 * ops.convert_to_numpy(draws)
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-4)  # XLA divides less exactly
    level, mean, logscale = np.arange(256)[:, None], special.expit(location), np.clip(logscale, -7, 3)
    probabilities = np.exp(discretized_logistic_logpmf(level, mean, logscale))
    expected = (probabilities * level / 255).sum(0)
    assert_moments(draws, expected, (probabilities * (level / 255 - expected) ** 2).sum(0))


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_draws_look_like_data_and_repeat_with_an_integer_seed_alone(name):
    likelihood, generator = LIKELIHOODS[name](), keras.random.SeedGenerator(3)
    output = ops.cast(normal(2, 8, 8, 3 * likelihood.parameters), "bfloat16")

    def draw(seed):
        draws = likelihood.sample(output, seed)
        assert np.all(np.isfinite(ops.convert_to_numpy(likelihood.log_prob(draws, output))))
        draws = ops.convert_to_numpy(draws)
        assert draws.shape == (2, 8, 8, 3) and draws.dtype == "float32"
        low, high = likelihood.value_range or (-np.inf, np.inf)
        assert np.all((low <= draws) & (draws <= high))
        return draws

    assert np.array_equal(draw(3), draw(3))
    for other in (draw(4), draw(None)):
        assert not np.array_equal(other, draw(3))
    assert not np.array_equal(draw(generator), draw(generator))


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_densities_are_float32_whatever_the_decoder_computes_in(name):
    likelihood = LIKELIHOODS[name]()
    x = LEVELS[np.random.randint(0, 256, (2, 8, 8, 3))]
    output = ops.cast(normal(2, 8, 8, 3 * likelihood.parameters), "bfloat16")
    log_prob, mean = likelihood.log_prob(x, output), likelihood.mean(output)
    assert {keras.backend.standardize_dtype(a.dtype) for a in (log_prob, mean)} == {"float32"}
    assert tuple(log_prob.shape) == (2,) and tuple(mean.shape) == x.shape
    assert_close(log_prob, ops.convert_to_numpy(likelihood.log_prob(x, ops.cast(output, "float32"))))


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.3), LearnedGaussian(), DiscretizedLogistic()])
def test_likelihoods_survive_serialisation(likelihood):
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(likelihood))
    assert type(restored) is type(likelihood)
    assert restored.get_config() == likelihood.get_config()
    x, output = LEVELS[None, :6], normal(1, 6 * likelihood.parameters)
    assert_close(restored.log_prob(x, output), ops.convert_to_numpy(likelihood.log_prob(x, output)))
