"""Images drawn from a PixelCNN one pixel after another, each layer computed once at each pixel.

The usual loop calls the whole network once a pixel, H · W passes for an image. But what a masked layer gives at a
pixel never changes once the pixels before it are there: it is kept, and each step computes one column of each layer.
So an image costs as much as one pass.
"""

import numpy as np
from keras import ops
from threadpoolctl import threadpool_limits

AT_A_TIME = 100  # images; so many keep a CPU busy, and what is kept of them takes 100 MB


def draw_images(network, maps, draw):
    """Draws an image for each entry of the feature maps.

    In NumPy and float32, since a step is a few small matrix products, and writes into what is kept of the layers.

    Args:
        network: a `networks.masked.pixelcnn`.
        maps: (B, H, W, F) array.
        draw: (B, C · parameters) array of what the network gives at a pixel → (values, result), (B, C) arrays: the
            values that the pixel takes, and what the result holds of it.

    Returns:
        (B, H, W, C) array of results.
    """
    parts = np.split(maps.astype("float32"), range(AT_A_TIME, len(maps), AT_A_TIME))
    # The products are so small that several threads mainly wait for each other: up to 24 times as long on two cores.
    with threadpool_limits(limits=1, user_api="blas"):
        return np.concatenate([_draw(_Layers(network, part), draw) for part in parts])


def _draw(kept, draw):
    _, height, width, channels = kept.shape
    results = np.zeros(kept.shape, "float32")
    for row in range(height):
        for column in range(width):
            for channel in range(channels):  # each sees the ones before it at its pixel
                values, result = draw(kept.outputs_at(row, column))
                kept.image[:, row, column, channel] = values[:, channel]
                results[:, row, column, channel] = result[:, channel]
    return results


class _Layers:
    """What the layers gave at the pixels so far, within a border of zeros.

    Attributes:
        image: (B, H, W, C), to be written to.
        shape: its shape.
    """

    def __init__(self, network, maps):
        names = [layer.name.removeprefix("masked_") for layer in network.layers if layer.name.startswith("masked_")]
        masked = [network.get_layer(f"masked_{name}") for name in names]
        told = [_numpy(network.get_layer(f"told_{name}").kernel)[0, 0] for name in names]
        self.told = [maps @ kernel + _numpy(layer.bias) for layer, kernel in zip(masked, told, strict=True)]
        kernels = [_numpy(layer.masked_kernel()) for layer in masked]
        self.windows = [kernel.shape[:2] for kernel in kernels]
        self.matrices = [kernel.reshape(-1, kernel.shape[3]) for kernel in kernels]
        count, height, width, _ = maps.shape
        self.seen = [
            np.zeros((count, height + rows - 1, width + columns - 1, kernel.shape[2]), "float32")
            for (rows, columns), kernel in zip(self.windows, kernels, strict=True)
        ]
        rows, columns = self.windows[0]
        self.image = self.seen[0][:, rows - 1 :, columns // 2 : columns // 2 + width]
        self.shape = self.image.shape

    def outputs_at(self, row, column):
        """What the network gives at a pixel whose predecessors are there: (B, C · parameters)."""
        hidden = 0.0
        for layer in range(len(self.seen)):
            rows, columns = self.windows[layer]
            if layer:
                self.seen[layer][:, row + rows - 1, column + columns // 2] = hidden
            window = self.seen[layer][:, row : row + rows, column : column + columns]
            both = window.reshape(len(window), -1) @ self.matrices[layer] + self.told[layer][:, row, column]
            if layer < len(self.seen) - 1:
                linear, opening = np.split(both, 2, axis=1)
                hidden = hidden + linear * (0.5 + 0.5 * np.tanh(0.5 * opening))  # a sigmoid that does not overflow
        return both


def _numpy(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))
