"""Priors p(z), each with two methods that agree: `log_prob(z)` → (B,) and `sample(n, seed)` → (n, D).

A model asks no more of its prior, and never which one it holds. `connect` is called once by
the model that owns the prior and tells it the number of latents and, for the VampPrior, the
encoder whose posteriors it mixes and the values that data can take.
"""

import contextlib
import contextvars
import types

import keras
import numpy as np
from keras import ops, random

from vamp_core.density.distributions import (
    as_generator,
    mixture_log_prob,
    mixture_sample,
    normal_log_prob,
)
from vamp_core.errors import InputError, check_count, check_seed
from vamp_core.system.arrays import as_numpy

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
        """Raises an `InputError` where the prior has no density yet: before a model, or without pseudo-inputs."""
        self._check_connected()
        if not self.adapted:
            raise InputError(
                f"The pseudo-inputs of {self.name!r} were never started: fit the model, call its prior.adapt(data), "
                "or pass VampPrior(pseudo_inputs=...)."
            )

    def log_prob(self, z):
        """log p(z) in nats: (B, D) → (B,)."""
        raise NotImplementedError

    @contextlib.contextmanager
    def fixed(self):
        """Inside the block weights do not change, so what depends on them alone is computed once.

        That holds for the thread that enters the block, and not for `fit` and its like inside of it.
        """
        yield

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
        self.check_adapted()
        return _FIXED.get().get(self) or self.components()

    @contextlib.contextmanager
    def fixed(self):
        outside = _FIXED.get()
        # Copies, since on JAX a compiled `predict` is handed the memory of the variables that they may be.
        _FIXED.set({**outside, self: tuple(ops.copy(part) for part in self._components())})
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


@keras.saving.register_keras_serializable(package="vamp_core")
class WithinRange(keras.constraints.Constraint):
    """Projects a weight onto [low, high] after each step of the optimizer.

    Unlike a sigmoid or a clip inside the network, a projection leaves the gradient of a value
    at the border alive, so that a pixel which has become black can become grey again.
    """

    def __init__(self, low=0.0, high=1.0):
        self.low, self.high = low, high

    def __call__(self, w):
        return ops.clip(w, self.low, self.high)

    def get_config(self):
        return {"low": self.low, "high": self.high}


@keras.saving.register_keras_serializable(package="vamp_core")
class VampPrior(MixturePrior):
    """p(z) = 1/K Σ_k q(z | u_k): the encoder's posteriors at K pseudo-inputs (Tomczak & Welling 2018, eq. 9).

    The pseudo-inputs u_k live in data space and are trained with the networks. They start at
    `pseudo_inputs` if given, else at random training data that `model.fit` hands to `adapt`; until then they are
    NaN, so that whatever copies the weights copies whether they were started, too.

    The encoder takes pseudo-inputs in inference mode always, and is not changed by them: without dropout, batch
    normalization by its moving statistics. So the prior that is trained is the prior that is scored.

    Args:
        num_components: K; ignored if `pseudo_inputs` are given.
        pseudo_inputs: (K, *data_shape) to start from, or None.
        trainable: False keeps the pseudo-inputs as they start ("VampPrior-data" in the paper).
        value_range: (low, high) that pseudo-inputs are projected onto, None for no limits; "likelihood" for
            the values that the model's likelihood can score: [0, 1] for a Bernoulli, no limits for a Gaussian.
    """

    def __init__(self, num_components=500, pseudo_inputs=None, trainable=True, value_range="likelihood", **kwargs):
        if isinstance(value_range, str) and value_range != "likelihood":
            raise InputError(f'value_range is {value_range!r}; give (low, high), None for no limits, or "likelihood".')
        self._start = None if pseudo_inputs is None else as_numpy(pseudo_inputs, "float32")
        count = num_components if self._start is None else len(self._start)
        super().__init__(count, trainable=trainable, **kwargs)
        self.value_range = tuple(value_range) if isinstance(value_range, list) else value_range

    def connect(self, latent_dim, encoder, data_shape, value_range=None):
        limits = value_range if self.value_range == "likelihood" else self.value_range
        shape = (self.num_components, *data_shape)
        if self._start is not None and self._start.shape != shape:
            raise InputError(
                f"pseudo_inputs have shape {self._start.shape}; they are data points, so pass them as {shape}."
            )
        if self._start is not None:
            _check_range("pseudo_inputs", self._start, limits)
        super().connect(latent_dim, encoder, data_shape, limits)
        self.value_range = limits
        # Shared with the model, not copied, and out of Keras's sight: whoever freezes the prior freezes no encoder.
        self._shared = types.SimpleNamespace(encoder=encoder)
        self.pseudo_inputs = self.add_weight(
            shape=shape,
            initializer=keras.initializers.Constant(np.nan),
            constraint=None if limits is None else WithinRange(*limits),
            name="pseudo_inputs",
        )
        self.trainable = self.trainable  # hands on to the new weight what the constructor was told
        if self._start is not None:
            self.pseudo_inputs.assign(self._start)

    @property
    def encoder(self):
        """The model's own encoder, one set of weights."""
        return self._shared.encoder

    @property
    def adapted(self):
        """Whether there are pseudo-inputs: those of a prior that was not started yet are NaN."""
        try:
            first = ops.convert_to_numpy(self.pseudo_inputs[0])
        except Exception:  # a backend's own error for a value that is not known yet, while it compiles
            return True
        return not np.isnan(first).all()

    def adapt(self, data, seed=None):
        """Starts the pseudo-inputs at K data points chosen at random without replacement.

        Args:
            data: (N, *data_shape) with N ≥ K.
            seed: for the choice; whatever `numpy.random.default_rng` takes, None for one that
                `keras.utils.set_random_seed` decides.

        Raises:
            InputError: there are fewer data points than components, or some lie outside `value_range`.
        """
        self._check_connected()
        data = as_numpy(data)
        if len(data) < self.num_components:
            raise InputError(
                f"The VampPrior has {self.num_components} pseudo-inputs but only {len(data)} data points to start "
                f"them at: choose num_components ≤ {len(data)} or pass pseudo_inputs."
            )
        _check_range("The data", data, self.value_range)
        seed = np.random.randint(2**31) if seed is None else seed
        chosen = np.random.default_rng(seed).choice(len(data), self.num_components, replace=False)
        self.pseudo_inputs.assign(data[np.sort(chosen)])

    def components(self):
        return self(ops.convert_to_tensor(self.pseudo_inputs))

    def call(self, pseudo_inputs):
        # A stateless call leaves no trace in the encoder: no moving statistics, no losses that are not the data's.
        # It is made from within a layer's call, since an outermost call would forget the data's losses.
        trainable, fixed = self.encoder.trainable_variables, self.encoder.non_trainable_variables
        state = [[ops.convert_to_tensor(variable) for variable in variables] for variables in (trainable, fixed)]
        (mean, logvar), _ = self.encoder.stateless_call(*state, pseudo_inputs, training=False)
        return mean, logvar

    def get_config(self):
        return {**super().get_config(), "value_range": self.value_range}


def _check_range(what, data, value_range):
    if value_range is not None and not (data.min() >= value_range[0] and data.max() <= value_range[1]):
        raise InputError(
            f"{what} run from {data.min():g} to {data.max():g}, outside value_range {value_range}: "
            "rescale them, or give the VampPrior the value_range of your data (None for no limits)."
        )


PRIORS = {"standard": StandardNormal, "mog": MixtureOfGaussians, "vamp": VampPrior}
