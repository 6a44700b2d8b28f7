"""Whatever decides a model's numbers follows it, whichever way it is copied; and nothing else does."""

import copy
import pickle
import threading

import keras
import numpy as np
import pytest
from keras import layers, ops
from tables import TABLE, dense, table_hvae, table_vae

import vamp_core as vc

Z = np.random.default_rng(1).normal(size=(5, 2)).astype("float32")


def compiled(model, rate=1e-2):
    model.compile(keras.optimizers.SGD(rate))
    return model


def of_file(model, tmp_path):
    model.save(tmp_path / "model.keras")
    return keras.saving.load_model(tmp_path / "model.keras")


def weights_file(model, tmp_path):
    model.save_weights(tmp_path / "model.weights.h5")
    twin = type(model).from_config(model.get_config())
    twin.load_weights(tmp_path / "model.weights.h5")
    return twin


def weights_of(model, twin):
    twin.set_weights(model.get_weights())
    return twin


COPIES = {
    "save": of_file,
    "save_weights": weights_file,
    "deepcopy": lambda model, _: copy.deepcopy(model),
    "pickle": lambda model, _: pickle.loads(pickle.dumps(model)),
    "clone_model": lambda model, _: weights_of(model, keras.models.clone_model(model)),
    "from_config": lambda model, _: weights_of(model, type(model).from_config(model.get_config())),
}
MODELS = {
    "vae": lambda: table_vae(prior=vc.VampPrior(5)),
    "hvae": lambda: table_hvae(prior=vc.VampPrior(5)),
    "by sizes": lambda: vc.VAE(image_shape=(4, 4, 1), network_size=0.125, prior=vc.VampPrior(5), seed=0),
}
all_copies = pytest.mark.parametrize("way", COPIES)
# One of them is enough for a quick look, since all hold their state in the same place.
all_models = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.thorough if name != "hvae" else ()) for name in MODELS]
)


def data_of(model):
    return np.resize(TABLE, (30, *model.data_shape))


@all_copies
@all_models
def test_a_copy_is_the_model(name, way, tmp_path):
    model = compiled(MODELS[name]())
    data = data_of(model)
    model.fit(data, verbose=0)
    model.beta.assign(0.5)
    model.encoder.layers[1].trainable = False
    model.prior.trainable = False
    twin = COPIES[way](model, tmp_path)
    for before, after in zip(model.elbo(data, seed=1), twin.elbo(data, seed=1), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-5)
    assert twin.kl_weight == 0.5
    assert [w.shape for w in twin.weights] == [w.shape for w in model.weights]
    assert [w.shape for w in twin.trainable_weights] == [w.shape for w in model.trainable_weights]
    assert not twin.encoder.layers[1].trainable and not twin.prior.trainable and twin.decoder.trainable
    # Were the pseudo-inputs not known to have been started, this would start them anew.
    compiled(twin, rate=0.0).fit(data, verbose=0)
    np.testing.assert_array_equal(twin.prior.pseudo_inputs.numpy(), model.prior.pseudo_inputs.numpy())
    if name == "hvae":  # the trunk is still one
        twin.encoder.layers[1].set_weights([0 * weight for weight in twin.encoder.layers[1].get_weights()])
        assert not np.any(ops.convert_to_numpy(twin.image_features(data)))


@all_copies
def test_a_copy_of_a_prior_that_was_not_started_is_started_by_its_fit(way, tmp_path):
    twin = COPIES[way](compiled(MODELS["vae"]()), tmp_path)
    assert not twin.prior.adapted
    compiled(twin, rate=0.0).fit(TABLE, verbose=0)
    assert all(u in TABLE for u in twin.prior.pseudo_inputs.numpy())


@pytest.mark.parametrize("way", ["save", "save_weights", "deepcopy", "pickle"])
def test_a_copy_goes_on_with_the_noise(way, tmp_path):
    model = table_vae()
    first = model.elbo(TABLE).kl
    twin = COPIES[way](model, tmp_path)
    second = model.elbo(TABLE).kl
    np.testing.assert_allclose(twin.elbo(TABLE).kl, second, rtol=1e-5)
    assert np.abs(first - second).max() > 1e-3


@pytest.mark.parametrize("pseudo_inputs", [TABLE[:3], np.zeros((3, 7)), np.ones((3, 7))])
def test_fit_leaves_pseudo_inputs_that_there_are(pseudo_inputs):
    given = table_vae(prior=vc.VampPrior(pseudo_inputs=pseudo_inputs))
    taken_over = weights_of(given, table_vae(prior=vc.VampPrior(3)))
    for model in (given, taken_over):
        compiled(model, rate=0.0).fit(TABLE, verbose=0)
        np.testing.assert_array_equal(model.prior.pseudo_inputs.numpy(), pseudo_inputs)


NEEDS_A_DENSITY = {
    "evaluate": lambda model: model.evaluate(TABLE, verbose=0),
    "predict": lambda model: model.predict(TABLE, verbose=0),
    "test_on_batch": lambda model: model.test_on_batch(TABLE),
    "predict_on_batch": lambda model: model.predict_on_batch(TABLE),
    "call": lambda model: model(TABLE),
    "elbo": lambda model: model.elbo(TABLE),
    "elbo of a tensor": lambda model: model.elbo(ops.convert_to_tensor(TABLE)),
    "log_prior": lambda model: model.log_prior(Z),
    "sample": lambda model: model.sample(2),
    "ancestral": lambda model: model.ancestral(2),
    "prior.log_prob": lambda model: model.prior.log_prob(Z),
    "prior.sample": lambda model: model.prior.sample(2),
    "mean_elbo": lambda model: vc.mean_elbo(model, TABLE),
    "log_likelihood": lambda model: vc.log_likelihood(model, TABLE.round(), samples=2, verbose=0),
    "iwae_bound": lambda model: vc.iwae_bound(model, TABLE, 2),
    "kl_split": lambda model: vc.kl_split(model, TABLE),
    "train_on_batch": lambda model: model.train_on_batch(TABLE[:2]),  # too few to start from
}


@pytest.mark.parametrize("way", NEEDS_A_DENSITY)
def test_a_vamp_prior_that_was_not_started_is_not_scored(way):
    model = compiled(table_vae(prior=vc.VampPrior(5)))
    with pytest.raises(vc.InputError, match="never started|5 pseudo-inputs but only 2"):
        NEEDS_A_DENSITY[way](model)
    assert model.encode(TABLE)[0].shape == (60, 2) and model.decode(Z).shape == (5, 7)  # of which the prior has no part


def test_train_on_batch_starts_pseudo_inputs_too():
    model = compiled(table_vae(prior=vc.VampPrior(5)))
    assert np.isfinite(model.train_on_batch(TABLE)).all() and model.prior.adapted


def test_set_random_seed_repeats_the_pseudo_inputs():
    def started(seed):
        keras.utils.set_random_seed(7)
        model = compiled(table_vae(prior=vc.VampPrior(10), seed=seed), rate=0.0)
        model.fit(TABLE, verbose=0)
        return model.prior.pseudo_inputs.numpy()

    np.testing.assert_array_equal(started(None), started(None))
    assert np.any(started(None) != started(1))


# -- β ------------------------------------------------------------------------------------


class Stop(keras.callbacks.Callback):
    """The square button of a notebook."""

    def on_epoch_end(self, epoch, logs=None):
        raise KeyboardInterrupt


def trained_in_warm_up(how, tmp_path):
    model = compiled(table_vae())
    if how == "interrupt":
        with pytest.raises(KeyboardInterrupt):
            model.fit(TABLE, verbose=0, callbacks=[vc.KLWarmup(10), Stop()])
    elif how == "early stopping":
        best = keras.callbacks.EarlyStopping("loss", mode="max", patience=0, restore_best_weights=True)
        model.fit(TABLE, epochs=3, verbose=0, callbacks=[vc.KLWarmup(10), best])
    elif how == "checkpoint":
        checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "model.keras")
        model.fit(TABLE, verbose=0, callbacks=[checkpoint, vc.KLWarmup(10)])
        model = keras.saving.load_model(tmp_path / "model.keras")
    elif how == "snapshot":
        taken = []
        snapshot = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: taken.append(model.get_weights()))
        model.fit(TABLE, verbose=0, callbacks=[vc.KLWarmup(10), snapshot])
        model.set_weights(taken[0])
    return model


@pytest.mark.parametrize("how", ["interrupt", "early stopping", "checkpoint", "snapshot"])
def test_a_fit_without_warm_up_trains_the_elbo(how, tmp_path):
    model = trained_in_warm_up(how, tmp_path)
    assert model.kl_weight == model.beta.numpy() == 1
    history = model.fit(TABLE, verbose=0).history
    np.testing.assert_allclose(history["loss"], -np.array(history["elbo"]), rtol=1e-5)


def test_warm_up_rises_to_the_users_own_beta_and_leaves_it():
    model, weights = compiled(table_vae()), []
    model.beta.assign(0.5)
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: weights.append(model.kl_weight))
    model.fit(TABLE, epochs=2, verbose=0, validation_data=(TABLE,), callbacks=[vc.KLWarmup(2), watch])
    assert weights == [0.25, 0.5] and model.kl_weight == 0.5


# -- what is frozen, and what is shared ------------------------------------------------------


def test_freezing_the_prior_freezes_no_network_and_can_be_undone():
    model = table_vae(prior=vc.VampPrior(5))
    everything = len(model.trainable_weights)
    model.prior.trainable = False
    assert len(model.encoder.trainable_weights) == 6 and len(model.trainable_weights) == everything - 1
    model.prior.trainable = True
    assert len(model.trainable_weights) == everything
    model.encoder.trainable = False
    assert len(model.trainable_weights) == 2 + 1
    assert len(table_vae(prior=vc.VampPrior(5, trainable=False)).trainable_weights) == everything - 1


@pytest.mark.parametrize("way", COPIES)
def test_networks_stay_tied_however_deep_the_shared_layer_lies(way, tmp_path):
    block = keras.Sequential([keras.Input((2,)), layers.Dense(2, "tanh"), layers.Dense(2)], name="block")
    x, z = keras.Input((2,)), keras.Input((2,))
    encoder = keras.Model(x, [layers.Dense(2)(block(x)), layers.Dense(2)(block(x))])
    decoder = keras.Model(z, block.layers[1](layers.Dense(2)(block.layers[0](z))))
    model = vc.VAE(encoder=encoder, decoder=decoder, seed=0)
    twin = COPIES[way](model, tmp_path)
    data = TABLE[:, :2]
    np.testing.assert_allclose(twin.elbo(data, seed=1).elbo, model.elbo(data, seed=1).elbo, rtol=1e-5)
    assert len(twin.weights) == len(model.weights)
    inner = twin.encoder.layers[1].layers[1]
    assert inner in twin.decoder.layers and inner.kernel is not block.layers[1].kernel


@keras.saving.register_keras_serializable(package="tests")
class Transposed(layers.Layer):
    """A dense layer by the transposed kernel of another."""

    def __init__(self, dense, **kwargs):
        super().__init__(**kwargs)
        self.dense = dense

    def call(self, inputs):
        return ops.matmul(inputs, ops.transpose(self.dense.kernel))


def test_weights_that_no_copy_could_share_are_refused():
    x, z = keras.Input((7,)), keras.Input((2,))
    mean = layers.Dense(2, name="mean")
    encoder = keras.Model(x, [mean(x), layers.Dense(2)(x)])
    with pytest.raises(vc.InputError, match="'mean' of the encoder and 'transposed' of the decoder share the weight"):
        vc.VAE(encoder=encoder, decoder=keras.Model(z, Transposed(mean, name="transposed")(z)))
    assert vc.VAE(encoder=encoder, decoder=dense([2], 7)).latent_dim == 2


# -- what other threads and exceptions leave behind --------------------------------------------


def test_fixed_components_are_of_one_thread_and_not_of_a_training():
    model = compiled(table_vae(prior=vc.VampPrior(pseudo_inputs=TABLE[:3])), rate=0.1)
    seen = []
    with model.prior.fixed():
        fixed = model.log_prior(Z)
        model.fit(TABLE, epochs=3, verbose=0)
        np.testing.assert_array_equal(model.log_prior(Z), fixed)
        thread = threading.Thread(target=lambda: seen.append(model.log_prior(Z)))
        thread.start()
        thread.join()
        evaluated = model.evaluate(TABLE, verbose=0)
    assert np.any(seen[0] != fixed)
    np.testing.assert_array_equal(model.log_prior(Z), seen[0])
    assert evaluated[0] == pytest.approx(-vc.mean_elbo(model, TABLE)["elbo"], abs=0.5)


@pytest.mark.parametrize("method", ["evaluate", "predict"])
@pytest.mark.parametrize("batch", [0, 2])
def test_a_cell_that_is_stopped_leaves_the_model_its_weights(method, batch):
    class StopAt(keras.callbacks.Callback):
        def on_test_batch_end(self, index, logs=None):
            if index == batch:
                raise KeyboardInterrupt

        on_predict_batch_end = on_test_batch_end

    model = compiled(table_vae(prior=vc.VampPrior(5)))
    model.fit(TABLE, verbose=0)
    before = model.get_weights()
    with pytest.raises(KeyboardInterrupt):
        getattr(model, method)(TABLE, batch_size=10, verbose=0, callbacks=[StopAt()])
    for weight, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, expected)
    assert np.isfinite(model.evaluate(TABLE, verbose=0)).all()
    model.fit(TABLE, verbose=0)
