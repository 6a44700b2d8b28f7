"""The PixelCNN as a density: it sums to one, draws what it scores, and is saved and trained as a part of its model."""

import itertools
import re

import keras
import numpy as np
import pytest
from keras import layers, ops

import vamp_core as vc
from vamp_core.evaluation.resume_file import description
from vamp_core.training.warm_start import warm_start

GREY = np.arange(256, dtype="float32") / 255


def connected(shape, likelihood="bernoulli", maps=2, gain=3.0, **kwargs):
    """A PixelCNN that depends strongly on what it sees."""
    found = vc.PixelCNN(likelihood, channels=max(4, shape[2]), depth=1, **kwargs)
    found.connect(shape, (*shape[:2], maps))
    found.network.set_weights([gain * weight for weight in found.network.get_weights()])
    return found


def feature_maps(count, shape, maps=2):
    """The same for each of `count` images."""
    one = np.random.default_rng(1).normal(size=(1, *shape[:2], maps)).astype("float32")
    return ops.convert_to_tensor(np.repeat(one, count, axis=0))


def small_vae(image_shape=(4, 4, 1), likelihood="bernoulli", **kwargs):
    return vc.VAE(
        image_shape=image_shape,
        network_size=0.25,
        likelihood=vc.PixelCNN(likelihood, features=2, channels=4, depth=1),
        **{"seed": 0, **kwargs},
    )


INK = np.random.default_rng(0).integers(0, 2, (40, 4, 4, 1)).astype("float32")


@pytest.mark.parametrize("shape", [(3, 3, 1), (2, 2, 2), (1, 3, 3)])
def test_all_black_and_white_images_sum_to_one(shape):
    size = int(np.prod(shape))
    images = np.array(list(itertools.product((0, 1), repeat=size)), "float32").reshape(-1, *shape)
    log_prob = vc.as_numpy(connected(shape).log_prob(images, feature_maps(len(images), shape)))
    assert len(images) == 2**size and np.exp(log_prob.astype("float64")).sum() == pytest.approx(1, abs=1e-5)
    assert log_prob.std() > 0.5  # and not because all are alike


def test_all_images_of_two_grey_pixels_sum_to_one():
    images = np.stack(np.meshgrid(GREY, GREY), axis=-1).reshape(-1, 1, 2, 1)
    model = connected((1, 2, 1), "discretized_logistic")
    log_prob = vc.as_numpy(model.log_prob(images, feature_maps(len(images), (1, 2, 1))))
    assert len(images) == 256**2 and np.exp(log_prob.astype("float64")).sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("likelihood", ["bernoulli", "discretized_logistic", "learned_gaussian"])
@pytest.mark.parametrize("shape", [(4, 5, 1), (3, 4, 3)])
def test_pixel_by_pixel_and_in_one_pass_are_the_same_network(likelihood, shape):
    model, maps = connected(shape, likelihood), feature_maps(3, shape)
    drawn = model.sample(maps, seed=0)
    assert drawn.shape == (3, *shape)
    in_one_pass = vc.as_numpy(model.of_pixel.mean(model.network([drawn, maps])))
    np.testing.assert_allclose(vc.as_numpy(model.mean(maps)), in_one_pass, rtol=1e-4, atol=2e-5)


def test_images_are_drawn_as_often_as_they_are_scored():
    shape, count = (2, 2, 1), 2000
    model = connected(shape)
    drawn = vc.as_numpy(model.sample(feature_maps(count, shape), seed=1)).reshape(count, 4)
    images = np.array(list(itertools.product((0, 1), repeat=4)), "float32")
    expected = np.exp(vc.as_numpy(model.log_prob(images.reshape(16, *shape), feature_maps(16, shape))))
    found = np.array([(drawn == image).all(axis=1).mean() for image in images])
    assert np.abs(found - expected).max() < 4 * np.sqrt(expected * (1 - expected) / count).max()


def test_draws_follow_their_seed():
    model, maps = connected((3, 3, 1)), feature_maps(20, (3, 3, 1))
    first, again, other = (vc.as_numpy(model.sample(maps, seed=seed)) for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert set(np.unique(first)) == {0, 1}
    assert np.array_equal(vc.as_numpy(model.mean(maps)), vc.as_numpy(model.mean(maps)))
    grey = vc.as_numpy(connected((3, 3, 1), "discretized_logistic").sample(maps, seed=0))
    np.testing.assert_allclose(255 * grey, np.round(255 * grey), atol=1e-3)


def test_it_is_trained_counted_saved_and_copied_with_its_model(tmp_path):
    model, without = small_vae(), vc.VAE(image_shape=(4, 4, 1), network_size=0.25, seed=0)
    before = model.likelihood.get_weights()
    assert model.count_params() > without.count_params() + sum(weight.size for weight in before)
    model.compile("adam")
    model.fit(INK, epochs=1, verbose=0)
    assert not any(np.array_equal(a, b) for a, b in zip(before, model.likelihood.get_weights(), strict=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert np.array_equal(loaded.elbo(INK, seed=0).elbo, model.elbo(INK, seed=0).elbo)
    assert description(loaded) == description(model) != description(without)
    assert np.array_equal(loaded.sample(2, seed=0, noise=True), model.sample(2, seed=0, noise=True))
    fresh = vc.VAE.from_config(model.get_config())
    warm_start(fresh, tmp_path / "model.keras")
    assert np.array_equal(fresh.elbo(INK, seed=0).elbo, model.elbo(INK, seed=0).elbo)
    with pytest.raises(vc.InputError, match="not shaped as those that would be trained"):
        warm_start(without, tmp_path / "model.keras")


def test_frozen_it_stays_as_it_is():
    model = small_vae(likelihood="bernoulli")
    model.likelihood.trainable = False
    before = model.likelihood.get_weights()
    model.compile("adam", run_eagerly=True)
    model.fit(INK, epochs=1, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.likelihood.get_weights(), strict=True))
    assert not vc.VAE.from_config(model.get_config()).likelihood.trainable_variables


def test_its_convolutions_follow_the_policy_and_its_densities_do_not(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = small_vae()
    model.save(tmp_path / "model.keras")
    keras.config.set_dtype_policy("float32")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for each in (model, loaded):
        assert each.likelihood.network.get_layer("masked_1").compute_dtype == "bfloat16"
        assert keras.backend.standardize_dtype(each.elbo(ops.convert_to_tensor(INK)).reconstruction.dtype) == "float32"
    exact = vc.VAE.from_config(small_vae().get_config())
    exact.set_weights(model.get_weights())
    np.testing.assert_allclose(vc.iwae_bound(model, INK[:3], 20), vc.iwae_bound(exact, INK[:3], 20), rtol=1e-4)


@pytest.mark.thorough
def test_its_log_likelihood_is_the_integral():
    model = small_vae(latent_dim=1)
    truth = vc.quadrature_log_likelihood(model, INK[:2], verbose=0)
    found = vc.log_likelihood(model, INK[:2], samples=400, verbose=0, proposal="encoder")
    assert np.all(np.abs(found.estimate - truth.estimate) < 4 * found.standard_error + truth.error + 1e-3)
    assert np.all(model.elbo(INK[:2], samples=20, seed=0).elbo < truth.estimate + 0.1)
    with pytest.raises(vc.InputError, match="The images are grey"):
        vc.log_likelihood(model, 0.5 * INK, verbose=0)


def test_reconstructions_are_pictures_of_grey_and_colour_images_too():
    model = small_vae((4, 4, 3), "discretized_logistic")
    images = np.round(255 * np.random.default_rng(0).random((3, 4, 4, 3))) / 255
    assert np.isfinite(model.elbo(images).elbo).all()
    for pictures in (model.reconstruct(images), model.sample(3, seed=0), model.decode_mean(np.zeros((3, 2)))):
        assert pictures.shape == (3, 4, 4, 3) and 0 <= pictures.min() and pictures.max() <= 1
    assert model.decode(np.zeros((2, 2))).shape == (2, 4, 4, 6)  # feature maps


def decoder(*hidden):
    z = keras.Input((2,))
    outputs = z
    for layer in hidden:
        outputs = layer(outputs)
    return keras.Model(z, outputs)


def test_an_hvae_takes_it_too():
    likelihood = vc.PixelCNN(features=2, channels=4, depth=1)
    model = vc.HVAE(image_shape=(4, 4, 1), network_size=0.25, likelihood=likelihood, prior=vc.VampPrior(5), seed=0)
    model.prior.adapt(INK)
    assert np.isfinite(model.elbo(INK[:3]).elbo).all() and set(np.unique(model.sample(4, noise=True))) == {0, 1}


def test_any_decoder_of_feature_maps_will_do():
    model = vc.VAE(
        image_shape=(4, 4, 1), network_size=0.25, likelihood=vc.PixelCNN(channels=4),
        decoder=decoder(layers.Dense(4 * 4 * 5), layers.Reshape((4, 4, 5))),
    )  # fmt: skip
    assert np.isfinite(model.elbo(INK[:2]).elbo).all()


@pytest.mark.parametrize(
    "make, sentence",
    [
        (lambda: vc.PixelCNN("binomial"), "pixels is 'binomial'; choose one of bernoulli, gaussian"),
        (lambda: vc.PixelCNN(vc.PixelCNN()), "hand in a vamp_core Likelihood without weights"),
        (lambda: vc.PixelCNN(channels=0), "channels is 0"),
        (lambda: vc.PixelCNN(depth=1.5), "depth is 1.5"),
        (lambda: vc.PixelCNN(features=0), "features is 0"),
        (
            lambda: vc.VAE(
                image_shape=(4, 4, 1), network_size=0.25, likelihood=vc.PixelCNN(), decoder=decoder(layers.Dense(16))
            ),
            r"gives \(16,\) for one data point shaped \(4, 4, 1\), but a PixelCNN needs feature maps",
        ),
        (
            lambda: vc.VAE(
                image_shape=(4, 4, 1), network_size=0.25, likelihood=vc.PixelCNN(),
                decoder=decoder(layers.Dense(12), layers.Reshape((2, 2, 3))),
            ),
            "needs feature maps of an image's height and width",
        ),
        (lambda: connected((4, 4, 3)).connect((4, 4, 3), (4, 4, 2)), "already belongs to a model"),
        (
            lambda: vc.VAE(image_shape=(4, 4, 3), network_size=0.25, likelihood=vc.PixelCNN(channels=2)),
            "channels is 2, but the images have 3",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_a_pixelcnn_is_told_in_a_sentence(make, sentence):
    with pytest.raises(vc.InputError, match=sentence) as told:
        make()
    assert not re.search(r"\.\s+\S", str(told.value))


def test_a_compiled_function_cannot_draw():
    model = small_vae()

    class Drawing(keras.Model):
        def call(self, z):
            return model.likelihood.sample(model.decoder(z), seed=0)

    drawing = Drawing()
    if keras.backend.backend() == "torch":  # compiles nothing by itself
        pytest.skip("PyTorch runs as it goes")
    drawing.compile(run_eagerly=False)
    with pytest.raises(Exception, match="draws one pixel after another"):
        drawing.predict(np.zeros((2, 2), "float32"), verbose=0)
