"""The encoder's posterior as a density that can be evaluated at any latents, not only at those drawn from it."""

from keras import ops

from vamp_core.density.distributions import LOG_2PI


def draw(model, posterior, noise):
    """z of the standardized `noise`, a list of (B, width) for each level: (B, D), and what `standardized` says of it.

    Args:
        model: a `VAE` or `HVAE`.
        posterior: what `model.posterior(x)` gives.
        noise: not from N(0, I) where the posterior is to be widened.
    """
    mean, logvar, *features = posterior
    z = mean + ops.exp(0.5 * logvar) * noise[0]
    square, log_height = ops.sum(ops.square(noise[0]), axis=1), _log_height(logvar)
    if features:
        mean, logvar = model.lower_encoder([*features, z])
        z = ops.concatenate([z, mean + ops.exp(0.5 * logvar) * noise[1]], axis=1)
        square, log_height = square + ops.sum(ops.square(noise[1]), axis=1), log_height + _log_height(logvar)
    return z, square, log_height


def standardized(model, posterior, z):
    """The squared distance of z from the posterior's mean, in standard deviations, and the log-density at the mean.

    log q(z | x) = log_height − square / 2, and of a copy that is w times as wide
    log_height − D log w − square / (2 w²), at both levels of an HVAE: w widens q(z2 | x) and q(z1 | x, z2).

    Returns:
        square and log_height, (B,) each.
    """
    mean, logvar, *features = posterior
    top, lower = z[:, : mean.shape[1]], z[:, mean.shape[1] :]
    square, log_height = _square(top, mean, logvar), _log_height(logvar)
    if features:
        mean, logvar = model.lower_encoder([*features, top])
        square, log_height = square + _square(lower, mean, logvar), log_height + _log_height(logvar)
    return square, log_height


def _square(z, mean, logvar):
    return ops.sum(ops.square(z - mean) * ops.exp(-logvar), axis=1)


def _log_height(logvar):
    return -0.5 * ops.sum(LOG_2PI + logvar, axis=1)
