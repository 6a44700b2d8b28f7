"""Log-densities and reparameterised samples: pure functions on tensors, all values in nats.

Everything here is computed in float32, whatever the precision policy of the networks: a
density is a sum over hundreds of pixels, and bfloat16 keeps three digits of it.
"""

import math
import operator

from keras import ops, random

LOG_2PI = math.log(2.0 * math.pi)

# Up to so many latents a mixture's differences cost no more than matrix products do.
FEW_LATENTS = 8


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
    product of one-dimensional mixtures). With many latents the quadratic form is expanded into
    two matrix products, so that the (B, K, D) differences never exist.

    Args:
        z: (B, D).
        means, logvars: (K, D).
        log_weights: (K,), normalised; uniform if None (Tomczak & Welling 2018, eq. 9).

    Returns:
        (B,) nats.
    """
    z, means, logvars = float32(z), float32(means), float32(logvars)
    precision = ops.exp(-logvars)
    distances = _differences if means.shape[1] <= FEW_LATENTS else _products
    log_components = -0.5 * (ops.sum(LOG_2PI + logvars, axis=1) + distances(z, means, precision))  # (B, K)
    if log_weights is None:
        return ops.logsumexp(log_components, axis=1) - math.log(means.shape[0])
    return ops.logsumexp(log_components + float32(log_weights), axis=1)


def _differences(z, means, precision):
    """Σ_d (z_d − means_kd)² precision_kd, (B, K), as it stands: exact however far from the origin."""
    return ops.sum(ops.square(ops.expand_dims(z, 1) - means) * precision, axis=2)


def _products(z, means, precision):
    """The same by two matrix products; where z is many standard deviations from 0, the squares cancel in part."""
    # Distances do not change when the origin moves to the components' centre, but z² and
    # means² shrink, and with them what is lost.
    centre = ops.stop_gradient(ops.mean(means, axis=0, keepdims=True))
    z, means = z - centre, means - centre
    squares = ops.matmul(ops.square(z), ops.transpose(precision)) + ops.sum(ops.square(means) * precision, axis=1)
    return squares - 2.0 * ops.matmul(z, ops.transpose(means * precision))


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
    return random.SeedGenerator(None if seed is None else operator.index(seed))
