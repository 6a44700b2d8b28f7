"""Priors p(z), each with two methods that agree: `log_prob(z)` → (B,) and `sample(n, seed)` → (n, D).

A model asks no more of its prior, and never which one it holds. `connect` is called once by
the model that owns the prior and tells it the number of latents and, for the VampPrior, the
encoder whose posteriors it mixes and the values that data can take.
"""

import contextlib
import contextvars

import keras
from keras import ops, random

from vamp_core.density.distributions import (
    as_generator,
    mixture_log_prob,
    mixture_sample,
    normal_log_prob,
)
from vamp_core.errors import InputError, check_count, check_seed

# {prior: its components} inside of `fixed`. A context variable, since another thread may be training the same prior.
_FIXED = contextvars.ContextVar("fixed", default={})  # noqa: B039 (never changed in place)


@contextlib.contextmanager
def unfixed():
    """Inside the block no prior's components are fixed, whoever has called `fixed` further out.

    What is trained or compiled in here would otherwise hold on to components of weights that have changed since.
    """
    outside = _FIXED.get()
    _FIXED.set({})
    try:
        yield
    finally:
        _FIXED.set(outside)


class Prior(keras.layers.Layer):
    """What all priors share: they are float32 layers that hold the weights of a density over latents.

    Attributes:
        adapted: whether the prior has a density yet. Where it is False, `fit` calls `adapt(data, seed)` first.
    """

    adapted = True

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.built = True  # weights are made by `connect`, not by a first call
        self.latent_dim = None

    def connect(self, latent_dim, encoder, data_shape, value_range=None):
        """Makes the weights. A prior of your own with weights takes all four, and hands them on to this method.

        Args:
            latent_dim: D, the number of latents this prior is over.
            encoder: maps data (B, *data_shape) to the posterior's (mean, logvar), (B, D) each.
            data_shape: shape of one data point, (H, W, C) for images.
            value_range: (low, high) of the data that the model's likelihood can score, None for all numbers.

        Raises:
            InputError: the prior already belongs to a model.
        """
        if self.latent_dim is not None:
            raise InputError(f"The prior {self.name!r} already belongs to a model; make a new one for each model.")
        self.latent_dim = latent_dim

    def _check_connected(self):
        if self.latent_dim is None:
            raise InputError(f"The prior {self.name!r} belongs to no model yet: hand it to a VAE or an HVAE first.")

    def check_adapted(self):
        """Raises an `InputError` where the prior has no density yet: before it belongs to a model, for instance."""
        self._check_connected()

    def log_prob(self, z):
        """log p(z) in nats: (B, D) → (B,)."""
        raise NotImplementedError

    @contextlib.contextmanager
    def fixed(self):
        """Inside the block weights do not change, so what depends on them alone is computed once.

        That holds for the thread that enters the block, and not for `fit` and its like inside of it.
        """
        yield

    @property
    def of_the_density(self):
        """The weights that p(z) depends on: all but what training steps keep between them."""
        return self.weights

    def in_training(self):
        """The context of a training step, in which a prior may be cheaper and not quite exact."""
        return contextlib.nullcontext()

    def refresh(self):
        """Called before each epoch of `fit`, for what training steps keep between them."""

    def sample(self, n, seed=None):
        """n independent draws z ~ p(z): (n, D).

        Args:
            n: number of draws.
            seed: an integer for the same draws at each call, a `keras.random.SeedGenerator`
                for fresh ones, None for draws that cannot be repeated.
        """
        check_count("n", n)
        self.check_adapted()
        return self._draw(n, as_generator(seed))


@keras.saving.register_keras_serializable(package="vamp_core")
class StandardNormal(Prior):
    """p(z) = N(z | 0, I)."""

    def log_prob(self, z):
        return normal_log_prob(z, 0.0, 0.0)

    def _draw(self, n, seed):
        return random.normal((n, self.latent_dim), seed=seed)


class MixturePrior(Prior):
    """A mixture of K diagonal normals with equal weights; a subclass says where the components are."""

    def __init__(self, num_components=500, **kwargs):
        check_count("num_components", num_components)
        super().__init__(**kwargs)
        self.num_components = int(num_components)

    def components(self):
        """Means and log-variances of the components, (K, D) each."""
        raise NotImplementedError

    def _components(self):
        if self not in _FIXED.get():
            self.check_adapted()
            return self.components()
        return _FIXED.get()[self]

    @contextlib.contextmanager
    def fixed(self):
        # Copies, since on JAX a compiled `predict` is handed the memory of the variables that they may be.
        with self._fixed_at(tuple(ops.copy(part) for part in self._components())):
            yield

    @contextlib.contextmanager
    def _fixed_at(self, components):
        outside = _FIXED.get()
        _FIXED.set({**outside, self: components})
        try:
            yield
        finally:
            _FIXED.set(outside)

    def log_prob(self, z):
        return mixture_log_prob(z, *self._components())

    def _draw(self, n, seed):
        return mixture_sample(n, *self._components(), seed=seed)

    def get_config(self):
        return {**super().get_config(), "num_components": self.num_components}


@keras.saving.register_keras_serializable(package="vamp_core")
class MixtureOfGaussians(MixturePrior):
    """p(z) = 1/K Σ_k N(z | mean_k, exp(logvar_k)) with free, trained means and log-variances.

    The VampPrior's plainest rival (Tomczak & Welling 2018, section 2): as many components,
    but each has to find its own place. Means start as draws from N(0, I), variances at one.

    Args:
        num_components: K.
        seed: for the starting means.
    """

    def __init__(self, num_components=500, seed=None, **kwargs):
        super().__init__(num_components, **kwargs)
        self.seed = None if seed is None else check_seed(seed)

    def connect(self, latent_dim, encoder, data_shape, value_range=None):
        super().connect(latent_dim, encoder, data_shape, value_range)
        shape = (self.num_components, latent_dim)
        start = keras.initializers.RandomNormal(stddev=1.0, seed=self.seed)
        self.means = self.add_weight(shape=shape, initializer=start, name="means")
        self.logvars = self.add_weight(shape=shape, initializer="zeros", name="logvars")

    def components(self):
        return ops.convert_to_tensor(self.means), ops.convert_to_tensor(self.logvars)

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}
