"""log p(x | z) from the decoder's output, where it is asked for at many latents."""

import math

from keras import ops

from vamp_core.density.distributions import float32
from vamp_core.density.likelihoods import Bernoulli

# Products of so many factors between one and two stay far within float32.
FACTORS = 64


def log_prob_of_all(likelihood, x, output):
    """log p(x_b | z_g) in nats of every data point at every latent.

    Args:
        likelihood: a `Likelihood`.
        x: (B, *data_shape) tensor.
        output: the decoder's output at G latents, (G, ...).

    Returns:
        (G, B) tensor.
    """
    if _is_bernoulli(likelihood):
        logits, ink = _flat(output), _flat(x)
        return ops.matmul(logits, ops.transpose(ink)) - ops.expand_dims(sum_of_softplus(logits), 1)

    def at_all_latents(point):
        return likelihood.log_prob(ops.broadcast_to(point, (ops.shape(output)[0], *point.shape)), output)

    return ops.transpose(ops.map(at_all_latents, x))


def log_prob_of_own(likelihood, x, output, count):
    """log p(x_b | z_bs) in nats of every data point at latents of its own, S of a data point in a row.

    Args:
        likelihood: a `Likelihood`.
        x: (B, *data_shape) tensor.
        output: the decoder's output, (B · S, ...).
        count: S.

    Returns:
        (B · S,) tensor.
    """
    if not _is_bernoulli(likelihood):
        return likelihood.log_prob(ops.repeat(x, count, axis=0), output)
    logits = _flat(output)
    by_point = ops.reshape(logits, (-1, count, logits.shape[1]))
    of_ink = ops.reshape(ops.matmul(by_point, ops.expand_dims(_flat(x), 2)), (-1,))
    return of_ink - sum_of_softplus(logits)


def sum_of_softplus(logits):
    """Σ_p log(1 + exp(logits_p)), (B, P) → (B,), by one logarithm for up to FACTORS pixels.

    softplus(l) = (l + |l|) / 2 + log(1 + exp(−|l|)), and a sum of logarithms is the logarithm of a product.
    """
    size, pixels = ops.abs(logits), logits.shape[1]
    # Groups of one size, since slices would be copies: 56 pixels each of 784, and single ones of a prime number.
    together = max(d for d in range(1, min(FACTORS, pixels) + 1) if pixels % d == 0)
    factors = ops.reshape(1.0 + ops.exp(-size), (-1, pixels // together, together))
    return 0.5 * ops.sum(logits + size, axis=1) + ops.sum(ops.log(ops.prod(factors, axis=2)), axis=1)


def _is_bernoulli(likelihood):
    return type(likelihood).log_prob is Bernoulli.log_prob


def _flat(x):
    return ops.reshape(float32(x), (-1, math.prod(x.shape[1:])))
