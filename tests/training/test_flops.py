"""Operations counted by hand for one layer of each kind."""

import keras
from keras import layers

import vamp_core as vc
from vamp_core.training.flops import forward_flops, training_flops


def flops_of(layer, shape):
    inputs = keras.Input(shape)
    return forward_flops(keras.Model(inputs, layer(inputs)))


def test_each_output_of_a_layer_costs_two_operations_per_weight_it_meets():
    assert flops_of(layers.Dense(5), (3,)) == 2 * 3 * 5
    assert flops_of(layers.Conv2D(4, 3, strides=2, padding="same"), (8, 8, 2)) == 2 * (4 * 4) * 4 * (3 * 3 * 2)
    # A transposed convolution spreads each of its 4×4 inputs over the kernel.
    assert flops_of(layers.Conv2DTranspose(4, 3, strides=2, padding="same"), (4, 4, 2)) == 2 * (4 * 4) * 4 * (3 * 3 * 2)
    assert flops_of(layers.Activation("relu"), (3,)) == 0


def test_networks_after_the_latents_run_once_per_sample():
    hvae = vc.HVAE(network_size=1)
    more = training_flops(hvae, batch_size=256, samples=5) - training_flops(hvae, batch_size=256)
    assert more == 3 * 4 * sum(map(forward_flops, (hvae.lower_encoder, hvae.conditional_prior, hvae.decoder)))


def test_the_vampprior_adds_its_share_of_encoder_passes():
    standard = vc.VAE(network_size=1)
    vamp = vc.VAE(network_size=1, prior=vc.VampPrior(512))
    extra = training_flops(vamp, batch_size=256) - training_flops(standard, batch_size=256)
    assert extra == 3 * 2 * forward_flops(standard.encoder)
