"""Training with Keras's own `fit`: the loss is the negative ELBO, or a tighter bound."""

import contextlib
import inspect
import math
import numbers
import sys

import keras
from keras import ops, tree

from vamp_core.density.distributions import float32
from vamp_core.density.priors import unfixed
from vamp_core.errors import InputError, check_count
from vamp_core.models.data_door import admit, is_array, random_points, refuse_weights
from vamp_core.models.objective import ElboTerms
from vamp_core.system.devices import mean_over_batch, share_of_loss, shared_out, trained_by_replicas
from vamp_core.system.hosts import several_hosts

# What Keras's `compile` takes for models whose loss compares predictions with targets.
OF_TARGETS = ("loss", "loss_weights", "metrics", "weighted_metrics")


class Fittable(keras.Model):
    """What `compile` and `fit` need of a latent variable model: its bound, batch by batch.

    A subclass has what `LatentVariableModel` says: `posterior`, `draw`, `decoder`, `likelihood`, `prior`.
    """

    iwae_samples, free_nats = 1, 0.0  # as `compile` sets them

    def compile(self, optimizer="rmsprop", iwae_samples=1, free_nats=0.0, **kwargs):
        """As `keras.Model.compile`, and chooses the objective.

        Args:
            optimizer: as for `keras.Model.compile`.
            iwae_samples: K. The ELBO for 1; for more, the importance-weighted bound of so many samples per data
                point (Burda et al. 2016, eq. 8), with the encoder run once. Validation and `evaluate` stay with
                the ELBO, so that their losses compare whatever K is.
            free_nats: KL term that costs nothing in training, as a mean over the batch: below it a decoder gains
                nothing by leaving the latents alone ("free bits" of Kingma et al. 2016, here for all latents
                together). Only with one importance sample.
            **kwargs: as for `keras.Model.compile`, but for `loss` and `metrics`: the bound is the loss.

        Raises:
            InputError: iwae_samples < 1, free_nats < 0 or beside several importance samples, a loss or metrics; or
                several steps per execution on several devices of TensorFlow.
        """
        iwae_samples = check_count("iwae_samples", iwae_samples)
        if not (isinstance(free_nats, numbers.Real) and 0 <= free_nats < math.inf) or (free_nats and iwae_samples > 1):
            raise InputError(
                f"free_nats is {free_nats!r} with iwae_samples {iwae_samples}; choose a number of nats, 0 or more, and "
                "above 0 only with one importance sample, whose KL term stands by itself."
            )
        for name in OF_TARGETS:
            if kwargs.get(name) is not None:
                raise InputError(f"{name} is given, but the model's loss and metrics are its bound: leave it out.")
        if iwae_samples > 1 and "training" not in inspect.signature(self.call).parameters:
            raise InputError(
                f"iwae_samples is {iwae_samples}, but the call of {type(self).__name__} does not know whether it is "
                "training: give it the argument training=False."
            )
        if kwargs.get("steps_per_execution", 1) > 1 and trained_by_replicas(self):
            raise InputError(
                f"steps_per_execution is {kwargs['steps_per_execution']}, with which TensorFlow cannot train on "
                "several devices: leave it at 1."
            )
        super().compile(optimizer, **kwargs)
        self.iwae_samples, self.free_nats = iwae_samples, float(free_nats)

    def get_compile_config(self):
        own = {"iwae_samples": self.iwae_samples, "free_nats": self.free_nats}
        return {**super().get_compile_config(), **own} if self.compiled else {}

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def __call__(self, x, *args, **kwargs):
        self.check_shape(x)
        return super().__call__(x, *args, **kwargs)

    def call(self, x, training=False):
        """The ELBO's terms for one batch of tensors, each (B,), from one sample per data point.

        In training from `iwae_samples` samples: (B · iwae_samples,) each, those of a data point in a row.
        """
        part, samples = shared_out(x), self.iwae_samples if training else 1
        with self.prior.in_training() if training else contextlib.nullcontext():
            terms = self.terms(part, self.posterior(part), self.seed_generator, samples)
        return terms if part is x else ElboTerms(*(term[: ops.shape(x)[0] * samples] for term in terms))

    def terms(self, x, posterior, seed, samples=1):
        """As `call`, for a posterior that is already there: `ElboTerms`, (B · samples,) each."""
        if not isinstance(posterior, (tuple, list)):
            raise InputError(
                f"posterior gave a {type(posterior).__name__}, but must give a tuple of tensors: (mean, logvar)."
            )
        if samples > 1:
            x, *posterior = (ops.repeat(part, samples, axis=0) for part in (x, *posterior))
        drawn = self.draw(tuple(posterior), seed)
        if not isinstance(drawn, (tuple, list)) or len(drawn) != 2:
            raise InputError(f"draw gave a {type(drawn).__name__}, but must give two tensors: (B, D) and (B,) nats.")
        z, kl = drawn
        terms = ElboTerms(self.likelihood.log_prob(x, self.decoder(z)), kl)
        for source, term in ((type(self.likelihood).__name__ + ".log_prob", terms.reconstruction), ("draw", kl)):
            # One axis too many, and sums of (B, 1) and (B,) would go on as (B, B).
            if len(term.shape) != 1:
                raise InputError(f"{source} gave a term of shape {tuple(term.shape)}, but must give (B,) nats.")
        return terms

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The mean negative bound in nats, plus what layers add: regularizers' penalties and `add_loss`.

        β (see `KLWarmup`) and `iwae_samples` count in training only.
        """
        refuse_weights(sample_weight)
        if not isinstance(y_pred, ElboTerms):
            raise InputError(f"call gave a {type(y_pred).__name__}, but must give vamp_core.ElboTerms, (B,) nats each.")
        for tracker, term in (
            (self.reconstruction_tracker, y_pred.reconstruction),
            (self.kl_tracker, y_pred.kl),
            (self.elbo_tracker, y_pred.elbo),
        ):
            tracker.update_state(term)
        if training and self.free_nats:
            y_pred = y_pred._replace(kl=ops.maximum(mean_over_batch(y_pred.kl), self.free_nats))
        losses = y_pred.loss(self._kl_weight(), self.iwae_samples, ops.shape(x)[0]) if training else y_pred.loss()
        loss = share_of_loss(mean_over_batch(losses))
        if self.losses:
            loss = loss + float32(super().compute_loss(x, training=training))
        return loss

    def _kl_weight(self):
        return ops.convert_to_tensor(self.beta) * ops.convert_to_tensor(self.warmup_factor.value)

    @property
    def kl_weight(self):
        """The weight of the KL term as it stands: `beta` times what a `KLWarmup` makes of it in this epoch."""
        return float(ops.convert_to_numpy(self._kl_weight()))

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return self.get_metrics_result()

    def fit(self, *args, **kwargs):
        """As `keras.Model.fit`, but looks at the data first. Targets are not used, weights refused.

        A VampPrior that was given no pseudo-inputs starts them at random data points here; in batches it goes
        through all of an epoch's for that.

        The history has `loss`, `elbo`, `reconstruction` and `kl`, in nats, and with validation data `val_loss`, ....
        Callbacks that monitor an `elbo` or a `reconstruction` are told that a greater one is better, where their mode
        is "auto": Keras itself would stop the training for not knowing. For a `kl` say which you mean, mode="min".

        Args:
            x: an array or a nested list (N, *data_shape), alone or first of a tuple, or batches (`tf.data.Dataset`,
                `keras.utils.PyDataset`, a PyTorch `DataLoader`, a generator).
            *args, **kwargs: as for `keras.Model.fit`; `validation_data` like x.

        Returns:
            The `History`.

        Raises:
            InputError: NaN, values outside what the likelihood can score, a wrong shape, or weights.
        """
        given = self._admitted(_arguments(super().fit, args, kwargs))
        self._check_samples()
        if given.get("validation_data") is not None:
            given["validation_data"] = (admit(self, given["validation_data"]),)
        _greater_is_better(given.get("callbacks"))
        if not self.prior.adapted:
            self._start_prior(**given)
        self.prior.check_adapted()
        given["callbacks"] = _with(given.get("callbacks"), _Refresh())
        if self.compiled and not self.optimizer.built:
            self._build_optimizer()
        try:
            with unfixed():
                history = super().fit(**given)
        finally:
            # The end of a warm-up that was interrupted, too; but of several hosts not all may have been.
            if sys.exc_info()[0] is None or not several_hosts():
                self.warmup_factor.value.assign(1.0)
        self._constrain()
        return history

    def _constrain(self):
        """Puts weights back within their constraints, which an optimizer's moving average (`use_ema`) may have left."""
        for variable in self.trainable_variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable))

    def _start_prior(self, x, validation_split=0.0, steps_per_epoch=None, **_):
        seed = self._config["seed"]
        if is_array(x):
            points = x[: math.floor(len(x) * (1.0 - validation_split))]  # Keras holds out the last ones
        else:
            points = random_points(self, x, self.prior.num_components, steps_per_epoch, seed)
        self.prior.adapt(points, seed=seed)

    def evaluate(self, *args, **kwargs):
        """As `keras.Model.evaluate`, with data as for `fit`; the loss is the negative ELBO of one sample each."""
        return self._scored(super().evaluate, args, kwargs)

    def predict(self, *args, **kwargs):
        """As `keras.Model.predict`, with data as for `fit`: `ElboTerms` of one sample a data point, (N,) nats each."""
        return self._scored(super().predict, args, kwargs)

    def test_on_batch(self, *args, **kwargs):
        """As `keras.Model.test_on_batch`, with an array as for `fit`."""
        return self._scored(super().test_on_batch, args, kwargs)

    def predict_on_batch(self, *args, **kwargs):
        """As `keras.Model.predict_on_batch`, with an array as for `fit`."""
        return self._scored(super().predict_on_batch, args, kwargs)

    def train_on_batch(self, *args, **kwargs):
        """As `keras.Model.train_on_batch`, with an array as for `fit`, from which a VampPrior can start, too."""
        given = self._admitted(_arguments(super().train_on_batch, args, kwargs))
        self._check_samples()
        if not self.prior.adapted:
            self._start_prior(given["x"])
        self.prior.check_adapted()
        self.prior.refresh()  # since anything may have happened to the weights
        with unfixed():
            return super().train_on_batch(**given)

    def _scored(self, method, args, kwargs):
        given = _arguments(method, args, kwargs)
        # In a fit, Keras evaluates what `fit` has looked at.
        if not given.get("_use_cached_eval_dataset"):
            given = self._admitted(given)
            self.prior.check_adapted()
        with unfixed(), _variables_kept(self):
            return method(**given)

    def _admitted(self, given):
        refuse_weights(**given)
        if is_array(given.get("x")):
            given = {name: value for name, value in given.items() if name != "y"}  # not used
        alone = given.get("callbacks")
        if isinstance(alone, keras.callbacks.Callback) and not isinstance(alone, keras.callbacks.CallbackList):
            # On JAX and PyTorch Keras calls one without a list from other threads, and goes on meanwhile.
            given = {**given, "callbacks": [alone]}
        return {**given, "x": admit(self, given.get("x"))}

    def _check_samples(self):
        """Raises an `InputError` where a `call` of one's own draws other than `iwae_samples` samples a data point."""
        if self.iwae_samples == 1 or type(self).call is Fittable.call:
            return
        given = self.compute_output_spec(keras.KerasTensor((2, *self.data_shape)), training=True)
        if isinstance(given, ElboTerms) and tuple(given.kl.shape) != (2 * self.iwae_samples,):
            raise InputError(
                f"iwae_samples is {self.iwae_samples}, but for two data points the call of {type(self).__name__} gives "
                f"terms of shape {tuple(given.kl.shape)}, not ({2 * self.iwae_samples},): hand self.iwae_samples on to "
                "terms where training is True, or leave it at 1."
            )

    def _maybe_symbolic_build(self, *args, **kwargs):
        """Nothing to build. Keras would add up the replicas' parts of the first batch, which may differ in length."""

    def _build_optimizer(self):
        """Creates the optimizer's variables before the first step: TensorFlow traces a step that creates any twice."""
        strategy = getattr(self, "distribute_strategy", None)  # on TensorFlow alone
        with strategy.scope() if strategy else contextlib.nullcontext():
            self.optimizer.build(self.trainable_variables)


class _Refresh(keras.callbacks.Callback):
    """Has the prior start each epoch from the weights as they are."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.prior.refresh()


def _with(others, callback):
    """Keras's `callbacks`, a list of them or what Keras has made of one, and one more that comes after them."""
    if isinstance(others, keras.callbacks.CallbackList):
        others.append(callback)
        return others
    return [*tree.flatten(others or []), callback]


def _greater_is_better(callbacks):
    for callback in tree.flatten(getattr(callbacks, "callbacks", callbacks)):
        what = str(getattr(callback, "monitor", "")).removeprefix("val_")
        if what in ("elbo", "reconstruction") and getattr(callback, "mode", None) == "auto":
            callback.mode = "max"


def _arguments(method, args, kwargs):
    """{name: value} of the arguments in a call of one of Keras's methods, by whatever place or name they came."""
    bound = inspect.signature(method).bind(*args, **kwargs).arguments
    further = bound.pop("kwargs", {})
    return {**bound, **further}


@contextlib.contextmanager
def _variables_kept(model):
    """Puts a model's variables back where an exception leaves the block, a stopped cell for instance.

    On JAX, Keras takes them away while it evaluates or predicts, and hands their memory to the compiled step.
    """
    if keras.backend.backend() != "jax":
        yield
        return
    variables = [*model.variables, *model.metrics_variables]
    before = [ops.copy(variable) for variable in variables]
    try:
        yield
    except BaseException:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
        raise
