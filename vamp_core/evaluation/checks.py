"""What an evaluation of log p(x) is held to before it starts."""

import numpy as np
from keras import ops

from vamp_core.density.priors import Prior
from vamp_core.errors import InputError
from vamp_core.models.base import LatentVariableModel
from vamp_core.system.gradients import value_and_gradient


def check_knows_terms(model):
    """Raises an `InputError` if the model's bound is not that of its parts, of which alone log p(x) is estimated."""
    if type(model).terms is not LatentVariableModel.terms:
        raise InputError(
            f"{type(model).__name__} has terms of its own, but log p(x) is estimated from posterior, draw, decoder, "
            "likelihood and prior alone: put into these what it changes."
        )


def check_is_likelihood(model, x):
    """Raises an `InputError` if p(x, z) is no density of the data `x` and the latents, or not known from the parts."""
    check_knows_terms(model)
    if model.likelihood.binary and not np.all((x == 0) | (x == 1)):
        raise InputError(
            "The images are grey, but a Bernoulli likelihood gives probabilities to black and white only, so the "
            "number would not be a likelihood: draw ink with vamp_core.binarize(x, seed), or use the ELBO."
        )
    if type(model.prior).log_prob is Prior.log_prob:
        raise InputError(f"The prior {type(model.prior).__name__} has no density: give it a log_prob(z).")


def check_has_gradient(model, x):
    """Raises an `InputError` if log p(x | z) cannot be differentiated with respect to the decoder's output."""
    output = model.decoder(ops.zeros((1, model.latent_dim)))
    point = ops.convert_to_tensor(x[:1])

    def log_prob(flat):
        return model.likelihood.log_prob(point, ops.reshape(flat, output.shape)), ()

    try:
        gradient = ops.convert_to_numpy(value_and_gradient(log_prob, ops.reshape(output, (1, -1)))[1])
    except (TypeError, ValueError, RuntimeError, AttributeError):
        gradient = np.zeros(1)
    if not np.any(gradient):
        raise InputError(
            f"The likelihood {type(model.likelihood).__name__} has no gradient: write its log_prob with keras.ops "
            "alone, or use log_likelihood, which needs none."
        )
