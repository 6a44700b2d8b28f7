"""The importance-weighted bound as the training objective (Burda et al. 2016)."""

import keras
import numpy as np
import pytest
from gradients import value_and_gradients
from keras import layers, ops
from references import assert_close, central_differences, mixture_logpdf, normal_logpdf
from scipy import special

import vamp_core as vc

RNG = np.random.default_rng(0)
IMAGES = RNG.random((12, 8, 8, 1)).astype("float32")
KINDS = [(model, prior) for model in (vc.VAE, vc.HVAE) for prior in ("standard", "mog", "vamp", "vamp_data")]


def small(model=vc.VAE, prior="standard", samples=1):
    """A model of 8×8 images, compiled so that nothing moves; with three components where the prior is a mixture."""
    if prior.startswith("vamp"):
        prior = vc.VampPrior(pseudo_inputs=IMAGES[:3], trainable=prior == "vamp")
    elif prior == "mog":
        prior = vc.MixtureOfGaussians(3, seed=0)
    keras.utils.set_random_seed(0)
    model = model(image_shape=(8, 8, 1), prior=prior, network_size=0.5, seed=0)
    model.compile(optimizer=keras.optimizers.SGD(0.0), iwae_samples=samples)
    return model


def training_loss(model, images=IMAGES):
    x = ops.convert_to_tensor(images)
    return model.compute_loss(x, y_pred=model(x, training=True))


def test_terms_become_the_bound():
    """−log 1/K Σ_k exp(reconstruction_k − β · kl_k) by SciPy; with one sample the terms themselves."""
    reconstruction, kl = RNG.normal(size=(2, 4 * 3)).astype("float32") * 20 - 100
    terms = vc.ElboTerms(ops.convert_to_tensor(reconstruction), ops.convert_to_tensor(kl))
    for beta in (1.0, 0.3):
        log_weights = (reconstruction - beta * kl).reshape(4, 3)
        assert_close(terms.loss(beta, 3), np.log(3) - special.logsumexp(log_weights, axis=1))
        assert_close(terms.loss(beta), -log_weights.ravel())


@pytest.mark.parametrize(("kind", "prior"), KINDS)
def test_one_sample_is_the_elbo(kind, prior):
    model, twin = small(kind, prior), small(kind, prior)
    elbo = twin(ops.convert_to_tensor(IMAGES)).elbo  # the same noise, the first of the model's own stream
    assert float(training_loss(model)) == pytest.approx(-float(ops.mean(elbo)), rel=1e-6)  # float32 under JAX rounds


@pytest.mark.parametrize(
    ("kind", "prior"),
    [pytest.param(*kind, marks=() if kind[1] in ("standard", "vamp") else pytest.mark.thorough) for kind in KINDS],
)
def test_the_loss_falls_with_the_samples_and_every_weight_has_a_gradient(kind, prior):
    images, losses = np.repeat(IMAGES, 100, axis=0), []
    for samples in (1, 4, 16):
        model = small(kind, prior, samples)
        kernel = model.decoder.get_layer("logits").kernel
        kernel.assign(100 * kernel)  # untrained, latents make too little difference to see more than noise
        losses.append(float(training_loss(model, images)))
    assert np.all(np.diff(losses) < 0), losses
    model = small(kind, prior, 5)
    _, gradients = value_and_gradients(lambda: training_loss(model), model.trainable_variables)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert np.all(np.isfinite(gradient)) and np.any(gradient != 0), variable.path


@pytest.mark.parametrize("prior", ["standard", "vamp"])
def test_gradients_are_those_of_finite_differences(prior):
    """A linear VAE of three values and two latents: the objective once more in NumPy, in float64."""
    x, u = RNG.normal(size=(4, 3)), RNG.normal(size=(2, 3))
    k, noise = 6, RNG.normal(size=(4 * 6, 2))

    inputs, z = keras.Input((3,)), keras.Input((2,))
    mean, logvar, output = layers.Dense(2), layers.Dense(2), layers.Dense(3)
    pseudo = vc.VampPrior(pseudo_inputs=u, value_range=None)
    model = vc.VAE(
        encoder=keras.Model(inputs, [mean(inputs), logvar(inputs)]), decoder=keras.Model(z, output(z)),
        likelihood=vc.Gaussian(0.6), prior=pseudo if prior == "vamp" else prior,
    )  # fmt: skip
    variables = [mean.kernel, mean.bias, logvar.kernel, logvar.bias, output.kernel, output.bias]
    variables += [pseudo.pseudo_inputs] if prior == "vamp" else []
    values = [ops.convert_to_numpy(variable).astype("float64") for variable in variables]
    splits = np.cumsum([value.size for value in values])[:-1]

    def in_numpy(flat):
        parts = [part.reshape(v.shape) for part, v in zip(np.split(flat, splits), values, strict=True)]
        w_mean, b_mean, w_logvar, b_logvar, w, b, *start = parts
        means, logvars = (np.repeat(x @ w + b, k, axis=0) for w, b in ((w_mean, b_mean), (w_logvar, b_logvar)))
        z = means + np.exp(logvars / 2) * noise
        log_p = normal_logpdf(z, 0.0, 0.0)
        if start:
            log_p = mixture_logpdf(z, start[0] @ w_mean + b_mean, start[0] @ w_logvar + b_logvar)
        log_px = normal_logpdf(np.repeat(x, k, axis=0), z @ w + b, 2 * np.log(0.6))
        log_weights = (log_px + log_p - normal_logpdf(z, means, logvars)).reshape(4, k)
        return np.mean(np.log(k) - special.logsumexp(log_weights, axis=1))

    def objective():
        data = ops.convert_to_tensor(x.astype("float32"))
        given = ops.convert_to_tensor(noise.astype("float32"))
        return ops.mean(model.terms(data, model.posterior(data), lambda shape: given, k).loss(1.0, k))

    loss, gradients = value_and_gradients(objective, variables)
    flat = np.concatenate([value.ravel() for value in values])
    assert loss == pytest.approx(in_numpy(flat), rel=1e-5)
    found = np.concatenate([gradient.ravel() for gradient in gradients])
    np.testing.assert_allclose(found, central_differences(in_numpy, flat), rtol=1e-3, atol=1e-4)


def test_the_encoder_runs_once_and_noise_differs_between_samples(monkeypatch):
    model, seen = small(samples=7), []
    posterior = model.posterior
    monkeypatch.setattr(model, "posterior", lambda x: seen.append(len(x)) or posterior(x))
    terms = model(ops.convert_to_tensor(IMAGES), training=True)
    assert seen == [12]
    assert len(np.unique(ops.convert_to_numpy(terms.kl))) == 12 * 7
    assert model(ops.convert_to_tensor(IMAGES)).kl.shape == (12,)


def test_validation_stays_with_the_elbo_and_warm_up_goes_with_the_samples():
    model = small(samples=8)
    history = model.fit(
        IMAGES, epochs=2, verbose=0, validation_data=(IMAGES,), callbacks=[vc.KLWarmup(2)]
    ).history  # fmt: skip
    np.testing.assert_allclose(history["val_loss"], -np.array(history["val_elbo"]), rtol=1e-6)
    assert history["loss"][1] < -history["elbo"][1]
    elbo_at_half = 0.5 * history["kl"][0] - history["reconstruction"][0]
    assert history["loss"][0] < elbo_at_half
    assert model.evaluate(IMAGES, verbose=0, return_dict=True)["loss"] == pytest.approx(
        history["val_loss"][1], rel=0.02
    )


def test_the_objective_is_saved_with_the_model(tmp_path, recwarn):
    model = small(samples=3)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.iwae_samples == 3
    assert not [warning for warning in recwarn if "compile" in str(warning.message)]
    loaded.fit(IMAGES, verbose=0)
    fresh = vc.VAE(image_shape=(8, 8, 1), network_size=0.5)  # never compiled
    fresh.save(tmp_path / "fresh.keras")
    assert keras.saving.load_model(tmp_path / "fresh.keras").iwae_samples == 1


def test_no_sample_is_refused():
    with pytest.raises(vc.InputError, match="iwae_samples is 0"):
        small(samples=0)
