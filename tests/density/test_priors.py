"""Priors: density and sampler against each other and SciPy, and what becomes of the pseudo-inputs."""

import keras
import numpy as np
import pytest
from gradients import value_and_gradients
from keras import layers, ops
from references import assert_close, assert_samples_fit, central_differences, mixture_logpdf, normal_logpdf

import vamp_core as vc
from vamp_core.density.likelihoods import LIKELIHOODS
from vamp_core.density.priors import MixtureOfGaussians, StandardNormal
from vamp_core.density.vamp_prior import PRIORS, VampPrior
from vamp_core.errors import InputError

DATA = np.random.default_rng(0).uniform(size=(12, 4)).astype("float32")
Z = np.random.default_rng(1).normal(size=(6, 2)).astype("float32")
MEANS, LOGVARS = [[-3, 1], [2, 2], [0, -4]], [[-1, 1], [0.5, -2], [-2, 0]]  # of three components


def small_encoder():
    """An encoder of four-dimensional data whose posteriors differ from one another in place and width."""
    x = keras.Input((4,))
    hidden = layers.Dense(8, activation="tanh")(x)
    encoder = keras.Model(x, [layers.Dense(2)(hidden), layers.Dense(2)(hidden)])
    rng = np.random.default_rng(0)
    encoder.set_weights([rng.normal(scale=0.7, size=weight.shape) for weight in encoder.get_weights()])
    return encoder


def posteriors(encoder, data):
    """What the encoder computes, by hand in float64: means and log-variances, (K, 2) each."""
    first, first_bias, *heads = (weight.astype("float64") for weight in encoder.get_weights())
    hidden = np.tanh(data @ first + first_bias)
    return hidden @ heads[0] + heads[1], hidden @ heads[2] + heads[3]


def connected(prior):
    prior.connect(2, small_encoder(), (4,), (0.0, 1.0))
    return prior


def mixture_of_gaussians():
    prior = connected(MixtureOfGaussians(3, seed=0))
    prior.means.assign(MEANS)
    prior.logvars.assign(LOGVARS)
    return prior


MAKERS = {
    "standard": lambda: connected(StandardNormal()),
    "mog": mixture_of_gaussians,
    "vamp": lambda: connected(VampPrior(pseudo_inputs=DATA[:3])),
}
all_priors = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def small_vae(prior, likelihood="bernoulli"):
    z = keras.Input((2,))
    decoder = keras.Model(z, layers.Dense(4)(z))
    return vc.VAE(encoder=small_encoder(), decoder=decoder, prior=prior, likelihood=likelihood, seed=0)


def fitted(model, optimizer):
    model.compile(optimizer=optimizer)
    model.fit(DATA, epochs=3, batch_size=6, verbose=0)
    return model


# -- densities and samplers -------------------------------------------------------------


def test_standard_normal_is_scipys():
    assert_close(MAKERS["standard"]().log_prob(Z), normal_logpdf(Z, 0.0, 0.0))


def test_mixture_of_gaussians_is_scipys():
    assert_close(mixture_of_gaussians().log_prob(Z), mixture_logpdf(Z, MEANS, LOGVARS))


@pytest.mark.parametrize("num_components", [1, 3, 12])
def test_vamp_prior_is_the_mixture_of_the_encoders_posteriors(num_components):
    prior = connected(VampPrior(pseudo_inputs=DATA[:num_components]))
    assert prior.num_components == num_components
    components = posteriors(prior.encoder, DATA[:num_components])
    assert_close(prior.log_prob(Z), mixture_logpdf(Z, *components))
    if num_components == 1:
        assert_close(prior.log_prob(Z), normal_logpdf(Z, *components))


@all_priors
def test_density_and_sampler_agree(make):
    prior = make()
    assert_samples_fit(prior.log_prob, prior.sample(20_000, seed=0))


@all_priors
def test_an_integer_seed_repeats_samples_and_none_does_not(make):
    prior, generator = make(), keras.random.SeedGenerator(3)

    def draw(seed):
        return ops.convert_to_numpy(prior.sample(5, seed=seed))

    assert np.array_equal(draw(3), draw(3))
    assert not np.any(draw(4) == draw(3)) and not np.any(draw(None) == draw(3))
    assert not np.any(draw(None) == draw(None))
    assert not np.any(draw(generator) == draw(generator))


@all_priors
def test_priors_stay_in_float32_under_mixed_precision(make):
    keras.config.set_dtype_policy("mixed_bfloat16")
    prior = make()
    assert {prior.compute_dtype, *(weight.dtype for weight in prior.weights)} == {"float32"}
    dtypes = {keras.backend.standardize_dtype(a.dtype) for a in (prior.log_prob(Z), prior.sample(2, seed=0))}
    assert dtypes == {"float32"}


def test_mixture_of_gaussians_starts_at_draws_from_the_standard_normal():
    prior = connected(MixtureOfGaussians(4000, seed=0))
    means, logvars = ops.convert_to_numpy(prior.means), ops.convert_to_numpy(prior.logvars)
    assert np.all(abs(means.mean(0)) < 4 / np.sqrt(4000))
    assert np.all(abs(means.std(0) - 1) < 4 / np.sqrt(2 * 4000))
    assert not np.any(logvars)
    assert np.array_equal(means, ops.convert_to_numpy(connected(MixtureOfGaussians(4000, seed=0)).means))
    assert len(prior.trainable_variables) == 2


def test_fixed_components_are_computed_once():
    prior = MAKERS["vamp"]()
    before = ops.convert_to_numpy(prior.log_prob(Z))
    with prior.fixed():
        prior.encoder.set_weights([weight / 2 for weight in prior.encoder.get_weights()])
        with prior.fixed():
            assert np.array_equal(ops.convert_to_numpy(prior.log_prob(Z)), before)
    assert not np.any(ops.convert_to_numpy(prior.log_prob(Z)) == before)


# -- pseudo-inputs ----------------------------------------------------------------------


def test_gradients_reach_every_pseudo_input():
    prior = MAKERS["vamp"]()
    _, (gradient,) = value_and_gradients(lambda: ops.sum(prior.log_prob(Z)), [prior.pseudo_inputs])
    expected = central_differences(
        lambda u: mixture_logpdf(Z, *posteriors(prior.encoder, u)).sum(), DATA[:3].astype("float64")
    )
    assert np.all(np.any(abs(expected) > 1e-3, axis=1))
    assert_close(gradient, expected, rtol=1e-4, atol=1e-4)


def test_the_encoder_is_shared_not_copied():
    model = small_vae(VampPrior(pseudo_inputs=DATA[:3]))
    assert model.prior.encoder is model.encoder
    expected = [*model.encoder.weights, *model.decoder.weights, model.prior.pseudo_inputs]
    assert len(model.trainable_variables) == len(expected) == 6 + 2 + 1
    assert {id(variable) for variable in model.trainable_variables} == {id(variable) for variable in expected}
    model.encoder.set_weights([weight / 2 for weight in model.encoder.get_weights()])
    assert_close(model.prior.log_prob(Z), mixture_logpdf(Z, *posteriors(model.encoder, DATA[:3])))


def test_pseudo_inputs_stop_at_the_border_and_can_come_back():
    prior = MAKERS["vamp"]()
    optimizer = keras.optimizers.SGD(1.0)

    def step_by(gradient):
        optimizer.apply([ops.convert_to_tensor(gradient)], [prior.pseudo_inputs])
        return ops.convert_to_numpy(prior.pseudo_inputs)

    outwards = np.where(np.arange(12).reshape(3, 4) % 2, 10, -10).astype("float32")
    assert np.array_equal(step_by(outwards), outwards < 0)  # every value at 0 or at 1
    _, (gradient,) = value_and_gradients(lambda: ops.sum(prior.log_prob(Z)), [prior.pseudo_inputs])
    assert np.all(gradient != 0)
    assert_close(step_by(-outwards / 100), np.where(outwards < 0, 0.9, 0.1))


@pytest.mark.parametrize("value_range", [(0.0, 1.0), (-0.5, 2.0), None])
def test_training_keeps_pseudo_inputs_in_their_range(value_range):
    model = small_vae(VampPrior(pseudo_inputs=DATA[:3], value_range=value_range))
    model.encoder.trainable = model.decoder.trainable = False
    fitted(model, keras.optimizers.Adam(1.0))  # long enough steps to leave any of the ranges
    pseudo_inputs = ops.convert_to_numpy(model.prior.pseudo_inputs)
    assert not np.any(pseudo_inputs == DATA[:3])
    if value_range:
        assert value_range[0] <= pseudo_inputs.min() and pseudo_inputs.max() <= value_range[1]
        assert np.any(np.isin(pseudo_inputs, value_range))
    else:
        assert pseudo_inputs.min() < -0.5 or pseudo_inputs.max() > 2.0


@pytest.mark.parametrize(
    ("likelihood", "given", "expected"),
    [
        ("bernoulli", {}, (0.0, 1.0)),
        ("gaussian", {}, None),
        ("gaussian", dict(value_range=(-2.0, 3.0)), (-2.0, 3.0)),
        ("bernoulli", dict(value_range=None), None),
    ],
)
def test_the_likelihood_says_where_pseudo_inputs_may_be_unless_the_user_does(likelihood, given, expected):
    for prior in (VampPrior(5, **given), VampPrior.from_config(VampPrior(5, **given).get_config())):
        model = small_vae(prior, likelihood)
        assert model.prior.value_range == expected
        assert (model.prior.pseudo_inputs.constraint is None) == (expected is None)
        assert VampPrior.from_config(model.prior.get_config()).value_range == expected
    assert small_vae("vamp", likelihood).prior.value_range == LIKELIHOODS[likelihood]().value_range


def test_a_table_of_any_numbers_needs_no_value_range():
    table = (10 * DATA - 5).astype("float32")
    model = small_vae(VampPrior(5, trainable=False), "gaussian")
    model.compile(optimizer="adam")
    model.fit(table, verbose=0)
    pseudo_inputs = ops.convert_to_numpy(model.prior.pseudo_inputs)
    assert pseudo_inputs.min() < 0 and pseudo_inputs.max() > 1  # not clipped


def test_frozen_pseudo_inputs_do_not_move_in_training():
    model = small_vae(VampPrior(pseudo_inputs=DATA[:3], trainable=False))
    before = model.encoder.get_weights()
    fitted(model, keras.optimizers.SGD(0.01))
    assert all(variable is not model.prior.pseudo_inputs for variable in model.trainable_variables)
    assert np.array_equal(ops.convert_to_numpy(model.prior.pseudo_inputs), DATA[:3])
    assert not np.any(model.encoder.get_weights()[0] == before[0])


def test_fit_starts_pseudo_inputs_at_training_data():
    model = fitted(small_vae(VampPrior(5, trainable=False)), keras.optimizers.SGD(0.01))
    assert model.prior.adapted
    assert_distinct_rows_of_data(model.prior.pseudo_inputs)


def assert_distinct_rows_of_data(pseudo_inputs):
    rows = [np.flatnonzero(np.all(DATA == row, axis=1)) for row in ops.convert_to_numpy(pseudo_inputs)]
    assert all(len(row) == 1 for row in rows) and len({int(row[0]) for row in rows}) == len(rows)


# -- pseudo-inputs that take turns ------------------------------------------------------


def in_turns():
    return connected(VampPrior(pseudo_inputs=DATA[:6], turns=3))


def log_prob_in_training(prior):
    with prior.in_training():
        return ops.sum(prior.log_prob(Z))


def test_the_gradients_of_all_turns_have_the_full_gradient_as_their_mean():
    prior = in_turns()
    weights = [prior.pseudo_inputs, *prior.encoder.trainable_variables]
    value, full = value_and_gradients(lambda: ops.sum(prior.log_prob(Z)), weights)
    turns = []
    for turn in range(prior.turns):
        prior.turn.assign(turn)  # a gradient on JAX leaves no state behind
        found, gradients = value_and_gradients(lambda: log_prob_in_training(prior), weights)
        assert_close(found, value)  # while no weight changes there is nothing that is out of date
        turns.append(gradients)
    for turn, (pseudo_inputs, *_) in enumerate(turns):
        moved = np.any(pseudo_inputs != 0, axis=1)
        assert np.array_equal(np.flatnonzero(moved), [2 * turn, 2 * turn + 1])
    for mean, expected in zip((np.mean(parts, axis=0) for parts in zip(*turns, strict=True)), full, strict=True):
        assert_close(mean, expected, rtol=1e-4, atol=1e-5)


def test_components_stand_as_they_were_until_it_is_their_turn():
    prior = in_turns()
    before = posteriors(prior.encoder, DATA[:6])
    prior.encoder.set_weights([weight / 2 for weight in prior.encoder.get_weights()])
    after = posteriors(prior.encoder, DATA[:6])
    for done in (2, 4, 6):
        expected = [np.concatenate([new[:done], old[done:]]) for new, old in zip(after, before, strict=True)]
        assert_close(log_prob_in_training(prior), mixture_logpdf(Z, *expected).sum(), rtol=1e-5)
    assert_close(prior.log_prob(Z), mixture_logpdf(Z, *after))


@pytest.mark.parametrize("start", ["given", "adapted"])
def test_a_step_before_any_epoch_begins_with_all_of_them(start):
    prior = in_turns() if start == "given" else connected(VampPrior(6, turns=3))
    if start == "adapted":
        prior.adapt(DATA, seed=0)
    assert_close(log_prob_in_training(prior), ops.convert_to_numpy(prior.log_prob(Z)).sum(), rtol=1e-5)


def test_fit_begins_each_epoch_with_all_of_them_and_scores_with_all_of_them():
    model = small_vae(VampPrior(pseudo_inputs=DATA[:6], turns=3))
    starts, kept = (DATA[:6], DATA[6:]), []
    callbacks = [
        keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: model.prior.pseudo_inputs.assign(starts[epoch])),
        keras.callbacks.LambdaCallback(
            on_train_batch_begin=lambda batch, logs: batch or kept.append(ops.convert_to_numpy(model.prior.kept))
        ),
    ]
    model.compile(keras.optimizers.SGD(0.0))
    history = model.fit(DATA, epochs=2, batch_size=6, verbose=0, validation_data=(DATA,), callbacks=callbacks).history
    for found, start in zip(kept, starts, strict=True):
        assert_close(found, posteriors(model.encoder, start), rtol=1e-5, atol=1e-6)
    assert int(ops.convert_to_numpy(model.prior.turn)) == 4 % 3
    fitted(model, keras.optimizers.SGD(0.1))
    assert not np.any(ops.convert_to_numpy(model.prior.pseudo_inputs) == DATA[6:])
    expected = mixture_logpdf(Z, *posteriors(model.encoder, ops.convert_to_numpy(model.prior.pseudo_inputs)))
    assert_close(model.prior.log_prob(Z), expected, rtol=1e-5, atol=1e-5)
    assert np.isfinite(history["val_loss"]).all()


@pytest.mark.parametrize(("turns", "others"), [(3, 1), (1, 3), (3, 2)])
def test_weights_go_to_a_model_with_other_turns(turns, others, tmp_path):
    model, other = (
        small_vae(VampPrior(pseudo_inputs=DATA[start:][:6], turns=n)) for start, n in ((0, turns), (6, others))
    )
    fitted(model, keras.optimizers.SGD(0.1))
    model.save_weights(tmp_path / "of.weights.h5")
    other.load_weights(tmp_path / "of.weights.h5")
    for expected, found in zip(model.prior.of_the_density, other.prior.of_the_density, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(expected), ops.convert_to_numpy(found))
    fitted(other, keras.optimizers.SGD(0.1))


def test_one_batch_after_another_takes_turns_too():
    model = small_vae(VampPrior(pseudo_inputs=DATA[:6], turns=3))
    model.compile(keras.optimizers.SGD(0.1))
    for _ in range(3):
        model.train_on_batch(DATA)
    assert not np.any(ops.convert_to_numpy(model.prior.pseudo_inputs) == DATA[:6])


@pytest.mark.parametrize("num_components", [1, 5, 12])
def test_adapt_picks_distinct_training_data(num_components):
    prior = connected(VampPrior(num_components))
    assert not prior.adapted
    choices = set()
    for seed in (0, 1, 0):
        prior.adapt(DATA, seed=seed)
        assert_distinct_rows_of_data(prior.pseudo_inputs)
        choices.add(ops.convert_to_numpy(prior.pseudo_inputs).tobytes())
    assert prior.adapted
    assert len(choices) == (1 if num_components == 12 else 2)  # a seed repeats its choice


# -- mistakes, and saving ---------------------------------------------------------------

RAMP = np.linspace(0, 255, 8).reshape(2, 4)
MISTAKES = {
    "12 data points": lambda: connected(VampPrior(13)).adapt(DATA),
    r"shape \(3, 5\)": lambda: connected(VampPrior(pseudo_inputs=np.zeros((3, 5)))),
    "already belongs": lambda: connected(MAKERS["vamp"]()),
    "n is 0": lambda: MAKERS["mog"]().sample(0),
    "num_components is 0": lambda: MixtureOfGaussians(0),
    "num_components is -3": lambda: VampPrior(-3),
    "turns is 0": lambda: VampPrior(turns=0),
    "turns is 4, but 6 pseudo-inputs .* for instance 3": lambda: VampPrior(pseudo_inputs=DATA[:6], turns=4),
    "turns is 1000000000000, but 500 .* for instance 500": lambda: VampPrior(500, turns=10**12),
    "value_range is 'gaussian'": lambda: VampPrior(value_range="gaussian"),
    r"value_range is \(1, 0\)": lambda: VampPrior(value_range=(1, 0)),
    "value_range is 1": lambda: VampPrior(value_range=1),
    "value_range is .*nan": lambda: VampPrior(value_range=(0.0, np.nan)),
    "pseudo_inputs are 3.0": lambda: VampPrior(pseudo_inputs=3.0),
    "pseudo_inputs are 'digits'": lambda: VampPrior(pseudo_inputs="digits"),
    "pseudo_inputs hold 1 NaN": lambda: connected(VampPrior(pseudo_inputs=[[0, 0, np.nan, 1]])),
    r"The data have shape \(12, 4, 1\)": lambda: connected(VampPrior(1)).adapt(DATA[..., None]),
    "The data hold 12 NaN": lambda: connected(VampPrior(1, value_range=None)).adapt(DATA + [0, 0, np.inf, 0]),
    r"The data run from 0 to \S+, outside value_range \(0.0, 1.0\)": lambda: connected(VampPrior(1)).adapt(RAMP),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_mistakes_are_told(message):
    with pytest.raises(InputError, match=message):
        MISTAKES[message]()


SAVED = [StandardNormal(), MixtureOfGaussians(7, seed=5), VampPrior(7, trainable=False, value_range=(-1, 1))]
SAVED += [VampPrior(7, value_range=None), VampPrior(7), VampPrior(8, turns=4)]


@pytest.mark.parametrize("prior", SAVED)
def test_priors_survive_serialisation(prior):
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(prior))
    assert type(restored) is type(prior) and type(prior) in PRIORS.values()
    assert restored.get_config() == prior.get_config()
    for name in ("num_components", "seed", "trainable", "value_range", "turns"):
        assert getattr(restored, name, None) == getattr(prior, name, None)


def test_pseudo_inputs_outside_of_their_range_are_refused():
    with pytest.raises(InputError, match="pseudo_inputs run from 0 to 255, outside value_range"):
        small_vae(VampPrior(pseudo_inputs=RAMP))
    assert small_vae(VampPrior(pseudo_inputs=RAMP, value_range=None)).prior.num_components == 2


def test_pseudo_inputs_that_are_lost_in_part_are_no_density():
    for lost in (0, 2):
        model = small_vae(VampPrior(pseudo_inputs=DATA[:3]))
        model.prior.pseudo_inputs.assign(np.where(np.arange(3)[:, None] == lost, np.nan, DATA[:3]))
        model.compile("adam")
        for use in (model.fit, model.train_on_batch, model.evaluate, model.elbo):
            with pytest.raises(InputError, match="1 of the 3 pseudo-inputs of .* hold NaN"):
                use(DATA)
        kept = ops.convert_to_numpy(model.prior.pseudo_inputs)
        np.testing.assert_array_equal(np.isnan(kept).any(axis=1), np.arange(3) == lost)


def test_a_prior_without_a_model_says_so():
    with pytest.raises(InputError, match="belongs to no model yet"):
        vc.StandardNormal().sample(3)
    with pytest.raises(InputError, match="belongs to no model yet"):
        vc.VampPrior(2).adapt(np.zeros((3, 4, 4, 1)))


def test_a_prior_refused_for_its_pseudo_inputs_can_be_given_another_model():
    prior = vc.VampPrior(pseudo_inputs=np.zeros((2, 8, 8, 1)))
    with pytest.raises(InputError, match="pseudo_inputs have shape"):
        vc.VAE(image_shape=(12, 12, 1), prior=prior, network_size=1)
    assert vc.VAE(image_shape=(8, 8, 1), prior=prior, network_size=1).prior is prior
