"""Floating-point operations counted from the layers: the floor that a training step's time stands on."""

import math

from keras import layers

from vamp_core.density.pixelcnn import PixelCNN
from vamp_core.density.vamp_prior import VampPrior

# Forward, the gradient with respect to the layer's inputs, and with respect to its weights.
PASSES_IN_TRAINING = 3


def forward_flops(network):
    """Multiplications and additions of one forward pass for one data point.

    Convolutions and dense layers are counted; activations, biases and densities are not.

    Args:
        network: a functional `keras.Model`.
    """
    return sum(_layer_flops(layer) for layer in network.layers)


def training_flops(model, batch_size, samples=1):
    """Operations of one training step per data point, with the encoder's pass over the pseudo-inputs.

    Args:
        model: a `VAE` or `HVAE`.
        batch_size: data points that share one pass over the pseudo-inputs.
        samples: latents drawn per data point, the `iwae_samples` of the objective.
    """
    once = [model.encoder, getattr(model, "image_features", None)]  # per data point; the other networks per sample
    networks = list(model.networks.values())
    if isinstance(model.likelihood, PixelCNN):
        networks.append(model.likelihood.network)
    flops = sum(forward_flops(network) * (1 if network in once else samples) for network in networks)
    if isinstance(model.prior, VampPrior):
        flops += forward_flops(model.encoder) * model.prior.num_components / model.prior.turns / batch_size
    return PASSES_IN_TRAINING * flops


def _layer_flops(layer):
    if isinstance(layer, (layers.Dense, layers.Conv2D)):
        positions = layer.output.shape[1:-1]  # each output position meets the whole kernel once
    elif isinstance(layer, layers.Conv2DTranspose):
        positions = layer.input.shape[1:-1]  # and here each input position
    else:
        return 0
    return 2 * math.prod(layer.kernel.shape) * math.prod(positions)
