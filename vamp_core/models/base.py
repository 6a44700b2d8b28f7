"""What VAE and HVAE share: networks, likelihood and prior put together, and methods on data of any length."""

from types import MappingProxyType

import keras
import numpy as np
from keras import ops

from vamp_core.density.distributions import as_generator
from vamp_core.density.likelihoods import LIKELIHOODS, Likelihood
from vamp_core.density.priors import Prior
from vamp_core.density.vamp_prior import PRIORS
from vamp_core.errors import InputError, check_count, check_seed
from vamp_core.images import check_images
from vamp_core.models.batched import batched
from vamp_core.models.checks import NETWORKS, builds_nothing, by_name, check_shape
from vamp_core.models.fitting import Fittable
from vamp_core.models.layer_state import freeze_layers, frozen_layers, share_layers, shared_layers
from vamp_core.models.objective import ElboTerms, WarmupFactor
from vamp_core.system import devices, hardware

NOISE = "noise"  # the key of the noise generator's state in files


class LatentVariableModel(Fittable):
    """A model p(x, z) with an approximate posterior q(z | x), trained on the ELBO or a tighter bound.

    A subclass makes `encoder` and `decoder`, calls `_connect`, and says how latents are drawn:

    - `posterior(x)`: a tuple of tensors, all of q that depends on x alone;
    - `draw(posterior, seed)`: z ~ q(z | x), (B, D), and log q(z | x) − log p(z), (B,) nats;
    - `log_prior(z)`: log p(z) of all latents, (B,) nats;
    - `encode(x)`: mean and log-variance of the posterior, (B, D) each;
    - `ancestral(n, seed)`: n draws from the model's own prior, (n, D).
    """

    def __init__(self, config, **kwargs):
        # The model itself casts nothing: data and densities stay in float32 whatever the networks do.
        super().__init__(autocast=False, **kwargs)
        # A read-only view, since Keras would track the networks inside a plain dict a second time.
        self._config = MappingProxyType(config)
        self.likelihood = by_name(config["likelihood"], LIKELIHOODS, "likelihood", Likelihood)
        self.seed_generator = devices.Noise(None if config["seed"] is None else check_seed(config["seed"]))
        self.reconstruction_tracker = keras.metrics.Mean("reconstruction")
        self.kl_tracker = keras.metrics.Mean("kl")
        self.elbo_tracker = keras.metrics.Mean("elbo")
        self.warmup_factor = WarmupFactor()
        self.supports_jit = hardware.xla_pays_off()

    def _connect(self, prior_dim):
        """Checks that the networks fit together and ties the prior to the encoder."""
        self.data_shape = tuple(self.encoder.input_shape[1:])
        self.latent_dim = self.decoder.input_shape[-1]
        self.likelihood.connect(self.data_shape, tuple(self.decoder.output_shape[1:]))
        self.prior = by_name(self._config["prior"], PRIORS, "prior", Prior)
        self.prior.connect(prior_dim, self.encoder, self.data_shape, self.likelihood.value_range)
        self.beta = self.add_weight(shape=(), initializer="ones", trainable=False, dtype="float32", name="beta")
        shared_layers(self.networks)  # raises where a copy could not share what they share
        self.built = True  # not by `build`, after which Keras would let nobody put another network in place

    def build(self, input_shape):
        """All weights are there already; `export` reads the shape of the data from this call."""

    @property
    def networks(self):
        """The model's networks by name."""
        return {name: getattr(self, name) for name in NETWORKS if hasattr(self, name)}

    def check(self, data):
        """`data` as a float32 array if this model can score it, else an `InputError` that says why."""
        return check_images(data, self.data_shape, self.likelihood.value_range)

    def check_shape(self, x):
        """Raises an `InputError` for a tensor of another shape than (B, *data_shape), as far as it is known."""
        check_shape("data", x, self.data_shape)

    def check_latents_shape(self, z):
        """Raises an `InputError` for a tensor of another shape than (B, D), as far as it is known."""
        check_shape("latents", z, (self.latent_dim,))

    def check_latents(self, z):
        """`z` as a float32 array (N, D), else an `InputError` that says why."""
        try:
            z = np.asarray(z, "float32")
        except (TypeError, ValueError) as error:
            raise InputError(f"The latents are not one array of numbers: pass (N, {self.latent_dim}).") from error
        if z.ndim != 2 or z.shape[1] != self.latent_dim or not len(z):
            raise InputError(f"The latents have shape {z.shape}, but this model takes (N, {self.latent_dim}).")
        return z

    # -- methods on data of any length ---------------------------------------------------

    @batched("data", under_prior=True)
    def elbo(self, x, samples=1, seed=None):
        """The evidence lower bound of each data point.

        Args:
            x: (B, *data_shape).
            samples: how many estimates to average; the encoder runs once for all.
            seed: an integer for the same noise each time, None for fresh noise.

        Returns:
            `ElboTerms` with `.elbo`, `.reconstruction` and `.kl`, (B,) nats each.

        Raises:
            InputError: data the model cannot score, samples < 1, or a VampPrior that was not started.
        """
        samples = check_count("samples", samples)
        noise = self.seed_generator if seed is None else as_generator(seed)
        posterior = self.posterior(x)
        estimates = [self.terms(x, posterior, noise) for _ in range(samples)]
        return ElboTerms(*(sum(terms) / samples for terms in zip(*estimates, strict=True)))

    @batched("latents")
    def decode(self, z):
        """The decoder's output for latents (B, D): the likelihood's parameters, logits for a Bernoulli."""
        return self.decoder(z)

    @batched("latents")
    def decode_mean(self, z):
        """The mean of p(x | z) for latents (B, D): (B, *data_shape), images in [0, 1] for a Bernoulli."""
        return self.likelihood.mean(self.decoder(z))

    @batched("data")
    def reconstruct(self, x):
        """The mean of p(x | z) at the posterior's mean: (B, *data_shape) → (B, *data_shape).

        It sees of an image its latents alone. Of a `PixelCNN`, whose mean nobody can sum, it is what that calls its
        mean: grey as the pixels' own means are, but along one drawn image, so that details differ from the image's.
        """
        return self.likelihood.mean(self.decoder(self.encode(x)[0]))

    def sample(self, n, seed=None, noise=False):
        """Ancestral samples: z from the model's own prior, then the mean of p(x | z) or a draw from it.

        Args:
            n: number of samples.
            seed: an integer for the same samples each time, None for fresh ones.
            noise: False for the mean, which is what one wants of a picture; True for a draw x ~ p(x | z),
                as noisy as data are to the model: for the rows of a table, or black and white pixels.

        Returns:
            (n, *data_shape) NumPy array.
        """
        n, seed = check_count("n", n), as_generator(seed)
        z = ops.convert_to_numpy(self.ancestral(n, seed))
        return ops.convert_to_numpy(self.likelihood.sample(self.decode(z), seed)) if noise else self.decode_mean(z)

    # -- saving --------------------------------------------------------------------------

    def export(self, filepath, format="tf_saved_model", **kwargs):
        """As `keras.Model.export`: data to `ElboTerms`, whose noise only a SavedModel can draw.

        What is exported most are the networks, which draw none: `model.encoder.export(...)` or
        `model.decoder.export(...)` with format="tf_saved_model", "onnx", "openvino" or "litert". Keras needs the
        packages onnx and tf2onnx, or openvino, for theirs. What a network gives stays the same up to rounding, which
        for OpenVINO can be bfloat16's.

        Raises:
            InputError: another format. Keras would write an ONNX file that no program can run, without a word.
        """
        if format in ("onnx", "openvino", "litert"):
            raise InputError(
                f"format is {format!r}, which has no way to draw a model's noise: export model.encoder and "
                'model.decoder, or the model with format="tf_saved_model".'
            )
        self.build((None, *self.data_shape))
        self(ops.zeros((1, *self.data_shape)))  # Keras exports what has been built and called
        return super().export(filepath, format=format, **kwargs)

    def get_config(self):
        config = {name: keras.saving.serialize_keras_object(value) for name, value in self._config.items()}
        layers = {"shared_layers": shared_layers(self.networks), "frozen_layers": frozen_layers(self._parts())}
        return {"name": self.name, **config, **{name: found for name, found in layers.items() if found}}

    @classmethod
    def from_config(cls, config):
        config = {key: _restored(value) for key, value in config.items()}
        shared, frozen = config.pop("shared_layers", {}), config.pop("frozen_layers", None)
        if shared:
            config |= share_layers({name: config[name] for name in NETWORKS if name in config}, shared)
        if builds_nothing(config):  # older files name sizes here that may not be those of the networks
            config |= {name: None for name in ("image_shape", "latent_dim") if name in config}
        model = cls(**config)
        if frozen:
            freeze_layers(model._parts(), frozen)
        return model

    def _parts(self):
        parts = {**self.networks, "prior": self.prior, "likelihood": self.likelihood}
        return {name: part for name, part in parts.items() if isinstance(part, keras.layers.Layer)}

    def save_own_variables(self, store):
        super().save_own_variables(store)
        store[NOISE] = ops.convert_to_numpy(self.seed_generator.state)

    def load_own_variables(self, store):
        # So that a loaded model goes on with new noise; files of version 0.1 do not know how far it had come.
        if NOISE in store.keys():
            self.seed_generator.state.assign(store[NOISE])
        super().load_own_variables({key: store[key] for key in store.keys() if key != NOISE})


def _restored(value):
    return keras.saving.deserialize_keras_object(value) if isinstance(value, dict) and "class_name" in value else value
