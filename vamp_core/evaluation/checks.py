"""What an evaluation of log p(x) is held to before it starts."""

import numpy as np

from vamp_core.density.likelihoods import Bernoulli
from vamp_core.density.priors import Prior
from vamp_core.errors import InputError


def check_is_likelihood(model, x):
    """Raises an `InputError` if p(x, z) is no density of the data `x` and the latents."""
    if isinstance(model.likelihood, Bernoulli) and not np.all((x == 0) | (x == 1)):
        raise InputError(
            "The images are grey, but a Bernoulli likelihood gives probabilities to black and white only, so the "
            "number would not be a likelihood: draw ink with vamp_core.binarize(x, seed), or use the ELBO."
        )
    if type(model.prior).log_prob is Prior.log_prob:
        raise InputError(f"The prior {type(model.prior).__name__} has no density: give it a log_prob(z).")
