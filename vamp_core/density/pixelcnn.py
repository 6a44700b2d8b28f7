"""p(x | z) pixel by pixel: each pixel knows the latents and the pixels before it."""

import keras
from keras import ops

from vamp_core.density.distributions import as_generator, float32
from vamp_core.density.likelihoods import LIKELIHOODS, Likelihood
from vamp_core.density.pixel_by_pixel import draw_images
from vamp_core.errors import InputError, check_count
from vamp_core.networks.masked import DEPTH, FEATURES, pixelcnn


@keras.saving.register_keras_serializable(package="vamp_core")
class PixelCNN(Likelihood, keras.layers.Layer):
    """p(x | z) = Π_i p(x_i | x_1 … x_{i−1}, z), an autoregressive likelihood with weights of its own.

    The decoder gives feature maps, (B, H, W, F), and `networks.masked.pixelcnn` makes of them and of the pixels before
    each one the parameters of that pixel's distribution (van den Oord et al. 2016; PixelHVAE of Tomczak & Welling
    2018, section 5). Scoring an image takes one pass; drawing one takes a pixel after the other, and about as much work
    as one pass. For a decoder this strong the latents may be of no use any more: look at the KL term.

    A picture of p(x | z), and so `reconstruct` and `decode_mean`, is not a function of the latents here: see `mean`.

    Args:
        likelihood: of a pixel, given those before it: "bernoulli", "discretized_logistic" for 256 grey levels, or any
            other that gives each value a distribution of its own.
        features: feature maps for each channel of the image, where the decoder is not handed in; a decoder that is
            may give any number.
        channels: of the masked layers.
        depth: number of masked 3 × 3 layers after the first, 7 × 7.
        **kwargs: `dtype` and the like, as for any Keras layer.

    Raises:
        InputError: an unknown likelihood, one that is a PixelCNN itself, or a size below 1.
    """

    def __init__(self, likelihood="bernoulli", features=FEATURES, channels=64, depth=DEPTH, **kwargs):
        super().__init__(**kwargs)
        if isinstance(likelihood, str) and likelihood in LIKELIHOODS:
            likelihood = LIKELIHOODS[likelihood]()
        if not isinstance(likelihood, Likelihood) or isinstance(likelihood, keras.layers.Layer):
            raise InputError(
                f"The likelihood of a PixelCNN's pixels is {likelihood!r}; choose one of {', '.join(LIKELIHOODS)}, or "
                "hand in a vamp_core Likelihood without weights."
            )
        self.of_pixel = likelihood
        self.features, self.channels = check_count("features", features), check_count("channels", channels)
        self.depth = check_count("depth", depth)
        self.network = None
        self.built = True  # the network is made by `connect`, not by a first call

    @property
    def parameters(self):
        return self.features

    @property
    def value_range(self):
        return self.of_pixel.value_range

    @property
    def binary(self):
        return self.of_pixel.binary

    def connect(self, data_shape, output_shape):
        """Makes the weights, for images (H, W, C) and feature maps (H, W, F).

        Raises:
            InputError: the decoder gives no feature maps of the images' size, an image has more channels than the
                network, or this PixelCNN belongs to a model already.
        """
        if self.network is not None:
            raise InputError(f"The PixelCNN {self.name!r} already belongs to a model; make a new one for each model.")
        if len(data_shape) != 3 or len(output_shape) != 3 or output_shape[:2] != data_shape[:2]:
            raise InputError(
                f"The decoder gives {output_shape} for one data point shaped {data_shape}, but a PixelCNN needs "
                "feature maps of an image's height and width, (H, W, F) for (H, W, C): end the decoder with a "
                "convolution, or choose another likelihood."
            )
        if data_shape[2] > self.channels:
            raise InputError(
                f"channels is {self.channels}, but the images have {data_shape[2]}, each of which needs one of the "
                "PixelCNN's own: choose more."
            )
        sizes = output_shape[2], self.of_pixel.parameters, self.channels, self.depth
        self.network = pixelcnn(data_shape, *sizes, dtype=self.dtype_policy)
        self.trainable = self.trainable  # hands on to the new weights what the constructor was told

    def log_prob(self, x, maps):
        """log p(x | z) in nats, in one pass: (B, H, W, C), (B, H, W, F) → (B,)."""
        return self.of_pixel.log_prob(x, self.network([float32(x), maps]))

    def mean(self, maps):
        """Each pixel's mean, given the pixels before it in an image that is drawn on the way: (B, H, W, C).

        The mean of p(x | z) itself is an average over all images that z leaves open, which nobody can sum. This is an
        unbiased estimate of it from one image, and shows that one image. Drawn alike at each call: as `sample` with a
        seed of 0.
        """
        return self._draw(maps, 0, lambda outputs, values: self.of_pixel.mean(outputs))

    def sample(self, maps, seed=None):
        """One image drawn for each entry of the decoder's feature maps: (B, H, W, F) → (B, H, W, C)."""
        return self._draw(maps, seed, lambda outputs, values: values)

    def _draw(self, maps, seed, result):
        try:
            maps = ops.convert_to_numpy(maps)
        except Exception as error:  # a backend's own, for a tensor without a value yet
            raise InputError(
                "A PixelCNN draws one pixel after another, which cannot be compiled: call sample, reconstruct and "
                "decode_mean outside of compiled functions."
            ) from error
        seed = as_generator(seed)

        def draw(outputs):
            outputs = ops.convert_to_tensor(outputs)
            values = self.of_pixel.sample(outputs, seed)
            return ops.convert_to_numpy(values), ops.convert_to_numpy(result(outputs, values))

        return ops.convert_to_tensor(draw_images(self.network, maps, draw))

    def get_config(self):
        own = {"features": self.features, "channels": self.channels, "depth": self.depth}
        of_pixel = keras.saving.serialize_keras_object(self.of_pixel)
        return {**keras.layers.Layer.get_config(self), "likelihood": of_pixel, **own}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "likelihood": keras.saving.deserialize_keras_object(config["likelihood"])})
