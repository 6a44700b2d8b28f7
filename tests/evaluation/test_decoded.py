"""log p(x | z) at many latents: the quick ways are the likelihood's own."""

import numpy as np
import pytest
from keras import ops

import vamp_core as vc
from vamp_core.evaluation.decoded import log_prob_of_all, log_prob_of_own, sum_of_softplus

LIKELIHOODS = [vc.Bernoulli(), vc.Gaussian(0.3), vc.LearnedGaussian(), vc.DiscretizedLogistic()]


@pytest.mark.parametrize("likelihood", LIKELIHOODS, ids=lambda likelihood: type(likelihood).__name__)
@pytest.mark.parametrize("shape", [(3, 3, 1), (7, 20, 1)])
def test_all_and_own_are_the_likelihoods_log_prob(likelihood, shape):
    rng = np.random.default_rng(0)
    x = ops.convert_to_tensor((rng.random((3, *shape)) < 0.5).astype("float32"))
    output = rng.normal(size=(6, *shape[:2], likelihood.parameters)).astype("float32") * 5
    output = ops.convert_to_tensor(output)
    pairs = [[likelihood.log_prob(x[b : b + 1], output[g : g + 1])[0] for b in range(3)] for g in range(6)]
    expected = np.array([[float(value) for value in row] for row in pairs])
    found = ops.convert_to_numpy(log_prob_of_all(likelihood, x, output))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)
    own = ops.convert_to_numpy(log_prob_of_own(likelihood, x, output, 2))
    np.testing.assert_allclose(own, expected[np.arange(6), [0, 0, 1, 1, 2, 2]], rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("pixels", [1, 64, 97, 100, 784])
def test_softplus_is_summed_exactly_at_any_logit(pixels):
    logits = np.random.default_rng(0).normal(size=(5, pixels)) * np.array([[0.01], [1], [10], [100], [1e4]])
    expected = np.logaddexp(0, logits.astype("float32").astype("float64")).sum(axis=1)
    found = ops.convert_to_numpy(sum_of_softplus(ops.convert_to_tensor(logits.astype("float32"))))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-5)


def test_a_bernoulli_of_ones_own_keeps_its_log_prob():
    class Halved(vc.Bernoulli):
        def log_prob(self, x, logits):
            return 0.5 * super().log_prob(x, logits)

    x, logits = ops.ones((2, 3, 3, 1)), ops.ones((4, 3, 3, 1))
    both = (
        lambda likelihood: log_prob_of_all(likelihood, x, logits)[:, 0],
        lambda likelihood: log_prob_of_own(likelihood, x, logits, 2),
    )
    for quick in both:
        halved, whole = (ops.convert_to_numpy(quick(likelihood)) for likelihood in (Halved(), vc.Bernoulli()))
        np.testing.assert_allclose(halved, 0.5 * whole, rtol=1e-6)
