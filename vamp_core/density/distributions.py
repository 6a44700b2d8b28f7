"""Log-densities and reparameterised samples: pure functions on tensors, all values in nats.

Everything here is computed in float32, whatever the precision policy of the networks: a
density is a sum over hundreds of pixels, and bfloat16 keeps three digits of it. The one matrix
product is in float64, so that TF32, which GPUs may take float32 products for, changes nothing.
"""

import math

from keras import ops, random

from vamp_core.errors import check_seed
from vamp_core.system.hardware import float64, has_float64

LOG_2PI = math.log(2.0 * math.pi)

LOG_OF_ZERO = -1e30


def float32(x):
    """The tensor `x` in float32: the precision in which densities are summed."""
    return ops.cast(x, "float32")


def _sum_over_event(log_prob):
    """Sums all axes but the first: (B, ...) → (B,)."""
    return ops.sum(log_prob, axis=tuple(range(1, len(log_prob.shape))))


def normal_log_prob(x, mean, logvar):
    """log N(x | mean, exp(logvar)) of a normal distribution with a diagonal covariance.

    Args:
        x: (B, ...).
        mean, logvar: broadcastable to `x`.

    Returns:
        (B,) nats, summed over all axes but the first.
    """
    x, mean, logvar = float32(x), float32(mean), float32(logvar)
    return -0.5 * _sum_over_event(LOG_2PI + logvar + ops.square(x - mean) * ops.exp(-logvar))


def normal_sample(mean, logvar, seed):
    """A reparameterised draw, mean + exp(logvar / 2) · ε with ε ~ N(0, I) (Kingma & Welling 2014, eq. 4).

    Args:
        mean, logvar: (B, D).
        seed: an integer, a `keras.random.SeedGenerator` for fresh noise at each call, or a
            function that gives the noise ε for a shape.

    Returns:
        (B, D), differentiable in `mean` and `logvar`.
    """
    mean, logvar = float32(mean), float32(logvar)
    shape = ops.shape(mean)
    noise = seed(shape) if callable(seed) else random.normal(shape, dtype="float32", seed=seed)
    return mean + ops.exp(0.5 * logvar) * noise


def normal_kl(mean, logvar):
    """KL( N(mean, exp(logvar)) ‖ N(0, I) ) in closed form (Kingma & Welling 2014, appendix B).

    The models estimate the KL term from one sample, since a VampPrior has no closed form;
    this is what that estimate averages to under a standard prior.

    Args:
        mean, logvar: (B, D).

    Returns:
        (B,) nats.
    """
    mean, logvar = float32(mean), float32(logvar)
    return 0.5 * _sum_over_event(ops.square(mean) + ops.exp(logvar) - 1.0 - logvar)


def bernoulli_log_prob(x, logits):
    """x log p + (1 − x) log(1 − p) with p = sigmoid(logits), exact for any logit.

    A log-probability for binary `x`. Grey values in between are scored as if they were
    probabilities of ink: a usual training objective, but not a likelihood.

    Args:
        x, logits: (B, ...), `x` in [0, 1].

    Returns:
        (B,) nats, summed over all axes but the first.
    """
    x, logits = float32(x), float32(logits)
    return _sum_over_event(x * logits - ops.softplus(logits))


def discretized_logistic_log_prob(x, mean, logscale, levels=256):
    """Log-probability of `levels` equally spaced values in [0, 1] under a logistic density cut into bins.

    The bin of a value reaches half-way to its neighbours; those of 0 and 1 reach to ∓∞, so
    the probabilities of all levels sum to one (Kingma et al. 2016, IAF, section 5.2).

    Args:
        x: (B, ...), multiples of 1 / (levels − 1).
        mean, logscale: (B, ...), location and log-scale of the logistic.

    Returns:
        (B,) nats, summed over all axes but the first.
    """
    x, mean, logscale = float32(x), float32(mean), float32(logscale)
    width = 1.0 / (levels - 1)
    upper = (x + 0.5 * width - mean) * ops.exp(-logscale)
    lower = (x - 0.5 * width - mean) * ops.exp(-logscale)
    # σ(u) − σ(l) = σ(u) σ(−l) (1 − e^{l−u}): three factors that can each be logged without cancellation.
    below_upper = -ops.softplus(-upper)
    above_lower = -ops.softplus(lower)
    inside = below_upper + above_lower + ops.log(-ops.expm1(-width * ops.exp(-logscale)))
    darkest, brightest = x < 0.5 * width, x > 1.0 - 0.5 * width
    return _sum_over_event(ops.where(darkest, below_upper, ops.where(brightest, above_lower, inside)))


def mixture_log_prob(z, means, logvars, log_weights=None):
    """log Σ_k w_k N(z | means_k, exp(logvars_k)), a mixture of K diagonal normals.

    Latent axes are summed *before* the log-sum-exp over components (the other order gives a
    product of one-dimensional mixtures). The quadratic form is expanded into a matrix product,
    so that the (B, K, D) differences never exist. Where components are narrow, squares of up to
    10¹¹ cancel in it and leave a few nats, so it is taken in float64: the result errs by less
    than 1e-3 nats, or a millionth of itself, for log-variances from -12 to 6, up to 128 latents
    and coordinates up to 100. TF32 does not touch it.

    Args:
        z: (B, D).
        means, logvars: (K, D).
        log_weights: (K,), normalised; uniform if None (Tomczak & Welling 2018, eq. 9).

    Returns:
        (B,) nats, differentiable once in all arguments.
    """
    z, means, logvars = float32(z), float32(means), float32(logvars)
    if log_weights is None:
        log_weights = ops.full((means.shape[0],), -math.log(means.shape[0]), dtype="float32")
    # The logarithm of a weight of zero times a responsibility of zero would be NaN.
    log_weights = ops.maximum(float32(log_weights), LOG_OF_ZERO)
    return (_by_products if has_float64() else _by_differences)(z, means, logvars, log_weights)


@ops.custom_gradient
def _by_products(z, means, logvars, log_weights):
    # The gradient is written out because JAX knows float64 only inside the blocks; `@`, because on PyTorch
    # ops.matmul would take float64 down to float32.
    with float64():
        z, means, logvars, log_weights = (ops.cast(each, "float64") for each in (z, means, logvars, log_weights))
        precision = ops.exp(-logvars)
        linear = precision * means
        constant = log_weights - 0.5 * ops.sum(LOG_2PI + logvars + means * linear, axis=1)
        powers = ops.concatenate([-0.5 * ops.square(z), z, ops.ones_like(z[:, :1])], axis=1)  # (B, 2D + 1)
        coefficients = ops.concatenate([precision, linear, ops.expand_dims(constant, 1)], axis=1)  # (K, 2D + 1)
        log_components = float32(powers @ ops.transpose(coefficients))  # (B, K)
    highest = ops.max(log_components, axis=1, keepdims=True)
    shares = ops.exp(log_components - highest)
    total = ops.sum(shares, axis=1, keepdims=True)

    def gradients(*arguments, upstream=None):
        upstream = arguments[0] if upstream is None else upstream  # PyTorch's comes by name
        latent_dim = z.shape[1]
        with float64():
            scale = ops.cast(ops.expand_dims(upstream, 1) / total, "float64")
            weights = ops.cast(shares, "float64")  # times scale, the components' responsibilities for z
            of_powers = weights @ coefficients
            precisions, linears = of_powers[:, :latent_dim], of_powers[:, latent_dim : 2 * latent_dim]
            of_coefficients = ops.transpose(weights) @ (scale * powers)
            halves, firsts = of_coefficients[:, :latent_dim], of_coefficients[:, latent_dim : 2 * latent_dim]
            count = of_coefficients[:, 2 * latent_dim :]
            to_z = scale * (linears - z * precisions)
            to_means = precision * (firsts - count * means)
            # Σ_b r_bk (z_b - means_k)² / 2, of which `halves` is the part -z² / 2
            squares = 0.5 * count * ops.square(means) - firsts * means - halves
            to_logvars = precision * squares - 0.5 * count
            return float32(to_z), float32(to_means), float32(to_logvars), float32(count[:, 0])

    return ops.log(total[:, 0]) + highest[:, 0], gradients


def _by_differences(z, means, logvars, log_weights):
    """The same where there is no float64; exact too, but slow, and all (B, K, D) differences exist."""
    squares = ops.square(ops.expand_dims(z, 1) - means) * ops.exp(-logvars)
    return ops.logsumexp(log_weights - 0.5 * ops.sum(LOG_2PI + logvars + squares, axis=2), axis=1)


def mixture_sample(n, means, logvars, seed, log_weights=None):
    """`n` draws from the mixture of `mixture_log_prob`: a component each, then a point of it.

    Args:
        n: number of draws.
        means, logvars: (K, D).
        seed: a `keras.random.SeedGenerator` (two independent draws are made from it).
        log_weights: (K,), normalised; uniform if None.

    Returns:
        (n, D).
    """
    if log_weights is None:
        log_weights = ops.zeros((means.shape[0],))
    component = random.categorical(ops.expand_dims(log_weights, 0), n, seed=seed)[0]
    return normal_sample(ops.take(means, component, axis=0), ops.take(logvars, component, axis=0), seed)


def as_generator(seed):
    """A `keras.random.SeedGenerator` from an integer (the same draws each time) or None (never the same)."""
    if isinstance(seed, random.SeedGenerator):
        return seed
    return random.SeedGenerator(None if seed is None else check_seed(seed))
