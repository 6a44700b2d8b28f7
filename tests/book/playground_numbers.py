"""The playground's training in Chromium against vamp_core's: losses, gradients, optimizer, and the numbers on its page.

    pip install playwright
    python -m pytest -rs tests/book/playground_numbers.py      CHROMIUM names another browser

It needs no built book: the scripts are run from where they are written.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

import vamp_core as vc
from vamp_core.density.distributions import normal_log_prob

pytest_plugins = ["playground_page"]

BATCH, COMPONENTS, WIDTH, DEPTH = 128, 50, 32, 2
SIZES = {"width": WIDTH, "depth": DEPTH, "components": COMPONENTS}
PRIORS = ["standard", "mixture", "vamp", "fixed"]

MODEL = """({data, prior, seed, width, depth, components}) => {
    window.data = Playground.dataSet(data);
    const random = new Playground.Random(seed);
    window.model = new Playground.Model({...window.data, width, depth}, random);
    model.usePrior(Playground.PRIORS[prior](components, random, window.data));
    // Away from biases of zero and variances of one.
    for (const {values} of [model.encoder, model.decoder, ...(prior === "mixture" ? [model.prior] : [])]) {
        values.forEach((value, i) => { values[i] = value + 0.05 * random.normal(); });
    }
    model.prior.constrain();
    model.refreshPrior();
    return given();
}"""

GIVEN = """window.given = () => {
    const layers = network => network.layers.map(({inputs, outputs, kernel, bias}) =>
        ({inputs, outputs, kernel: Array.from(kernel), bias: Array.from(bias)}));
    return {
        size: window.data.size, points: Array.from(window.data.points), stddev: window.data.likelihood.stddev ?? null,
        encoder: layers(model.encoder), decoder: layers(model.decoder),
        values: Array.from(model.prior.values), pseudo: model.prior.pseudo && Array.from(model.prior.pseudo),
    };
}"""

GRADIENTS = """({noise, beta, rows}) => {
    const {loss, reconstruction, kl} = model.lossAndGradients(data.points, rows, Float64Array.from(noise), beta);
    const layers = network => network.layers.flatMap(({gradients}) =>
        [Array.from(gradients.kernel), Array.from(gradients.bias)]);
    return {loss, reconstruction, kl, gradients:
        [...layers(model.encoder), ...layers(model.decoder), Array.from(model.prior.gradients)]};
}"""


@pytest.fixture(scope="module")
def page(engine):
    engine.add_script_tag(content=GIVEN)
    return engine


def dense(inputs, layers, heads=False):
    """The page's layers as Keras ones; the last one's two heads are returned as vamp_core makes them."""
    values = inputs
    for layer in layers[:-1]:
        values = keras.layers.Dense(layer["outputs"], activation="relu")(values)
    if heads:
        outputs = vc.networks.normal_heads(values, 2, (-12.0, 4.0))
    else:
        outputs = keras.layers.Dense(layers[-1]["outputs"])(values)
    model = keras.Model(inputs, outputs)
    given = [np.reshape(values, shape) for layer in layers for values, shape in (
        (layer["kernel"], (layer["inputs"], -1)), (layer["bias"], (1, -1)))]  # fmt: skip
    if heads:
        *given, kernel, bias = given
        given += [kernel[:, :2], bias[:, :2], kernel[:, 2:], bias[:, 2:]]
    for variable, value in zip(in_order(model), given, strict=True):
        variable.assign(np.reshape(value, variable.shape))
    return model


def in_order(network):
    """Kernels and biases from the first layer to the last, of two heads the mean's before the log-variance's."""
    layers = [layer for layer in network.layers if layer.weights]
    layers.sort(key=lambda layer: ("mean", "logvar").index(layer.name) if layer.name in ("mean", "logvar") else -1)
    return [variable for layer in layers for variable in (layer.kernel, layer.bias)]


def keras_model(given, prior):
    """vamp_core's VAE with the weights of the page's model."""
    shape = (given["size"],)
    if prior == "standard":
        chosen = vc.StandardNormal()
    elif prior == "mixture":
        chosen = vc.MixtureOfGaussians(COMPONENTS)
    else:
        pseudo_inputs = np.reshape(given["pseudo"], (COMPONENTS, *shape))
        chosen = vc.VampPrior(pseudo_inputs=pseudo_inputs, trainable=prior == "vamp")
    model = vc.VAE(
        encoder=dense(keras.Input(shape), given["encoder"], heads=True),
        decoder=dense(keras.Input((2,)), given["decoder"]),
        likelihood=vc.Gaussian(given["stddev"]) if given["stddev"] else vc.Bernoulli(),
        prior=chosen,
    )
    if prior == "mixture":
        means, logvars = np.reshape(given["values"], (2, COMPONENTS, 2))
        model.prior.means.assign(means)
        model.prior.logvars.assign(logvars)
    return model


def points_of(given, rows):
    return np.reshape(given["points"], (-1, given["size"]))[:rows].astype("float32")


def loss_and_gradients(model, x, noise, beta):
    """(loss, gradients as the page orders them) by vamp_core's terms and TensorFlow's gradients."""
    with tf.GradientTape() as tape:
        terms = model.terms(tf.constant(x), model.posterior(tf.constant(x)), lambda shape: tf.constant(noise))
        loss = tf.reduce_mean(terms.loss(beta))
    own = [getattr(model.prior, name, None) for name in ("means", "logvars", "pseudo_inputs")]
    prior = [variable for variable in own if variable is not None and variable.trainable]
    groups = (in_order(model.encoder), in_order(model.decoder), prior)
    found = tape.gradient(loss, [[variable.value for variable in group] for group in groups])
    of_encoder, of_decoder, of_prior = [[tf.convert_to_tensor(g).numpy() for g in group] for group in found]
    *hidden, mean, mean_bias, logvar, logvar_bias = of_encoder
    heads = [np.concatenate([mean, logvar], axis=1), np.concatenate([mean_bias, logvar_bias])]
    return float(loss), [*hidden, *heads, *of_decoder, np.concatenate([g.ravel() for g in of_prior] or [[]])]


def standard_noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


@pytest.mark.parametrize("data", ["moons", "digits"])
@pytest.mark.parametrize("prior", PRIORS)
def test_loss_and_gradients_are_those_of_vamp_core(page, data, prior):
    given = page.evaluate(MODEL, {"data": data, "prior": prior, "seed": 3, **SIZES})
    noise, beta = standard_noise(BATCH, 2), 0.7
    found = page.evaluate(GRADIENTS, {"noise": noise.ravel().tolist(), "beta": beta, "rows": BATCH})
    loss, gradients = loss_and_gradients(keras_model(given, prior), points_of(given, BATCH), noise, beta)
    assert found["loss"] == pytest.approx(loss, rel=1e-5)
    assert len(found["gradients"]) == len(gradients)
    for own, theirs in zip(found["gradients"], gradients, strict=True):
        # Relative to a layer's largest gradient: vamp_core sums in float32, the page in float64.
        np.testing.assert_allclose(own, theirs.ravel(), atol=1e-5 * max(1, np.abs(theirs).max(initial=0)))


@pytest.mark.parametrize("prior", PRIORS)
def test_gradients_are_finite_differences(page, prior):
    page.evaluate(MODEL, {"data": "pinwheel", "prior": prior, "seed": 5, **SIZES})
    noise = standard_noise(16, 2).ravel().tolist()
    worst = page.evaluate(
        """noise => {
            noise = Float64Array.from(noise);
            const loss = () => model.lossAndGradients(data.points, 16, noise, 1.3).loss;
            loss();
            let worst = 0;
            for (const part of [model.encoder, model.decoder, model.prior]) {
                const gradients = part.gradients.slice();
                for (let i = 0; i < part.values.length; i += 7) {
                    const kept = part.values[i], h = 1e-6;
                    const at = value => { part.values[i] = value; model.prior.constrain(); return loss(); };
                    const difference = (at(kept + h) - at(kept - h)) / (2 * h);
                    at(kept);
                    worst = Math.max(worst, Math.abs(difference - gradients[i]) / (1 + Math.abs(gradients[i])));
                }
            }
            return worst;
        }""",
        noise,
    )
    assert worst < 1e-5


def test_a_log_variance_beyond_its_ends_is_only_pulled_back(page):
    given = page.evaluate(MODEL, {"data": "moons", "prior": "vamp", "seed": 3, **SIZES})
    # Biases of the log-variance's heads far beyond either end: one row of weights, two latents.
    page.evaluate("model.encoder.layers.at(-1).bias.set([0, 0, 9, -20])")
    given["encoder"][-1]["bias"] = [0, 0, 9, -20]
    noise = standard_noise(BATCH, 2)
    found = page.evaluate(GRADIENTS, {"noise": noise.ravel().tolist(), "beta": 1, "rows": BATCH})
    loss, gradients = loss_and_gradients(keras_model(given, "vamp"), points_of(given, BATCH), noise, 1)
    assert found["loss"] == pytest.approx(loss, rel=1e-5)
    heads = 2 * DEPTH + 1
    assert gradients[heads][2:].any(), "something pulls"
    scale = np.abs(gradients[heads]).max()
    np.testing.assert_allclose(found["gradients"][heads], gradients[heads], atol=1e-5 * scale)


def test_adam_is_keras_adam_over_100_steps(page):
    rng = np.random.default_rng(1)
    start, gradients = rng.normal(size=40), rng.normal(size=(100, 40)) * np.geomspace(1e-6, 1e3, 40)
    given = {"start": start.tolist(), "gradients": gradients.tolist()}
    found = page.evaluate(
        """({start, gradients}) => {
            const values = Float64Array.from(start), adam = new Playground.Adam(values.length);
            for (const g of gradients) adam.step(values, g, 0.01);
            return Array.from(values);
        }""",
        given,
    )
    variable = keras.Variable(start, dtype="float32")
    optimizer = keras.optimizers.Adam(0.01)
    for gradient in gradients.astype("float32"):
        optimizer.apply([tf.constant(gradient)], [variable])
    np.testing.assert_allclose(found, np.asarray(variable), atol=1e-5)


def test_the_numbers_on_the_page_are_vamp_cores(page):
    """Reconstruction and both parts of the KL at the page's own noise; active units; holes from the prior's draws."""
    given = page.evaluate(MODEL, {"data": "rings", "prior": "vamp", "seed": 3, **SIZES})
    found = page.evaluate(
        """() => {
            const now = Playground.measure(model, data);
            return {...now, samples: now.samples.map(({z, hole}) => [...z, +hole]),
                noise: Live.fixedNoise(data.count), posterior: null};
        }"""
    )
    model, x = keras_model(given, "vamp"), points_of(given, None)
    noise = np.array(found["noise"], "float32")
    terms = model.terms(tf.constant(x), model.posterior(tf.constant(x)), lambda shape: tf.constant(noise))
    assert found["reconstruction"] == pytest.approx(np.mean(terms.reconstruction), rel=1e-5)
    assert found["kl"] == pytest.approx(np.mean(terms.kl), abs=1e-5)
    means, logvars = model.encode(x)
    z = means + np.exp(0.5 * logvars) * noise
    aggregate = vc.aggregate_posterior(model, x)
    information = np.asarray(normal_log_prob(z, means, logvars)) - aggregate.log_prob(z)
    assert found["information"] == pytest.approx(information.mean(), abs=1e-5)
    assert found["misfit"] == pytest.approx(np.mean(aggregate.log_prob(z) - model.log_prior(z)), abs=1e-5)
    draws = np.array(found["samples"], "float32")
    depth = model.log_prior(draws[:, :2]) - aggregate.log_prob(draws[:, :2])
    assert found["holes"] == draws[:, 2].mean() == np.mean(depth > 2)
    _, prior_logvars = map(np.asarray, model.prior.components())
    prior_means = np.asarray(model.prior.components()[0])
    variance = np.exp(prior_logvars).mean(axis=0) + prior_means.var(axis=0)
    assert found["active"] == vc.active_units(model, x, 0.01 * variance).sum()
    assert found["scale"] == pytest.approx(np.sqrt(means.var(axis=0).mean()), rel=1e-4)


SETTINGS = {"data": "moons", "prior": "mixture", "k": 50, "beta": 1, "warmup": 0, "width": 32, "depth": 2}
SETTINGS |= {"rate": 0.003, "seed": 1}
TRAIN = """settings => {
    const training = new Playground.Training(settings);
    while (training.steps < 500) training.step();
    window.data = training.data;
    window.model = training.model;
    return given();
}"""


def test_the_three_likelihoods_are_vamp_cores(page):
    """The grid's integral, which needs no encoder, against vamp_core's adaptive quadrature."""
    given = page.evaluate(TRAIN, SETTINGS)
    found = page.evaluate("Playground.likelihoods(model, data)")
    model, x = keras_model(given, "mixture"), points_of(given, None)[::10]
    truth = np.mean(vc.quadrature_log_likelihood(model, x, verbose=0).estimate)
    assert found["truth"] == pytest.approx(truth, abs=0.01)
    importance = np.mean(vc.log_likelihood(model, x, samples=100, seed=0, verbose=0).estimate)
    assert found["estimate"] == pytest.approx(importance, abs=4 * found["error"])
    assert found["elbo"] == pytest.approx(vc.mean_elbo(model, x, samples=100, seed=0)["elbo"], abs=0.05)
