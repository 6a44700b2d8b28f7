"""The batches of a training, decided by seed and epoch alone."""

import keras
import numpy as np

from vamp_core.images import binarize


class Batches(keras.utils.PyDataset):
    """Shuffled batches of images, in an order (and with ink) that the seed and the epoch decide.

    Args:
        images: (N, H, W, C) float32.
        batch_size: images per batch; the last one may be smaller.
        seed: an integer.
        redraw: binarize afresh in each epoch ("dynamic binarization").
    """

    def __init__(self, images, batch_size, seed, redraw=False):
        # With two workers Keras fetches ahead itself. Else it has tf.data do so, whose tuning thread it waits for after
        # each epoch: up to as long as the epoch took, in TensorFlow 2.21.
        super().__init__(workers=2)
        self.images, self.batch_size, self.seed, self.redraw = images, batch_size, seed, redraw
        self.begin_epoch(0)

    def begin_epoch(self, epoch):
        self.epoch = epoch
        self.order = np.random.default_rng([self.seed, epoch]).permutation(len(self.images))

    def __len__(self):
        return -(-len(self.images) // self.batch_size)

    def __getitem__(self, index):
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        images = self.images[chosen]
        return (binarize(images, [self.seed, self.epoch, index]) if self.redraw else images,)
