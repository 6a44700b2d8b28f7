"""What the latents carry: active units, the aggregate posterior, and the two parts of the KL term.

All of it is about the latents that the prior is over: z of a VAE, the top level z2 of an HVAE.
"""

from typing import NamedTuple

import numpy as np
from keras import ops

from vamp_core.density.distributions import (
    as_generator,
    mixture_log_prob,
    mixture_sample,
    normal_log_prob,
    normal_sample,
)
from vamp_core.errors import InputError
from vamp_core.system.arrays import as_numpy

# Points of z at a time against all components: with 10,000 components some 40 MB.
BATCH_SIZE = 1000


class AggregatePosterior:
    """q(z) = 1/N Σ_n q(z | x_n), the mixture of the posteriors of N data points: the optimal prior.

    It has the two methods of a prior (Tomczak & Welling 2018, eq. 8; Hoffman & Johnson 2016).

    Args:
        means, logvars: of the posteriors, (N, D) each.
    """

    def __init__(self, means, logvars):
        self.means, self.logvars = ops.convert_to_tensor(means), ops.convert_to_tensor(logvars)

    def log_prob(self, z):
        """log q(z) in nats: (B, D) → (B,) NumPy array."""
        z = ops.convert_to_numpy(z)
        parts = np.split(z, range(BATCH_SIZE, len(z), BATCH_SIZE))
        return np.concatenate([ops.convert_to_numpy(mixture_log_prob(p, self.means, self.logvars)) for p in parts])

    def sample(self, n, seed=None):
        """n draws: (n, D) NumPy array."""
        return ops.convert_to_numpy(mixture_sample(n, self.means, self.logvars, as_generator(seed)))


def aggregate_posterior(model, x):
    """The `AggregatePosterior` of the data points x, (N, *data_shape)."""
    return AggregatePosterior(*_top_posterior(model, x))


def active_units(model, x, threshold=0.01):
    """Which latents say anything about x: those whose posterior mean varies over the data.

    Unit u is active if Var_x(E_q[u]) exceeds `threshold` (Burda et al. 2016, section 5.1 and appendix C).
    The threshold of 0.01 assumes latents of scale one, as under a standard prior. A VampPrior, any prior
    that is learnt, and z1 of an HVAE hold no scale: there, take a hundredth of the variance of
    `model.ancestral(n)`, latent by latent.

    Args:
        model: a `VAE` or `HVAE`.
        x: (N, *data_shape), N ≥ 2.
        threshold: least variance of an active unit, one number or (D,).

    Returns:
        (D,) booleans, for an HVAE of both levels, z2 first.
    """
    if len(x) < 2:
        raise InputError(f"x holds {len(x)} data point; a variance over the data needs at least two.")
    return np.var(model.encode(as_numpy(x))[0], axis=0) > threshold


class KLSplit(NamedTuple):
    """The mean KL( q(z|x) ‖ p(z) ) = mutual_information + marginal_kl, in nats; standard errors over the data.

    `mutual_information` is what z says of which data point it came from, at most log N;
    `marginal_kl` is KL( q(z) ‖ p(z) ), the prior's misfit (Hoffman & Johnson 2016).
    """

    mutual_information: float
    marginal_kl: float
    mutual_information_error: float
    marginal_kl_error: float


def kl_split(model, x, seed=0):
    """Splits the KL term by one sample per data point against the aggregate posterior of the same data.

    Args:
        model: a `VAE` or `HVAE`.
        x: (N, *data_shape); cost and memory are those of N × N densities, taken in parts.
        seed: of the noise.

    Returns:
        A `KLSplit`.
    """
    means, logvars = _top_posterior(model, x)
    z = normal_sample(means, logvars, as_generator(seed))
    log_own = ops.convert_to_numpy(normal_log_prob(z, means, logvars))
    log_aggregate = AggregatePosterior(means, logvars).log_prob(z)
    log_prior = ops.convert_to_numpy(model.prior.log_prob(z))
    information, misfit = log_own - log_aggregate, log_aggregate - log_prior
    errors = [float(np.std(part) / np.sqrt(len(part))) for part in (information, misfit)]
    return KLSplit(float(np.mean(information)), float(np.mean(misfit)), *errors)


def _top_posterior(model, x):
    means, logvars = model.encode(as_numpy(x))
    return means[:, : model.prior.latent_dim], logvars[:, : model.prior.latent_dim]
