"""What VAE and HVAE share: the objective, training with `fit`, and methods on data of any length."""

import functools
from types import MappingProxyType

import keras
import numpy as np
from keras import ops, random, tree

from vamp_core import hardware
from vamp_core.data import check_images
from vamp_core.distributions import as_generator
from vamp_core.errors import InputError
from vamp_core.likelihoods import LIKELIHOODS
from vamp_core.losses import ElboTerms
from vamp_core.priors import PRIORS, Prior

# The arguments by which networks are handed in; a model has some of them or all.
NETWORKS = ("encoder", "image_features", "lower_encoder", "conditional_prior", "decoder")

# Data points at a time outside of training: some 200 MB of activations at network_size 4.
BATCH_SIZE = 500


def batched(what):
    """Lets a method on one batch of tensors take `what` ("data" or "latents") of any length.

    A tensor goes straight through and the result is differentiable; anything else is checked,
    goes through in batches of `BATCH_SIZE` and comes back as NumPy arrays.
    """

    def decorate(method):
        @functools.wraps(method)
        def on_any(self, values, **kwargs):
            if ops.is_tensor(values):
                return method(self, values, **kwargs)
            if "seed" in kwargs:  # one stream of noise for all batches, not the same noise for each
                kwargs["seed"] = as_generator(kwargs["seed"])
            values = self.check(values) if what == "data" else self._check_latents(values)
            with self.prior.fixed():
                results = [
                    tree.map_structure(ops.convert_to_numpy, method(self, ops.convert_to_tensor(batch), **kwargs))
                    for batch in np.split(values, range(BATCH_SIZE, len(values), BATCH_SIZE))
                ]
            return tree.map_structure(lambda *parts: np.concatenate(parts), *results)

        return on_any

    return decorate


def by_name(choice, table, what):
    """The object that `choice` stands for in `table`; objects pass through.

    Raises:
        InputError: a name that is not in `table`.
    """
    if not isinstance(choice, str):
        return choice
    if choice not in table:
        raise InputError(f"{what} is {choice!r}; choose one of {', '.join(table)}, or hand in an object of your own.")
    return table[choice]()


class LatentVariableModel(keras.Model):
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
        self.likelihood = by_name(config["likelihood"], LIKELIHOODS, "likelihood")
        self.seed_generator = random.SeedGenerator(config["seed"])
        self.reconstruction_tracker = keras.metrics.Mean("reconstruction")
        self.kl_tracker = keras.metrics.Mean("kl")
        self.elbo_tracker = keras.metrics.Mean("elbo")
        self.supports_jit = hardware.xla_pays_off()

    def _connect(self, prior_dim):
        """Checks that the networks fit together and ties the prior to the encoder."""
        self.data_shape = tuple(self.encoder.input_shape[1:])
        self.latent_dim = self.decoder.input_shape[-1]
        *event, channels = self.data_shape
        expected = (*event, channels * self.likelihood.parameters)
        if self.decoder.output_shape[1:] != expected:
            raise InputError(
                f"The decoder gives {self.decoder.output_shape[1:]} for one data point, but a "
                f"{type(self.likelihood).__name__} likelihood of data shaped {self.data_shape} needs {expected}: "
                "change the decoder's last layer or the likelihood."
            )
        prior = self._config["prior"]
        self.prior = by_name(prior, PRIORS, "prior")
        if not isinstance(self.prior, Prior):
            raise InputError(f"prior is {prior!r}; choose one of {', '.join(PRIORS)} or hand in a vamp_core Prior.")
        self.prior.connect(prior_dim, self.encoder, self.data_shape, self.likelihood.value_range)
        self.beta = self.add_weight(shape=(), initializer="ones", trainable=False, dtype="float32", name="beta")
        self.built = True

    # -- the objective -------------------------------------------------------------------

    iwae_samples = 1  # as `compile` sets it

    def compile(self, optimizer="rmsprop", iwae_samples=1, **kwargs):
        """As `keras.Model.compile`, and chooses the objective.

        Args:
            optimizer: as for `keras.Model.compile`.
            iwae_samples: K. The ELBO for 1; for more, the importance-weighted bound of so many samples per data
                point (Burda et al. 2016, eq. 8), with the encoder run once. Validation and `evaluate` stay with
                the ELBO, so that their losses compare whatever K is.
            **kwargs: as for `keras.Model.compile`.

        Raises:
            InputError: iwae_samples < 1.
        """
        if iwae_samples < 1:
            raise InputError(f"iwae_samples is {iwae_samples}; choose 1 for the ELBO, or more.")
        super().compile(optimizer, **kwargs)
        self.iwae_samples = iwae_samples

    def get_compile_config(self):
        return {**super().get_compile_config(), "iwae_samples": self.iwae_samples} if self.compiled else {}

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def call(self, x, training=False):
        """The ELBO's terms for one batch of tensors, each (B,), from one sample per data point.

        In training from `iwae_samples` samples: (B · iwae_samples,) each, those of a data point in a row.
        """
        return self.terms(x, self.posterior(x), self.seed_generator, self.iwae_samples if training else 1)

    def terms(self, x, posterior, seed, samples=1):
        """As `call`, for a posterior that is already there: `ElboTerms`, (B · samples,) each."""
        if samples > 1:
            x, *posterior = (ops.repeat(part, samples, axis=0) for part in (x, *posterior))
        z, kl = self.draw(tuple(posterior), seed)
        return ElboTerms(self.likelihood.log_prob(x, self.decoder(z)), kl)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The mean negative bound in nats; β (see `KLWarmup`) and `iwae_samples` count in training only."""
        if sample_weight is not None:
            raise InputError("sample_weight is given, but the ELBO weights all data alike: leave it out.")
        for tracker, term in (
            (self.reconstruction_tracker, y_pred.reconstruction),
            (self.kl_tracker, y_pred.kl),
            (self.elbo_tracker, y_pred.elbo),
        ):
            tracker.update_state(term)
        if not training:
            return ops.mean(y_pred.loss())
        return ops.mean(y_pred.loss(ops.convert_to_tensor(self.beta), self.iwae_samples))

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return self.get_metrics_result()

    def fit(self, x=None, y=None, **kwargs):
        """As `keras.Model.fit`, but looks at the data first. `y` is not used.

        A VampPrior that was given no pseudo-inputs starts them at random data points here.

        Args:
            x: an array or a nested list (N, *data_shape), or batches that can be gone through more than once
                (`tf.data.Dataset`, `keras.utils.PyDataset`, a PyTorch `DataLoader`).
            **kwargs: as for `keras.Model.fit`.

        Raises:
            InputError: NaN, values outside what the likelihood can score, or a wrong shape.
        """
        is_array = _is_array(x)
        if is_array:
            x = self.check(x)
        validation = kwargs.get("validation_data")
        if isinstance(validation, tuple):
            kwargs["validation_data"] = (self.check(validation[0]), *validation[1:])
        elif _is_array(validation):
            kwargs["validation_data"] = (self.check(validation),)
        if getattr(self.prior, "adapted", True) is False:
            start = x if is_array else self.check(_first_points(x, self.prior.num_components))
            self.prior.adapt(start, seed=self._config["seed"])
        return super().fit(x, None if is_array else y, **kwargs)

    def check(self, data):
        """`data` as a float32 array if this model can score it, else an `InputError` that says why."""
        return check_images(data, self.data_shape, self.likelihood.value_range)

    def _check_latents(self, z):
        try:
            z = np.asarray(z, "float32")
        except (TypeError, ValueError) as error:
            raise InputError(f"The latents are not one array of numbers: pass (N, {self.latent_dim}).") from error
        if z.ndim != 2 or z.shape[1] != self.latent_dim or not len(z):
            raise InputError(f"The latents have shape {z.shape}, but this model takes (N, {self.latent_dim}).")
        return z

    # -- methods on data of any length ---------------------------------------------------

    @batched("data")
    def elbo(self, x, samples=1, seed=None):
        """The evidence lower bound of each data point.

        Args:
            x: (B, *data_shape).
            samples: how many estimates to average; the encoder runs once for all.
            seed: an integer for the same noise each time, None for fresh noise.

        Returns:
            `ElboTerms` with `.elbo`, `.reconstruction` and `.kl`, (B,) nats each.
        """
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
        """The decoder's mean at the posterior's mean: (B, *data_shape) → (B, *data_shape)."""
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
        seed = as_generator(seed)
        z = ops.convert_to_numpy(self.ancestral(n, seed))
        return ops.convert_to_numpy(self.likelihood.sample(self.decode(z), seed)) if noise else self.decode_mean(z)

    # -- saving --------------------------------------------------------------------------

    def get_config(self):
        return {"name": self.name, **self._config}

    @classmethod
    def from_config(cls, config):
        config = {key: _restored(value) for key, value in config.items()}
        if builds_nothing(config):  # older files name sizes here that may not be those of the networks
            config |= {name: None for name in ("image_shape", "latent_dim") if name in config}
        return cls(**config)


def builds_nothing(config):
    """Whether all networks are handed in, so that `image_shape` and `latent_dim` decide nothing."""
    return "encoder" in config and all(config[name] is not None for name in NETWORKS if name in config)


def _is_array(data):
    return hasattr(data, "__array__") or isinstance(data, list)


def _restored(value):
    return keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value


def _first_points(batches, n):
    """The first `n` data points of batches that can be gone through again, as an array."""
    if isinstance(batches, keras.utils.PyDataset):
        batches = map(batches.__getitem__, range(len(batches)))
    elif iter(batches) is batches:
        raise InputError(
            "The training data can be read only once, so the VampPrior cannot start its pseudo-inputs from them: "
            "pass an array, a tf.data.Dataset, or VampPrior(pseudo_inputs=...)."
        )
    points = []
    for batch in batches:
        data = batch[0] if isinstance(batch, (tuple, list)) else batch
        points.extend(ops.convert_to_numpy(data))
        if len(points) >= n:
            break
    return np.asarray(points)
