"""The VampPrior: a mixture of the encoder's own posteriors."""

import numbers
import types

import keras
import numpy as np
from keras import ops

from vamp_core.density.priors import MixtureOfGaussians, MixturePrior, StandardNormal
from vamp_core.errors import InputError, check_count
from vamp_core.system.arrays import as_numpy
from vamp_core.system.devices import all_nan, computed_in_parts


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

    In training they can take turns, since K of them cost more than a batch does: with `turns` of 4, each step of `fit`
    takes a quarter of them through the encoder, with four times their gradient; the other components stand as they
    were one to three steps before. Every epoch begins with all of them, and whatever scores takes all. (So does each
    `train_on_batch`, which turns make slower. A training loop of your own calls `refresh()` for it.)

    Args:
        num_components: K; ignored if `pseudo_inputs` are given.
        pseudo_inputs: (K, *data_shape) to start from, or None.
        trainable: False keeps the pseudo-inputs as they start ("VampPrior-data" in the paper).
        value_range: (low, high) that pseudo-inputs are projected onto, None for no limits; "likelihood" for
            the values that the model's likelihood can score: [0, 1] for a Bernoulli, no limits for a Gaussian.
        turns: steps in which all pseudo-inputs go through the encoder once; 1 for all in each step.

    Raises:
        InputError: K cannot be divided by `turns`, or pseudo-inputs or `value_range` make no sense.
    """

    def __init__(
        self, num_components=500, pseudo_inputs=None, trainable=True, value_range="likelihood", turns=1, **kwargs
    ):
        self._start = None if pseudo_inputs is None else _data_points("pseudo_inputs", pseudo_inputs)
        count = num_components if self._start is None else len(self._start)
        super().__init__(count, trainable=trainable, **kwargs)
        self.value_range = _limits(value_range)
        self.turns = check_turns(turns, self.num_components)

    def connect(self, latent_dim, encoder, data_shape, value_range=None):
        limits = value_range if self.value_range == "likelihood" else self.value_range
        if self._start is not None:
            _check("pseudo_inputs", self._start, data_shape, limits)
        super().connect(latent_dim, encoder, data_shape, limits)
        self.value_range = limits
        # Shared with the model, not copied, and out of Keras's sight: whoever freezes the prior freezes no encoder.
        self._shared = types.SimpleNamespace(encoder=encoder)
        self.pseudo_inputs = self.add_weight(
            shape=(self.num_components, *data_shape),
            initializer=all_nan,
            constraint=None if limits is None else WithinRange(*limits),
            name="pseudo_inputs",
        )
        if self.turns > 1:
            state = dict(trainable=False, initializer="zeros", aggregation="only_first_replica")
            self.kept = self.add_weight(shape=(2, self.num_components, latent_dim), name="kept", **state)
            self.turn = self.add_weight(shape=(), dtype="int32", name="turn", **state)
        self.trainable = self.trainable  # hands on to the new weight what the constructor was told
        if self._start is not None:
            self.pseudo_inputs.assign(self._start)
            self.refresh()

    @property
    def encoder(self):
        """The model's own encoder, one set of weights."""
        return self._shared.encoder

    @property
    def adapted(self):
        """Whether there are pseudo-inputs: those of a prior that was not started yet are NaN."""
        return self._lost() < self.num_components

    def check_adapted(self):
        """Raises an `InputError` where pseudo-inputs are NaN: all, if they were never started, or some."""
        super().check_adapted()
        lost = self._lost()
        if lost == self.num_components:
            raise InputError(
                f"The pseudo-inputs of {self.name!r} were never started: fit the model, call its prior.adapt(data), "
                "or pass VampPrior(pseudo_inputs=...)."
            )
        if lost:
            raise InputError(
                f"{lost} of the {self.num_components} pseudo-inputs of {self.name!r} hold NaN, so the prior has no "
                "density: set them all, or call prior.adapt(data)."
            )

    def _lost(self):
        """How many pseudo-inputs hold NaN; none, while a backend compiles and their values are not known yet."""
        try:
            values = ops.reshape(ops.convert_to_tensor(self.pseudo_inputs), (self.num_components, -1))
            return int(ops.convert_to_numpy(ops.count_nonzero(ops.any(ops.isnan(values), axis=1))))
        except Exception:  # a backend's own error
            return 0

    def adapt(self, data, seed=None):
        """Starts the pseudo-inputs at K data points chosen at random without replacement.

        Args:
            data: (N, *data_shape) with N ≥ K.
            seed: for the choice; whatever `numpy.random.default_rng` takes, None for one that
                `keras.utils.set_random_seed` decides.

        Raises:
            InputError: there are fewer data points than components, they have another shape, or some are not
                finite or lie outside `value_range`.
        """
        self._check_connected()
        data = _data_points("The data", data)
        if len(data) < self.num_components:
            raise InputError(
                f"The VampPrior has {self.num_components} pseudo-inputs but only {len(data)} data points to start "
                f"them at: choose num_components ≤ {len(data)} or pass pseudo_inputs."
            )
        _check("The data", data, tuple(self.pseudo_inputs.shape[1:]), self.value_range)
        seed = np.random.randint(2**31) if seed is None else seed
        chosen = np.random.default_rng(seed).choice(len(data), self.num_components, replace=False)
        self.pseudo_inputs.assign(data[np.sort(chosen)])
        self.refresh()

    def components(self):
        return computed_in_parts(self, ops.convert_to_tensor(self.pseudo_inputs))

    @property
    def of_the_density(self):
        return [self.pseudo_inputs]

    def refresh(self):
        if self.turns > 1:
            self.kept.assign(ops.stack(self.components()))

    def in_training(self):
        return super().in_training() if self.turns == 1 else self._fixed_at(self._components_in_turn())

    def _components_in_turn(self):
        """As `components`, but those whose turn it is not stand as they were, without a gradient."""
        in_parts = (self.turns, self.num_components // self.turns)
        pseudo_inputs = ops.reshape(self.pseudo_inputs, (*in_parts, *self.pseudo_inputs.shape[1:]))
        turn = ops.convert_to_tensor(self.turn)
        new = ops.stack(computed_in_parts(self, ops.take(pseudo_inputs, turn, axis=0)))[:, None]
        its_turn = ops.reshape(ops.arange(self.turns, dtype="int32") == turn, (1, self.turns, 1, 1))
        # The value of `new`, but with a gradient that stands for all turns.
        new = new + (self.turns - 1) * (new - ops.stop_gradient(new))
        kept = ops.where(its_turn, new, ops.reshape(self.kept, (2, *in_parts, self.latent_dim)))
        kept = ops.reshape(kept, self.kept.shape)
        self.kept.assign(ops.stop_gradient(kept))
        self.turn.assign((turn + 1) % self.turns)
        return tuple(ops.unstack(kept))

    def save_own_variables(self, store):
        """The pseudo-inputs, as without turns, and whose turn it is; `refresh` makes the rest anew."""
        store["0"] = self.pseudo_inputs
        if self.turns > 1:
            store["turn"] = self.turn

    def load_own_variables(self, store):
        self.pseudo_inputs.assign(store["0"])
        if self.turns > 1 and "turn" in store:
            self.turn.assign(store["turn"] % self.turns)

    def call(self, pseudo_inputs):
        # A stateless call leaves no trace in the encoder: no moving statistics, no losses that are not the data's.
        # It is made from within a layer's call, since an outermost call would forget the data's losses.
        trainable, fixed = self.encoder.trainable_variables, self.encoder.non_trainable_variables
        state = [[ops.convert_to_tensor(variable) for variable in variables] for variables in (trainable, fixed)]
        (mean, logvar), _ = self.encoder.stateless_call(*state, pseudo_inputs, training=False)
        return mean, logvar

    def get_config(self):
        return {**super().get_config(), "value_range": self.value_range, "turns": self.turns}


def check_turns(turns, num_components, name="turns"):
    """`turns` as an integer, else an `InputError`."""
    turns = check_count(name, turns)
    if num_components % turns:
        fits = max(count for count in range(1, min(turns, num_components) + 1) if num_components % count == 0)
        raise InputError(
            f"{name} is {turns}, but {num_components} pseudo-inputs cannot be divided into so many equal parts: "
            f"choose a divisor of {num_components}, for instance {fits}."
        )
    return turns


def _limits(value_range):
    """`value_range` as it is kept: a tuple, None or "likelihood"."""
    if value_range is None or (isinstance(value_range, str) and value_range == "likelihood"):
        return value_range
    two_numbers = np.shape(value_range) == (2,) and all(isinstance(end, numbers.Real) for end in value_range)
    if not two_numbers or not value_range[0] < value_range[1]:
        raise InputError(f'value_range is {value_range!r}; give (low, high), None for no limits, or "likelihood".')
    return tuple(value_range)


def _data_points(what, data):
    """(N, ...) float32."""
    try:
        data = as_numpy(data, "float32")
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} are {data!r:.60}: pass an array of data points.") from error
    if not data.ndim:
        raise InputError(f"{what} are {data.item()!r}: pass an array of data points.")
    return data


def _check(what, data, data_shape, value_range):
    if data.shape[1:] != data_shape:
        shape = ", ".join(map(str, ("K", *data_shape)))
        raise InputError(f"{what} have shape {data.shape}; they are data points, so pass them as ({shape}).")
    if not np.isfinite(data).all():
        raise InputError(f"{what} hold {np.sum(~np.isfinite(data))} NaN or infinite values: replace them.")
    if value_range is not None and not (data.min() >= value_range[0] and data.max() <= value_range[1]):
        raise InputError(
            f"{what} run from {data.min():g} to {data.max():g}, outside value_range {value_range}: "
            "rescale them, or give the VampPrior the value_range of your data (None for no limits)."
        )


PRIORS = {"standard": StandardNormal, "mog": MixtureOfGaussians, "vamp": VampPrior}
