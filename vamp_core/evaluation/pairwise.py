"""log p(x | z) of every data point at every latent: one decoding of the latents serves all data points."""

from keras import ops

from vamp_core.density.distributions import float32
from vamp_core.density.likelihoods import Bernoulli


def pairwise_log_prob(likelihood, x, output):
    """log p(x_b | z_g) in nats of B data points at G latents.

    Args:
        likelihood: a `Likelihood`.
        x: (B, *data_shape) tensor.
        output: the decoder's output at the latents, (G, ...).

    Returns:
        (G, B) tensor.
    """
    if type(likelihood).log_prob is Bernoulli.log_prob:
        logits = ops.reshape(float32(output), (output.shape[0], -1))
        ink = ops.reshape(float32(x), (x.shape[0], -1))
        return ops.matmul(logits, ops.transpose(ink)) - ops.sum(ops.softplus(logits), axis=1, keepdims=True)

    def at_all_latents(point):
        return likelihood.log_prob(ops.broadcast_to(point, (output.shape[0], *point.shape)), output)

    return ops.transpose(ops.map(at_all_latents, x))
