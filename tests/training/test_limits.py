"""Every setting has a kind and two ends, and values beyond them are told in one sentence before any work."""

import keras
import numpy as np
import pytest

import vamp_core as vc
from vamp_core.networks.activations import check_activation


def refused(**settings):
    with pytest.raises(vc.InputError) as caught:
        vc.TrainingConfig(**settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


NUMBERS = [
    name for name, value in vc.TrainingConfig().experiment().items()
    if isinstance(value, (int, float)) and not isinstance(value, bool)
]  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 10**400, 1e300, 10**31, -(10**31), "1", None, [1], True])
def test_no_number_is_beyond_its_ends(name, value):
    assert name in refused(**{name: value})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(logvar_range=(-100.0, -90.0)), "where nothing can be trained"),
        (dict(logvar_range=(80.0, 90.0)), "where nothing can be trained"),
        (dict(logvar_range=(-np.inf, 2.0)), "where nothing can be trained"),
        (dict(logvar_range=(np.nan, 2.0)), "least and then the greatest"),
        (dict(logvar_range="-6 2"), "give a row of numbers"),
        (dict(encoder_trunk=(10**12,)), "at most 100,000"),
        (dict(encoder_trunk=(1,) * 101), "at most 100 layers"),
        (dict(seed=2**32), "at most 4,294,967,295"),
        (dict(epochs=10**30, lr_schedule="cosine"), "at most 1,000,000"),
        (dict(gs_key="x" * 500), "be brief"),
        (dict(output_dir="runs\0"), "place on the disk"),
        (dict(data_dir=""), "place on the disk"),
        (dict(start_from=""), "place on the disk"),
        (dict(model=3), "give text"),
        (dict(resume="yes"), "give True or False"),
    ],
)
def test_other_values_that_cannot_work(settings, message):
    assert message in refused(**settings)


def test_numbers_of_numpy_are_as_good_as_pythons():
    config = vc.TrainingConfig(epochs=np.int64(3), lr=np.float32(0.5), encoder_trunk=np.array([4]), network_size=4)
    assert config == vc.TrainingConfig(epochs=3, lr=0.5, encoder_trunk=(4,), network_size=4.0)
    assert type(config.epochs) is int and type(config.lr) is float


@pytest.mark.parametrize("low", ["-1e2", "-100", "-1.0E+2"])
def test_a_number_with_an_exponent_is_no_flag(low):
    config = vc.TrainingConfig.from_flags(["--logvar_range", low, "2", "--lr", "1e-3"])
    assert config.logvar_range == (-100.0, 2.0)


@pytest.mark.parametrize("flags", ["--lr -inf", "--lr -1e3", "--clip_norm -nan", "--logvar_range -inf 2", "--seed -1"])
def test_a_number_below_its_end_is_told_as_that(flags):
    with pytest.raises(vc.InputError, match=f"{flags.split()[0]} is"):
        vc.TrainingConfig.from_flags(flags.split())


def test_a_fingerprint_is_of_what_decides_the_result():
    known = vc.TrainingConfig(lr=1e-3).fingerprint()
    assert known == vc.TrainingConfig(lr=1e-3, gs_key="grid", resume=True, output_dir="elsewhere").fingerprint()
    others = [dict(lr=1e-4), dict(seed=1), dict(prior="mog"), dict(likelihood="gaussian"), dict(network_size=2)]
    assert len({known, *(vc.TrainingConfig(**{"lr": 1e-3, **other}).fingerprint() for other in others)}) == 6


@pytest.mark.parametrize("name", ["glu", "threshold", "softmax", "log_softmax", "sparsemax", "rellu", ""])
def test_an_activation_of_another_kind_is_refused(name):
    for make in (lambda: vc.TrainingConfig(activation=name), lambda: vc.VAE(activation=name)):
        with pytest.raises(vc.InputError, match=f"activation is '{name}'"):
            make()


def test_all_of_keras_activations_that_work_value_by_value_are_taken():
    taken = []
    for name in dir(keras.activations):
        if not name.startswith("_") and name not in ("get", "serialize", "deserialize"):
            try:
                check_activation(name)
                taken.append(name)
            except vc.InputError:
                continue
    assert {"relu", "elu", "gelu", "silu", "tanh", "sigmoid", "softplus", "selu", "leaky_relu", "linear"} <= set(taken)
    assert not {"glu", "softmax", "log_softmax"} & set(taken)
