"""VAE and HVAE: the objective against exact references, and what a `keras.Model` must be able to do."""

import keras
import numpy as np
import pytest
from gradients import value_and_gradients
from keras import layers, ops
from scipy import stats

import vamp_core as vc

RNG = np.random.default_rng(0)
IMAGES = RNG.random((40, 8, 8, 1)).astype("float32")
KINDS = [(model, prior) for model in (vc.VAE, vc.HVAE) for prior in ("standard", "mog", "vamp")]


def small(model=vc.VAE, prior="standard", **kwargs):
    """A model of 8×8 images, with three components where the prior is a mixture."""
    if prior == "vamp":
        prior = vc.VampPrior(pseudo_inputs=IMAGES[:3])
    elif prior == "mog":
        prior = vc.MixtureOfGaussians(3, seed=0)
    keras.utils.set_random_seed(0)
    return model(image_shape=(8, 8, 1), prior=prior, network_size=0.5, seed=0, **kwargs)


def linear_gaussian_vae(weights, noise_stddev, sharpen=1.0):
    """p(x) = N(0, W Wᵀ + σ² I) with orthogonal columns, so that the exact posterior is diagonal.

    The encoder is set to that posterior; `sharpen` scales its standard deviations away from it.
    """
    data_dim, latent_dim = weights.shape
    precision = 1.0 + np.sum(weights**2, axis=0) / noise_stddev**2
    x = keras.Input((data_dim,))
    heads = [layers.Dense(latent_dim, name=name)(x) for name in ("mean", "logvar")]
    encoder = keras.Model(x, heads)
    encoder.get_layer("mean").set_weights([weights / noise_stddev**2 / precision, np.zeros(latent_dim)])
    logvar = -np.log(precision) + 2.0 * np.log(sharpen)
    encoder.get_layer("logvar").set_weights([np.zeros((data_dim, latent_dim)), logvar])
    z = keras.Input((latent_dim,))
    decoder = keras.Model(z, layers.Dense(data_dim, use_bias=False, name="mean")(z))
    decoder.get_layer("mean").set_weights([weights.T])
    return vc.VAE(encoder=encoder, decoder=decoder, likelihood=vc.Gaussian(noise_stddev), seed=0)


@pytest.mark.parametrize("latent_dim", [1, 2, 4])
def test_linear_gaussian_elbo_meets_the_exact_marginal_likelihood_only_at_the_exact_posterior(latent_dim):
    columns, _ = np.linalg.qr(np.random.default_rng(latent_dim).normal(size=(6, latent_dim)))
    weights = columns * np.linspace(1.0, 2.0, latent_dim)
    covariance = weights @ weights.T + 0.5**2 * np.eye(6)
    x = stats.multivariate_normal.rvs(cov=covariance, size=400, random_state=0).astype("float32")
    exact = stats.multivariate_normal.logpdf(x, cov=covariance)
    # At the exact posterior every single sample gives log p(x): the estimate has no variance.
    np.testing.assert_allclose(linear_gaussian_vae(weights, 0.5).elbo(x, seed=0).elbo, exact, atol=2e-4)
    # Elsewhere the mean falls short of it by the KL between the two posteriors.
    for sharpen in (0.5, 1.5):
        gap = exact - linear_gaussian_vae(weights, 0.5, sharpen).elbo(x, seed=0).elbo
        expected = latent_dim * (0.5 * sharpen**2 - 0.5 - np.log(sharpen))
        assert gap.mean() == pytest.approx(expected, abs=4 * gap.std() / np.sqrt(len(x)))
        assert gap.mean() > 0


def test_sampled_kl_averages_to_the_closed_form():
    model = small(latent_dim=4)
    terms = model.elbo(np.repeat(IMAGES[:2], 20000, axis=0), seed=1)
    mean, logvar = model.encode(IMAGES[:2])
    closed_form = 0.5 * np.sum(mean**2 + np.exp(logvar) - 1 - logvar, axis=1)
    sampled = terms.kl.reshape(2, -1)
    error = sampled.std(axis=1) / np.sqrt(sampled.shape[1])
    assert np.all(np.abs(sampled.mean(axis=1) - closed_form) < 4 * error)


def test_hvae_terms_are_those_of_the_paper():
    """log q(z2|x) + log q(z1|x, z2) − log p(z1|z2) − log p(z2), put together from the networks by SciPy."""
    model = small(vc.HVAE, "vamp", latent_dim=4)

    def log_normal(z, mean, logvar):
        return stats.norm.logpdf(z, mean, np.exp(0.5 * ops.convert_to_numpy(logvar))).sum(axis=-1)

    def numpy(outputs):
        return [ops.convert_to_numpy(output).astype("float64") for output in outputs]

    x = ops.convert_to_tensor(IMAGES[:5])
    z, kl = (ops.convert_to_numpy(value) for value in model.draw(model.posterior(x), seed=3))
    z2, z1 = z[:, :2], z[:, 2:]
    q2 = numpy(model.encoder(x))
    q1 = numpy(model.lower_encoder([model.image_features(x), ops.convert_to_tensor(z2)]))
    p1 = numpy(model.conditional_prior(z2))
    means, logvars = numpy(model.encoder(IMAGES[:3]))
    components = [np.exp(log_normal(z2, *component)) for component in zip(means, logvars, strict=True)]
    log_p2 = np.log(np.mean(components, axis=0))
    expected = log_normal(z2, *q2) + log_normal(z1, *q1) - log_normal(z1, *p1) - log_p2
    np.testing.assert_allclose(kl, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.thorough
@pytest.mark.parametrize(("kind", "prior"), KINDS)
def test_save_and_load_give_the_same_model(kind, prior, tmp_path):
    model = small(kind, prior)
    model.compile(optimizer="adam")
    model.fit(IMAGES, epochs=1, batch_size=20, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for before, after in zip(model.elbo(IMAGES, seed=1), loaded.elbo(IMAGES, seed=1), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-6)
    np.testing.assert_allclose(loaded.sample(4, seed=1), model.sample(4, seed=1), rtol=1e-6, atol=1e-6)
    assert len(loaded.trainable_variables) == len(model.trainable_variables)
    loaded.fit(IMAGES, epochs=1, batch_size=20, verbose=0)  # the optimizer came along


def test_vamp_prior_shares_the_encoder_after_loading(tmp_path):
    model = small(prior="vamp")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.prior.encoder is loaded.encoder
    assert len({id(variable) for variable in loaded.variables}) == len(loaded.variables)
    z = np.zeros((1, 2), "float32")
    before = ops.convert_to_numpy(loaded.prior.log_prob(z))[0]
    bias = loaded.encoder.get_layer("mean").bias
    bias.assign(bias + 1.0)
    after = ops.convert_to_numpy(loaded.prior.log_prob(z))[0]
    assert after != pytest.approx(before, abs=1e-3)


@pytest.mark.parametrize(("kind", "prior"), KINDS)
def test_gradients_reach_every_weight(kind, prior):
    model = small(kind, prior, encoder_trunk=(8,), decoder_trunk=(8, 8))
    _, gradients = value_and_gradients(
        lambda: -ops.mean(model(ops.convert_to_tensor(IMAGES)).elbo), model.trainable_variables
    )
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert np.all(np.isfinite(gradient)), variable.path
        assert np.any(gradient != 0), variable.path


def test_training_raises_the_elbo_and_logs_its_terms():
    images = IMAGES * 0.2  # dark, which a fresh decoder does not expect
    model = small(prior="vamp")
    model.compile(optimizer=keras.optimizers.Adam(1e-2))
    before = vc.mean_elbo(model, images)["elbo"]
    history = model.fit(images, epochs=5, batch_size=20, validation_data=(images,), verbose=0).history
    assert vc.mean_elbo(model, images)["elbo"] > before + 1
    assert {"loss", "elbo", "reconstruction", "kl", "val_loss", "val_elbo"} <= set(history)
    np.testing.assert_allclose(history["loss"], -np.array(history["elbo"]), rtol=1e-5)
    evaluated = model.evaluate(images, batch_size=20, verbose=0, return_dict=True)
    assert evaluated["loss"] == pytest.approx(evaluated["kl"] - evaluated["reconstruction"], rel=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="PyTorch traces nothing, JAX once more for shapes")
def test_the_training_step_is_traced_once(monkeypatch):
    model, traced = small(), []
    call = model.call
    monkeypatch.setattr(model, "call", lambda *args, **kwargs: traced.append(1) or call(*args, **kwargs))
    model.compile(optimizer="adam")
    model.fit(IMAGES, epochs=2, batch_size=20, verbose=0)
    assert len(traced) == 1


def test_vamp_prior_by_name_starts_at_random_training_images():
    images = RNG.random((520, 8, 8, 1)).astype("float32")
    model = vc.VAE(image_shape=(8, 8, 1), prior="vamp", network_size=0.5, seed=0)
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    model.fit(images, epochs=1, batch_size=260, verbose=0)
    rows = {image.tobytes() for image in images}
    pseudo_inputs = ops.convert_to_numpy(model.prior.pseudo_inputs)
    assert len({image.tobytes() for image in pseudo_inputs}) == 500
    assert all(image.tobytes() in rows for image in pseudo_inputs)


def test_arrays_of_any_length_give_what_one_batch_gives():
    model = small(vc.HVAE, latent_dim=4)
    images = RNG.random((1203, 8, 8, 1)).astype("float32")
    mean, logvar = model.encode(images)
    assert mean.shape == logvar.shape == (1203, 4)
    whole_mean, _ = model.encode(ops.convert_to_tensor(images))
    np.testing.assert_allclose(mean, ops.convert_to_numpy(whole_mean), atol=1e-5)
    assert model.decode(mean).shape == model.reconstruct(images).shape == (1203, 8, 8, 1)
    # One stream of noise for all batches: the same image in two batches is given different noise.
    terms = model.elbo(np.repeat(images[:1], 501, axis=0), seed=0)
    assert terms.kl[0] != terms.kl[500]


def test_reconstructions_and_samples_are_images():
    for kind, prior in KINDS:
        model = small(kind, prior)
        samples = model.sample(7, seed=0)
        assert samples.shape == (7, 8, 8, 1)
        np.testing.assert_array_equal(samples, model.sample(7, seed=0))
        assert np.all((samples >= 0) & (samples <= 1))
        np.testing.assert_allclose(
            model.reconstruct(IMAGES[:2]),
            1 / (1 + np.exp(-model.decode(model.encode(IMAGES[:2])[0]))),
            atol=1e-6,
        )


def test_noisy_samples_have_the_covariance_of_the_data_that_the_model_describes():
    weights = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 2)))[0] * [1.0, 2.0]
    model, n = linear_gaussian_vae(weights, 0.5), 20_000
    for noise, variance in ((False, 0.0), (True, 0.5**2)):
        samples = model.sample(n, seed=0, noise=noise)
        np.testing.assert_array_equal(samples, model.sample(n, seed=0, noise=noise))
        expected = weights @ weights.T + variance * np.eye(3)
        np.testing.assert_allclose(np.cov(samples.T), expected, atol=5 * np.sqrt(2 / n) * expected.max())


@pytest.mark.parametrize("kind", [vc.VAE, vc.HVAE])
def test_noisy_samples_are_data_that_the_model_can_score(kind):
    model = small(kind, "vamp")
    ink = model.sample(501, seed=0, noise=True)
    assert ink.shape == (501, 8, 8, 1) and ink.dtype == "float32" and set(np.unique(ink)) == {0, 1}
    assert abs((ink - model.sample(501, seed=0)).mean()) < 5 * 0.5 / np.sqrt(ink.size)  # of the same latents
    assert np.all(np.isfinite(model.elbo(ink).elbo))


def test_a_likelihood_that_cannot_draw_says_so():
    class Half(vc.likelihoods.Likelihood):
        def mean(self, output):
            return output / 2

    model = small(likelihood=Half())
    assert model.sample(2).shape == (2, 8, 8, 1)
    with pytest.raises(NotImplementedError, match="Half does not say how to draw data"):
        model.sample(2, noise=True)


def test_samples_come_from_the_models_own_prior():
    model = small(prior="vamp")
    mean_head = model.encoder.get_layer("mean")
    mean_head.set_weights([np.zeros_like(mean_head.get_weights()[0]), np.array([30.0, -30.0])])
    z = ops.convert_to_numpy(model.ancestral(50, seed=0))
    assert np.all(np.abs(z - [30.0, -30.0]) < 15)  # a standard normal would stay near the origin


def test_own_networks_prior_and_likelihood(tmp_path):
    """A table of seven columns, a Gaussian likelihood and a VampPrior without limits: not about pictures."""
    table = RNG.normal(size=(60, 7)).astype("float32") * 3
    x, z = keras.Input((7,)), keras.Input((3,))
    hidden = layers.Dense(16, "relu")(x)
    encoder = keras.Model(x, [layers.Dense(3)(hidden), layers.Dense(3)(hidden)])
    decoder = keras.Model(z, layers.Dense(14)(layers.Dense(16, "relu")(z)))
    model = vc.VAE(
        encoder=encoder,
        decoder=decoder,
        likelihood="learned_gaussian",
        prior=vc.VampPrior(5),
    )
    model.compile(optimizer="adam")
    model.fit(table, epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.elbo(table, seed=0).elbo, model.elbo(table, seed=0).elbo, rtol=1e-5)
    assert model.sample(4).shape == (4, 7)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_keeps_densities_in_float32(policy):
    exact = small(prior="vamp")
    keras.config.set_dtype_policy(policy)
    try:
        model = small(prior="vamp")
    finally:
        keras.config.set_dtype_policy("float32")
    model.set_weights(exact.get_weights())
    terms = model.elbo(ops.convert_to_tensor(IMAGES), seed=0)
    assert {keras.backend.standardize_dtype(term.dtype) for term in terms} == {"float32"}
    expected = exact.elbo(IMAGES, seed=0).elbo
    np.testing.assert_allclose(ops.convert_to_numpy(terms.elbo), expected, rtol=0.02)
    if policy == "mixed_bfloat16":
        model.compile(optimizer="adam")
        history = model.fit(IMAGES, epochs=3, batch_size=20, verbose=0).history
        assert history["loss"][-1] < history["loss"][0]


def test_kl_warm_up_weights_the_kl_in_training_only():
    betas = []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: betas.append(model.kl_weight))
    model = small()
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    history = model.fit(
        IMAGES, epochs=3, verbose=0, validation_data=(IMAGES,), callbacks=[vc.KLWarmup(2), watch]
    ).history
    assert betas == [0.5, 1.0, 1.0] and model.beta.numpy() == 1
    assert history["loss"][0] == pytest.approx(0.5 * history["kl"][0] - history["reconstruction"][0], rel=1e-5)
    assert history["val_loss"][0] == pytest.approx(-history["val_elbo"][0], rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(latent_dim=0), "latent_dim is 0"),
        (dict(prior="vampire"), "prior is 'vampire'.*standard, mog, vamp"),
        (dict(prior=3), "prior is 3"),
        (dict(likelihood="poisson"), "likelihood is 'poisson'"),
        (dict(activation="rellu"), "activation is 'rellu'"),
        (dict(image_shape=(30, 30, 1)), r"image_shape is \(30, 30, 1\)"),
        (dict(network_size=0.01), "network_size is 0.01"),
    ],
)
def test_arguments_that_cannot_work_are_named(arguments, message):
    with pytest.raises(vc.InputError, match=message):
        vc.VAE(**arguments)


def test_odd_latents_of_an_hvae_and_networks_that_do_not_fit_are_named():
    with pytest.raises(vc.InputError, match="latent_dim is 3.*even"):
        vc.HVAE(latent_dim=3)
    decoder = vc.VAE(latent_dim=4, network_size=1).decoder
    with pytest.raises(vc.InputError, match=r"decoder takes \(B, 4\), but the encoder gives \(B, 2\): make"):
        vc.VAE(latent_dim=2, network_size=1, decoder=decoder)
    with pytest.raises(vc.InputError, match="LearnedGaussian likelihood"):
        vc.VAE(latent_dim=4, network_size=1, decoder=decoder, likelihood="learned_gaussian")


def test_sizes_may_be_numpys_integers(tmp_path):
    model = vc.VAE(image_shape=tuple(np.array(IMAGES.shape[1:])), latent_dim=np.int64(3), network_size=0.5)
    model.save(tmp_path / "model.keras")
    assert keras.saving.load_model(tmp_path / "model.keras").latent_dim == 3
    assert vc.HVAE(image_shape=list(np.array(IMAGES.shape[1:])), network_size=0.5).data_shape == (8, 8, 1)


def test_nested_lists_are_as_good_as_arrays():
    model = small(prior="vamp")
    model.compile(optimizer="adam")
    nested = IMAGES.tolist()
    history = model.fit(nested, validation_data=nested, verbose=0).history
    assert np.isfinite(history["val_loss"]).all()
    np.testing.assert_array_equal(model.elbo(nested, seed=0).elbo, model.elbo(IMAGES, seed=0).elbo)
    assert model.decode([[0, 1]]).shape == (1, 8, 8, 1)
    ragged = [nested[0], nested[1][:4]]
    for attempt in (model.fit, model.elbo, model.encode):
        with pytest.raises(vc.InputError, match="one array"):
            attempt(ragged)
    with pytest.raises(vc.InputError, match="one array"):
        model.decode([[0, 1], [0]])


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.full((4, 8, 8, 1), np.nan, "float32"), "256 NaN"),
        (np.full((4, 8, 8, 1), 255.0, "float32"), "divide by 255"),
        (np.zeros((4, 8, 8), "float32"), r"images\[..., None\]"),
        (np.zeros((4, 12, 12, 1), "float32"), r"\(8, 8, 1\)"),
    ],
)
def test_fit_refuses_images_it_cannot_score(images, message):
    model = small()
    model.compile(optimizer="adam")
    with pytest.raises(vc.InputError, match=message):
        model.fit(images, verbose=0)
    with pytest.raises(vc.InputError, match=message):
        model.fit(IMAGES, validation_data=(images,), verbose=0)


def test_fit_on_batches_starts_pseudo_inputs_and_refuses_data_that_can_be_read_once():
    class TwoBatches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return (IMAGES[20 * index : 20 * index + 20],)

    def model():
        model = vc.VAE(image_shape=(8, 8, 1), prior=vc.VampPrior(30), network_size=0.5)
        model.compile(optimizer="adam")
        return model

    started = model()
    started.fit(TwoBatches(), epochs=1, verbose=0)
    assert np.any(ops.convert_to_numpy(started.prior.pseudo_inputs))
    with pytest.raises(vc.InputError, match="only once"):
        model().fit((batch for batch in [IMAGES]), verbose=0)
    with pytest.raises(vc.InputError, match="30 pseudo-inputs but only 20"):
        model().fit(IMAGES[:20], verbose=0)


@pytest.mark.thorough
def test_evaluation_of_arrays_encodes_the_pseudo_inputs_once_and_averages_over_samples():
    model = small(prior="vamp")
    encoded = []
    components = model.prior.components
    model.prior.components = lambda: encoded.append(1) or components()
    images = np.concatenate([IMAGES] * 30)  # three batches
    terms = model.elbo(images, samples=2, seed=0)
    assert len(encoded) == 1
    one_by_one = model.elbo(IMAGES, samples=400, seed=0)
    spread = model.elbo(np.repeat(IMAGES[:1], 400, axis=0), seed=1).elbo
    assert one_by_one.elbo[0] == pytest.approx(spread.mean(), abs=5 * spread.std() / np.sqrt(200))
    assert terms.elbo.shape == (1200,)
    # Outside of an evaluation the prior follows its encoder at once.
    before = ops.convert_to_numpy(model.prior.log_prob(np.zeros((1, 2), "float32")))[0]
    bias = model.encoder.get_layer("mean").bias
    bias.assign(bias + 1.0)
    assert ops.convert_to_numpy(model.prior.log_prob(np.zeros((1, 2), "float32")))[0] != before


@pytest.mark.parametrize("likelihood", [vc.Gaussian(0.3), vc.LearnedGaussian(), vc.DiscretizedLogistic()])
def test_every_likelihood_is_saved_with_its_model(likelihood, tmp_path):
    model = vc.VAE(image_shape=(8, 8, 1), network_size=0.5, likelihood=likelihood)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.elbo(IMAGES, seed=0).elbo, model.elbo(IMAGES, seed=0).elbo, rtol=1e-5)


def test_methods_on_arrays_check_them():
    model = small()
    for method in (model.encode, model.elbo, model.reconstruct):
        with pytest.raises(vc.InputError, match="divide by 255"):
            method(IMAGES * 255)
    with pytest.raises(vc.InputError, match=r"latents have shape \(3, 5\).*\(N, 2\)"):
        model.decode(np.zeros((3, 5)))
    with pytest.raises(vc.InputError, match="epochs is 0"):
        vc.KLWarmup(0)


def test_log_prior_is_that_of_all_levels():
    model, z = small(vc.HVAE, "vamp"), np.random.default_rng(0).normal(size=(5, 2)).astype("float32")
    z2, z1 = z[:, :1], z[:, 1:]
    mean, logvar = map(ops.convert_to_numpy, model.conditional_prior(z2))
    upper = ops.convert_to_numpy(model.prior.log_prob(ops.convert_to_tensor(z2)))
    lower = stats.norm.logpdf(z1, mean, np.exp(logvar / 2))[:, 0]
    assert model.log_prior(z) == pytest.approx(upper + lower, abs=1e-4)
    assert small().log_prior(z) == pytest.approx(stats.norm.logpdf(z).sum(axis=1), abs=1e-4)
