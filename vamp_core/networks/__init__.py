"""Encoders and decoders as plain Keras functional models: the forerunner's convolutional ones, the paper's gated ones.

An encoder maps images to the mean and log-variance of a diagonal normal over latents; a
decoder maps latents to the parameters of p(x | z). Any `keras.Model` with these inputs and
outputs can take their place.

Layers that touch a latent are kept in float32 even under a mixed precision policy: bfloat16
resolves 0.03 at z = 4, which is as coarse as a sharp posterior is wide. The convolutions,
where the time goes, follow the policy.
"""

from vamp_core.networks.bounded import Bounded, bounded
from vamp_core.networks.convolutional import (
    LOGVAR_RANGE,
    conditional_prior,
    conv_decoder,
    conv_encoder,
    conv_features,
    lower_encoder,
    normal_heads,
)
from vamp_core.networks.gated import gated_conv, gated_mlp

__all__ = [
    "conv_encoder",
    "conv_features",
    "lower_encoder",
    "conditional_prior",
    "conv_decoder",
    "normal_heads",
    "LOGVAR_RANGE",
    "gated_mlp",
    "gated_conv",
    "Bounded",
    "bounded",
]
