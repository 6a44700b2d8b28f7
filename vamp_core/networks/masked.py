"""The network of a PixelCNN: convolutions that see of an image only what comes before a pixel.

Pixels come row by row from the top, in a row from the left, and in a pixel channel by channel (van den Oord et al.
2016, "Conditional image generation with PixelCNN decoders"). The layers are plain masked ones, as in the VampPrior
paper's supplement: of the pixels before one they overlook some above and to its right, since no kernel bends round
the corner. A pixel of an MNIST image sees 7 + 3 rows up.
"""

import keras
import numpy as np
from keras import layers, ops

IMAGE_KERNEL, HIDDEN_KERNEL = 7, 3  # sides of the first layer's kernel and of the others'
FEATURES, DEPTH = 16, 3  # feature maps for each channel of the image, and layers after the first

# Networks with a PixelCNN, by the names of those in `gated` that make its feature maps.
PIXELCNN = {"pixelcnn": "gated_conv", "pixelcnn_mlp": "gated_mlp"}


def causal_mask(kernel_size, groups_in, groups_out, sees_itself):
    """Which weights of a kernel may differ from zero.

    Args:
        kernel_size: k, odd.
        groups_in, groups_out: the channel of the image, 0 to C − 1, that each of n inputs knows of (at most), and
            that each of m outputs is about.
        sees_itself: whether an output may see inputs of its own group at its own pixel; later groups never.

    Returns:
        (k // 2 + 1, k, n, m) float32 of zeros and ones: the rows above the pixel, and its own.
    """
    reach = kernel_size // 2
    groups_in, groups_out = np.asarray(groups_in)[:, None], np.asarray(groups_out)
    mask = np.ones((reach + 1, kernel_size, groups_in.size, groups_out.size), "float32")
    mask[reach, reach] = groups_in <= groups_out if sees_itself else groups_in < groups_out
    mask[reach, reach + 1 :] = 0
    return mask


@keras.saving.register_keras_serializable(package="vamp_core")
class MaskedConv2D(layers.Conv2D):
    """A convolution over the pixels before each pixel: (B, H, W, n) → (B, H, W, sets · filters).

    The kernel has no rows that lie below the pixel, so that 3 × 3 costs as much as 2 × 3.

    Args:
        filters: of one set; filter j is about channel j mod `image_channels` of the image.
        kernel_size: k, odd.
        image_channels: C.
        sees_itself: False for the layer that sees the image, True for those after it.
        sets: how many sets of filters there are, such as two for a gated layer.
    """

    def __init__(self, filters, kernel_size, image_channels=1, sees_itself=True, sets=1, **kwargs):
        super().__init__(sets * filters, (kernel_size // 2 + 1, kernel_size), data_format="channels_last", **kwargs)
        self.image_channels, self.sees_itself, self.sets = image_channels, sees_itself, sets

    def build(self, input_shape):
        super().build(input_shape)
        groups_in = np.arange(input_shape[-1]) % self.image_channels
        groups_out = np.tile(np.arange(self.filters // self.sets) % self.image_channels, self.sets)
        self.mask = causal_mask(self.kernel_size[1], groups_in, groups_out, self.sees_itself)

    def masked_kernel(self):
        """The kernel with zeros where it must not look: (k // 2 + 1, k, n, sets · filters)."""
        return self.kernel * ops.cast(self.mask, self.kernel.dtype)

    def call(self, inputs):
        reach = self.kernel_size[1] // 2
        # Padded first: where the convolution pads, its gradients in bfloat16 take 100 times as long (TensorFlow, CPU).
        padded = ops.pad(inputs, ((0, 0), (reach, 0), (reach, reach), (0, 0))) if reach else inputs
        return ops.conv(padded, self.masked_kernel(), data_format="channels_last") + self.bias

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        config = {name: value for name, value in super().get_config().items() if name != "data_format"}
        own = {"image_channels": self.image_channels, "sees_itself": self.sees_itself, "sets": self.sets}
        return {**config, "filters": self.filters // self.sets, "kernel_size": self.kernel_size[1], **own}


def pixelcnn(image_shape, features, parameters=1, channels=64, depth=DEPTH, dtype=None):
    """Gated masked convolutions over an image, told by feature maps what to draw (van den Oord et al. 2016, eq. 4).

    A masked 7 × 7 layer, then `depth` masked 3 × 3 ones, each added to what was there before; every layer also sees
    the feature maps at its own pixel, through a 1 × 1 convolution. Layers are a linear convolution times the sigmoid of
    another, as in `gated`, and go by names: "masked_0", "told_0" and so on, "masked_out" and "told_out".

    Args:
        image_shape: (H, W, C).
        features: F, how many feature maps the decoder gives.
        parameters: numbers per value that the likelihood of a pixel asks for.
        channels: of the hidden layers.
        depth: number of 3 × 3 layers.
        dtype: policy of the layers.

    Returns:
        A `keras.Model`: [images (B, H, W, C), maps (B, H, W, F)] → (B, H, W, C · parameters) in float32.
    """
    *sides, image_channels = image_shape
    images, maps = keras.Input(image_shape, name="images"), keras.Input((*sides, features), name="maps")

    def told(hidden, name, filters, kernel, **options):
        masked = MaskedConv2D(filters, kernel, image_channels, dtype=dtype, name=f"masked_{name}", **options)
        seen = layers.Conv2D(masked.filters, 1, use_bias=False, dtype=dtype, name=f"told_{name}")
        return layers.Add(dtype=dtype)([masked(hidden), seen(maps)])

    def gate(both):
        linear, opening = ops.split(both, 2, axis=-1)
        return linear * ops.sigmoid(opening)

    hidden = gate(told(images, 0, channels, IMAGE_KERNEL, sees_itself=False, sets=2))
    for layer in range(1, depth + 1):
        hidden = hidden + gate(told(hidden, layer, channels, HIDDEN_KERNEL, sets=2))
    outputs = told(hidden, "out", image_channels, 1, sets=parameters)
    return keras.Model([images, maps], layers.Activation("linear", dtype="float32")(outputs), name="pixelcnn")
