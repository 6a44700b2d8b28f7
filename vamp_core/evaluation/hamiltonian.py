"""One Hamiltonian transition of many Markov chains, between a start q(z) that can be drawn from and p(x, z)."""

import keras
from keras import ops

from vamp_core.evaluation.decoded import log_prob_of_own
from vamp_core.evaluation.posteriors import standardized
from vamp_core.system.gradients import value_and_gradient

LEAPFROG_STEPS = 5


class Transition(keras.Model):
    """Leaves q(z)^(1 − β) p(x, z)^β invariant (Neal 2011, MCMC using Hamiltonian dynamics, section 3).

    A model, because Keras compiles what `predict_on_batch` runs.

    Args:
        model: a `VAE` or `HVAE`.
        chains: C, for each data point.
        from_prior: whether q is the prior; else it is the encoder's posterior.
    """

    def __init__(self, model, chains, from_prior):
        super().__init__(autocast=False)
        self.model, self.chains, self.from_prior, self.built = model, chains, from_prior, True

    def call(self, inputs):
        """A step of C chains for each of B data points.

        Args:
            inputs: x (B, *data_shape); `model.posterior(x)`; z (B · C, D), a data point's chains in a row; momenta,
                (B · C, D) from N(0, I); log-uniform numbers, (B · C,); β, (B · C, 1); step sizes, (B · C, 1), in units
                of `scale`; and `scale`, (B · C, D).

        Returns:
            z after the step, log p(x, z) − log q(z) there, and the probability with which the step was taken.
        """
        x, posterior, z, momentum, log_uniform, beta, step, scale = inputs
        posterior = [ops.repeat(part, self.chains, axis=0) for part in posterior]
        beta, step = beta[:, 0], step * scale

        def log_density(z):
            log_prior = self.model.log_prior(z)
            output = self.model.decoder(z)
            log_joint = log_prior + log_prob_of_own(self.model.likelihood, x, output, self.chains)
            if self.from_prior:
                log_q = log_prior
            else:
                square, log_height = standardized(self.model, posterior, z)
                log_q = log_height - 0.5 * square
            return log_q + beta * (log_joint - log_q), log_joint - log_q

        (before, gap), force = value_and_gradient(log_density, z)
        kinetic = 0.5 * ops.sum(ops.square(momentum), axis=1)
        new, after, new_gap = z, before, gap
        for _ in range(LEAPFROG_STEPS):
            momentum = momentum + 0.5 * step * force
            new = new + step * momentum
            (after, new_gap), force = value_and_gradient(log_density, new)
            momentum = momentum + 0.5 * step * force
        log_ratio = after - before + kinetic - 0.5 * ops.sum(ops.square(momentum), axis=1)
        log_ratio = ops.where(ops.isnan(log_ratio), -float("inf"), log_ratio)
        taken = log_uniform < log_ratio
        z = ops.where(ops.expand_dims(taken, 1), new, z)
        return z, ops.where(taken, new_gap, gap), ops.exp(ops.minimum(log_ratio, 0.0))
