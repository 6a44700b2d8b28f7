"""The Adam with TensorFlow's kernel takes the steps of Keras's own."""

import keras
import numpy as np
import pytest

import vamp_core as vc
from vamp_core.training.adam import Adam

SETTINGS = {
    "plain": {},
    "other moments": {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
    "schedule": {"learning_rate": keras.optimizers.schedules.CosineDecay(0.0, 20, warmup_target=0.1, warmup_steps=5)},
    "clipped": {"global_clipnorm": 0.5},
    "decay": {"weight_decay": 0.1},
    "average": {"use_ema": True, "ema_momentum": 0.5},
    "amsgrad": {"amsgrad": True},
    "accumulated": {"gradient_accumulation_steps": 2},
}


def steps_of(optimizer, count=25):
    """The weights after each of `count` steps along the same gradients, the state at the end."""
    rng = np.random.default_rng(0)
    weights = [keras.Variable(rng.normal(size=shape).astype("float32")) for shape in ((3, 4), (4,), ())]
    optimizer.build(weights)
    found = []
    for _ in range(count):
        gradients = [keras.ops.convert_to_tensor(rng.normal(size=w.shape).astype("float32")) for w in weights]
        optimizer.apply(gradients, weights)
        found.append(np.concatenate([keras.ops.convert_to_numpy(w).ravel() for w in weights]))
    return found, [keras.ops.convert_to_numpy(variable) for variable in optimizer.variables]


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_it_takes_kerass_steps(settings):
    settings = {"learning_rate": 0.1, **settings}
    (ours, our_state), (kerass, keras_state) = steps_of(Adam(**settings)), steps_of(keras.optimizers.Adam(**settings))
    np.testing.assert_allclose(ours, kerass, rtol=1e-4, atol=1e-5)
    for here, there in zip(our_state, keras_state, strict=True):
        np.testing.assert_allclose(here, there, rtol=1e-4, atol=1e-6)


def test_an_embeddings_gradient_moves_the_rows_that_it_names():
    """TensorFlow hands it over as the rows alone; Adam moves the others, too, by what they remember."""

    def trained(optimizer):
        keras.utils.set_random_seed(0)
        layer = keras.layers.Embedding(5, 2)
        model = keras.Sequential([keras.Input((1,)), layer, keras.layers.Flatten(), keras.layers.Dense(1)])
        model.compile(optimizer, "mse")
        for row in (0, 1, 1, 3):
            model.train_on_batch(np.full((1, 1), row), np.ones((1, 1)))
        return keras.ops.convert_to_numpy(layer.embeddings)

    np.testing.assert_allclose(trained(Adam(0.1)), trained(keras.optimizers.Adam(0.1)), rtol=1e-5, atol=1e-6)


def test_a_training_goes_on_where_kerass_adam_left_it(tmp_path):
    """Checkpoints of the build before hold Keras's Adam."""
    images = np.random.default_rng(0).random((64, 28, 28, 1), dtype="float32")

    def model_with(optimizer):
        model = vc.VAE(latent_dim=2, network_size=0.25, seed=0)
        model.compile(optimizer)
        return model

    def after(model):
        model.fit(images, batch_size=32, shuffle=False, verbose=0)
        return np.concatenate([w.ravel() for w in model.get_weights()])

    before = model_with(keras.optimizers.Adam(1e-3))
    before.fit(images, batch_size=32, verbose=0)
    before.save_weights(tmp_path / "model.weights.h5")
    resumed = []
    for optimizer in (keras.optimizers.Adam(1e-3), Adam(1e-3)):
        model = model_with(optimizer)
        optimizer.build(model.trainable_variables)
        model.load_weights(tmp_path / "model.weights.h5")
        resumed.append(after(model))
        assert int(optimizer.iterations) == 4
    np.testing.assert_allclose(*resumed, atol=1e-5)
