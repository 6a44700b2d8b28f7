"""Drawing images from a PixelCNN: kept layers beside the usual loop of whole passes; and what a training step costs.

    python tests/benchmarks/pixel_by_pixel.py [--channels 16] [--images 100] [--passes 8] [--batch 128]

The loop calls the whole network once a pixel, compiled; of its 784 passes only a few are timed, as all take as long.
A training step of the network (decoder left out) stands beside one of the same convolutions without masks, gates and
densities.
"""

import argparse
import statistics
import time

import keras
import numpy as np
from keras import layers, ops

import vamp_core as vc
from vamp_core.networks.masked import DEPTH, FEATURES, HIDDEN_KERNEL, IMAGE_KERNEL

SHAPE = (28, 28, 1)


def median_seconds(call, times):
    taken = []
    for _ in range(times + 1):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken[1:])


class Density(keras.Model):
    """log p(x | maps) of a PixelCNN as the loss, and no more."""

    def __init__(self, likelihood):
        super().__init__(autocast=False)
        self.likelihood, self.built, self.supports_jit = likelihood, True, vc.VAE(network_size=1).supports_jit

    def call(self, inputs):
        return self.likelihood.log_prob(*inputs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return -ops.mean(y_pred)


def convolutions(channels):
    """The kernels of a PixelCNN as plain convolutions, one after the other."""
    images, maps = keras.Input(SHAPE), keras.Input((*SHAPE[:2], FEATURES))
    hidden, found = images, []
    for kernel in (IMAGE_KERNEL, *[HIDDEN_KERNEL] * DEPTH):
        reach = kernel // 2
        padded = layers.ZeroPadding2D(((reach, 0), (reach, reach)))(hidden)
        both = layers.Conv2D(2 * channels, (reach + 1, kernel))(padded)
        found.append(layers.Conv2D(2 * channels, 1)(maps))
        hidden = both[..., :channels]
    outputs = [layers.Conv2D(1, 1)(hidden), layers.Conv2D(1, 1)(maps), *found]
    return keras.Model([images, maps], outputs)


class Sum(keras.Model):
    """The least loss that gives all outputs of a network a gradient."""

    def __init__(self, network):
        super().__init__()
        self.network, self.built, self.supports_jit = network, True, vc.VAE(network_size=1).supports_jit

    def call(self, inputs):
        return sum(ops.mean(ops.cast(each, "float32")) for each in self.network(inputs))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return y_pred


def main(channels, images, passes, batch):
    likelihood = vc.PixelCNN(channels=channels)
    likelihood.connect(SHAPE, (*SHAPE[:2], FEATURES))
    rng = np.random.default_rng(0)
    maps = ops.convert_to_tensor(rng.normal(size=(images, *SHAPE[:2], FEATURES)).astype("float32"))
    blank = ops.zeros((images, *SHAPE))
    likelihood.sample(maps[:2], seed=0)  # warms up
    kept = median_seconds(lambda: likelihood.sample(maps, seed=0), 1)
    network = likelihood.network
    network.compile()
    one_pass = median_seconds(lambda: network.predict_on_batch([blank, maps]), passes)
    loop = SHAPE[0] * SHAPE[1] * one_pass
    print(f"{images} images of 28 x 28, {channels} channels, {keras.backend.backend()}:")
    print(f"  whole passes, one a pixel   {loop:8.1f} s   ({one_pass:.3f} s a pass)")
    print(f"  each layer once a pixel     {kept:8.1f} s   {loop / kept:.0f} times as fast")
    x = (rng.random((batch, *SHAPE)) < 0.2).astype("float32")
    of_batch = rng.normal(size=(batch, *SHAPE[:2], FEATURES)).astype("float32")
    models = {"density": Density(likelihood), "convolutions alone": Sum(convolutions(channels))}
    seconds = {}
    for name, model in models.items():
        model.compile("adam")
        seconds[name] = median_seconds(lambda model=model: model.train_on_batch([x, of_batch]), passes)
        print(f"  training step, {name:19} {1e3 * seconds[name]:8.1f} ms")
    print(f"  ratio {seconds['density'] / seconds['convolutions alone']:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("channels", 16), ("images", 100), ("passes", 8), ("batch", 128)):
        parser.add_argument(f"--{name}", type=int, default=default)
    main(**vars(parser.parse_args()))
