"""Training with Keras's own `fit`: the loss is the negative ELBO, or a tighter bound."""

import contextlib

import keras
import numpy as np
from keras import ops

from vamp_core.errors import InputError
from vamp_core.models.objective import ElboTerms


class Fittable(keras.Model):
    """What `compile` and `fit` need of a latent variable model: its bound, batch by batch.

    A subclass has what `LatentVariableModel` says: `posterior`, `draw`, `decoder`, `likelihood`, `prior`.
    """

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
        if self.compiled and not self.optimizer.built:
            self._build_optimizer()
        return super().fit(x, None if is_array else y, **kwargs)

    def _build_optimizer(self):
        """Creates the optimizer's variables before the first step: TensorFlow traces a step that creates any twice."""
        strategy = getattr(self, "distribute_strategy", None)  # on TensorFlow alone
        with strategy.scope() if strategy else contextlib.nullcontext():
            self.optimizer.build(self.trainable_variables)


def _is_array(data):
    return hasattr(data, "__array__") or isinstance(data, list)


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
