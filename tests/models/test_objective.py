"""The loss is the negative bound plus what layers add, wherever it is trained, and whoever overrides what."""

import os
import subprocess
import sys
import threading

import keras
import numpy as np
import pytest
from keras import layers, ops, regularizers
from tables import TABLE, table_vae

import vamp_core as vc


def encoder_of(*inner):
    """An encoder of seven columns with these layers before its heads."""
    x = hidden = keras.Input((7,))
    for layer in inner:
        hidden = layer(hidden)
    return keras.Model(x, vc.networks.normal_heads(hidden, 2))


def fitted(model, epochs=1, rate=0.0, **kwargs):
    model.compile(keras.optimizers.Adam(rate))
    return model.fit(TABLE, epochs=epochs, batch_size=20, validation_data=(TABLE,), verbose=0, **kwargs).history


# -- tf.distribute --------------------------------------------------------------------------

TWO_REPLICAS = """
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import contextlib, keras, vamp_core as vc
from tables import TABLE, table_vae
from test_objective import encoder_of
for devices in (["CPU:0"], ["CPU:0", "CPU:1"]):
    with tf.distribute.MirroredStrategy(devices).scope():
        keras.utils.set_random_seed(0)
        penalised = keras.layers.Dense(4, kernel_regularizer=keras.regularizers.L2(1.0))
        model = table_vae(encoder=encoder_of(penalised), prior=vc.VampPrior(5))
        model.compile(keras.optimizers.SGD(1e-3), jit_compile=False)
        before = [np.array(weight) for weight in model.get_weights()]
        data = np.repeat(TABLE[:1], 40, axis=0)  # so that the step depends on the noise alone
        history = model.fit(data, validation_data=(data,), batch_size=20, verbose=0, callbacks=[vc.KLWarmup(2)]).history
        step = np.abs(model.decoder.get_weights()[0] - before[-3]).sum()
        penalty = float(penalised.kernel_regularizer(before[1]))
        print("RESULT", history["loss"][0], history["reconstruction"][0], history["kl"][0], penalty,
              history["val_loss"][0], history["val_elbo"][0], step)
"""


@pytest.mark.thorough
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.distribute is TensorFlow's")
def test_two_replicas_have_the_loss_and_the_step_of_one():
    here = os.path.dirname(__file__)
    path = os.pathsep.join([here, *sys.path])
    command = [sys.executable, "-c", TWO_REPLICAS]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True)
    steps = []
    for line in done.stdout.splitlines():
        if line.startswith("RESULT"):
            loss, reconstruction, kl, penalty, val_loss, val_elbo, step = map(float, line.split()[1:])
            assert loss == pytest.approx(0.5 * kl - reconstruction + penalty, rel=0.01)
            assert val_loss == pytest.approx(-val_elbo + penalty, rel=0.01)
            steps.append(step)
    assert len(steps) == 2 and steps[1] == pytest.approx(steps[0], rel=0.5)  # of other noise; unscaled, it is twice


# -- what layers add ------------------------------------------------------------------------


@keras.saving.register_keras_serializable(package="tests")
class AddsOne(layers.Layer):
    def call(self, inputs):
        self.add_loss(ops.ones(()))
        return inputs


ADDED = {
    "a regularizer": lambda: layers.Dense(4, kernel_regularizer=regularizers.L2(10.0)),
    "an activity regularizer": lambda: layers.ActivityRegularization(l1=0.01),
    "add_loss": AddsOne,
}


def penalty(layer):
    """What Keras itself has the layer add to the loss of a batch of `fitted`, in the mean over all three."""
    layer = type(layer).from_config(layer.get_config())
    added = []
    for batch in np.split(TABLE, 3):
        layer(batch)
        added.append(float(layer.losses[0]))
    return np.mean(added)


@pytest.mark.parametrize("prior", ["standard", "vamp"])
@pytest.mark.parametrize("added", ADDED)
def test_what_layers_add_counts_in_the_loss_and_is_of_the_data_alone(added, prior):
    layer = ADDED[added]()
    prior = vc.VampPrior(pseudo_inputs=np.ones((30, 7))) if prior == "vamp" else prior
    model = table_vae(encoder=encoder_of(layer), prior=prior)
    history = fitted(model)
    expected = {
        "a regularizer": lambda: 10 * np.sum(ops.convert_to_numpy(model.encoder.layers[1].weights[0]) ** 2),
        "an activity regularizer": lambda: penalty(layer),  # a mean over the batch, or in older versions a sum
        "add_loss": lambda: 1.0,
    }[added]()
    for part in ("", "val_"):
        assert history[f"{part}loss"][0] + history[f"{part}elbo"][0] == pytest.approx(expected, rel=1e-3)


def test_a_penalty_is_trained():
    model = table_vae(encoder=encoder_of(layers.Dense(4, kernel_regularizer=regularizers.L2(1e3))))
    fitted(model, epochs=20, rate=0.1)
    assert np.abs(model.encoder.layers[1].kernel.numpy()).max() < 0.05


# -- layers with a training mode, in an encoder that the prior shares --------------------------


@pytest.mark.parametrize("layer", [lambda: layers.BatchNormalization(momentum=0.5), lambda: layers.Dropout(0.5)])
def test_the_prior_that_is_trained_is_the_prior_that_is_scored(layer):
    class AtOrigin(vc.VAE):
        """Its KL term is the prior's log-density at the origin, in training as in validation."""

        def draw(self, posterior, seed):
            z = 0 * posterior[0]
            return z, -self.log_prior(z)

    encoder = encoder_of(layers.Dense(8, "relu"), layer(), layers.Dense(8, "relu"))
    model = table_vae(AtOrigin, encoder, prior=vc.VampPrior(20))
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(TABLE, epochs=5, verbose=0)
    model.compile(keras.optimizers.SGD(0.0))
    trained = -model.fit(TABLE, batch_size=60, verbose=0).history["kl"][0]
    statistics = [vc.as_numpy(variable).copy() for variable in encoder.non_trainable_variables]
    scored = model.log_prior(np.zeros((1, 2)))
    np.testing.assert_allclose(trained, scored[0], rtol=1e-4)
    for old, new in zip(statistics, encoder.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(vc.as_numpy(new), old)  # pseudo-inputs move no statistics


@pytest.mark.thorough
@pytest.mark.parametrize("prior", ["standard", "vamp"])
def test_training_and_validation_of_the_same_data_agree_under_batch_normalization(prior):
    data = np.repeat(TABLE, 20, axis=0) * np.linspace(0, 1, 1200)[:, None]
    model = table_vae(
        encoder=encoder_of(layers.Dense(32), layers.BatchNormalization(momentum=0.9), layers.ReLU()),
        prior=vc.VampPrior(200) if prior == "vamp" else prior,
    )
    model.compile(keras.optimizers.Adam(5e-3))
    history = model.fit(data, epochs=20, batch_size=100, validation_data=(data,), verbose=0).history
    assert history["elbo"][-1] == pytest.approx(history["val_elbo"][-1], abs=0.2)


# -- overridden methods -----------------------------------------------------------------------


def overriding(name, function):
    return table_vae(type("Own", (vc.VAE,), {name: function}))


WRONG = {
    "call gave a": ("call", lambda self, x, training=False: self.encoder(x)[0]),
    "posterior gave a": ("posterior", lambda self, x: self.encoder(x)[0]),
    r"draw gave a term of shape .*1\)": ("draw", lambda self, posterior, seed: (posterior[0], posterior[0][:, :1])),
    "draw gave a term": ("draw", lambda self, posterior, seed: (posterior[0], ops.sum(posterior[0]))),
    "draw gave a tuple": ("draw", lambda self, posterior, seed: (posterior[0],)),
}


@pytest.mark.parametrize("message", WRONG)
def test_whoever_overrides_a_method_wrongly_gets_a_sentence(message):
    model = overriding(*WRONG[message])
    model.compile("adam")
    with pytest.raises(vc.InputError, match=message):
        model.fit(TABLE, verbose=0)


def test_whoever_overrides_a_method_rightly_gets_right_numbers():
    terms = vc.ElboTerms

    def call(self, x, training=False):
        zeros = 0 * ops.sum(self.decoder(self.encoder(x)[0]), axis=1)
        return terms(zeros - 3, zeros + 2)

    model = overriding("call", call)
    model.compile(keras.optimizers.SGD(0.0))
    assert model.fit(TABLE, verbose=0).history["loss"] == [5.0]
    model.compile(keras.optimizers.SGD(0.0), iwae_samples=3)  # of which this call gives one
    for train in (model.fit, model.train_on_batch):
        with pytest.raises(vc.InputError, match=r"iwae_samples is 3, .* the call of Own gives terms of shape \(2,\)"):
            train(TABLE)

    def drawn(self, x, training=False):
        return self.terms(x, self.posterior(x), 1, self.iwae_samples if training else 1)

    model = overriding("call", drawn)
    model.compile("adam", iwae_samples=3)
    assert np.isfinite(model.fit(TABLE, verbose=0).history["loss"][0])
    posterior_as_list = overriding("posterior", lambda self, x: list(self.encoder(x)))
    posterior_as_list.compile("adam", iwae_samples=3)
    assert np.isfinite(posterior_as_list.fit(TABLE, verbose=0).history["loss"][0])


def test_samples_need_a_call_that_knows_of_training():
    model = overriding("call", lambda self, x: self.terms(x, self.posterior(x), self.seed_generator))
    model.compile("adam")
    assert np.isfinite(model.fit(TABLE, verbose=0).history["loss"][0])
    with pytest.raises(vc.InputError, match="call of Own does not know whether it is training"):
        model.compile("adam", iwae_samples=5)


def test_own_densities_with_an_axis_too_many_get_a_sentence():
    class Halved(vc.Bernoulli):
        def log_prob(self, x, logits):
            return super().log_prob(x, logits)[:, None]

    class Wide(vc.StandardNormal):
        def log_prob(self, z):
            return super().log_prob(z)[:, None]

    for given, message in ((dict(likelihood=Halved()), "Halved.log_prob gave"), (dict(prior=Wide()), "draw gave")):
        with pytest.raises(vc.InputError, match=message):
            table_vae(**given).elbo(TABLE)


# -- how Keras's own parts go with it -----------------------------------------------------------


def test_losses_and_metrics_of_targets_are_refused():
    for name in ("loss", "metrics", "weighted_metrics", "loss_weights"):
        with pytest.raises(vc.InputError, match=f"{name} is given"):
            table_vae().compile("adam", **{name: "mse"})
    with pytest.raises(vc.InputError, match="iwae_samples is 'mse'"):
        table_vae().compile("adam", "mse")


def test_callbacks_know_that_a_greater_elbo_is_better():
    model = table_vae()
    model.compile(keras.optimizers.Adam(1e-2))
    stop = keras.callbacks.EarlyStopping("val_elbo", patience=3)
    plateau = keras.callbacks.ReduceLROnPlateau("val_elbo", mode="max")
    history = model.fit(TABLE, validation_data=(TABLE,), epochs=6, verbose=0, callbacks=[stop, plateau]).history
    assert stop.best == max(history["val_elbo"])


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_a_callback_that_comes_alone_is_called_as_one_in_a_list(method):
    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            threads.append(threading.current_thread())

        on_test_batch_end = on_predict_batch_end = on_train_batch_end

    threads, model = [], table_vae()
    model.compile("adam")
    getattr(model, method)(TABLE, batch_size=20, verbose=0, callbacks=Watch())
    assert threads and set(threads) == {threading.main_thread()}


def test_a_moving_average_leaves_pseudo_inputs_in_their_range():
    model = table_vae(prior=vc.VampPrior(pseudo_inputs=TABLE.round()[:20]))
    model.compile(keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.5))
    model.fit(TABLE, epochs=5, batch_size=20, verbose=0)
    pseudo_inputs = model.prior.pseudo_inputs.numpy()
    assert 0 <= pseudo_inputs.min() and pseudo_inputs.max() <= 1 and np.any(pseudo_inputs % 1)


@pytest.mark.parametrize("estimate", [vc.log_likelihood, vc.iwae_bound, vc.quadrature_log_likelihood])
def test_log_likelihoods_of_a_bound_that_they_do_not_know_are_refused(estimate):
    """A `terms` that adds to the reconstruction counts in the ELBO, and would be left out without a word."""
    model = overriding("terms", lambda self, *args, **kwargs: vc.VAE.terms(self, *args, **kwargs))
    with pytest.raises(vc.InputError, match="Own has terms of its own"):
        estimate(model, np.zeros((2, *model.data_shape), "float32"), 5)
