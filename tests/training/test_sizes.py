"""Sizes are known before work: parameters counted as Keras counts them, and refused where they do not fit."""

import itertools

import pytest

import vamp_core as vc
from vamp_core.system import memory
from vamp_core.training.build import build_model
from vamp_core.training.sizes import check_memory, parameters, training_bytes


@pytest.mark.thorough
@pytest.mark.parametrize("network", ["conv", "gated_mlp", "gated_conv", "pixelcnn", "pixelcnn_mlp"])
@pytest.mark.parametrize("kind", ["vae", "hvae"])
def test_parameters_are_counted_without_building_anything(kind, network):
    for (likelihood, turns), (prior, shape) in itertools.product(
        (("bernoulli", 1), ("learned_gaussian", 2)),
        zip(("standard", "vamp", "mog"), ((8, 8, 1), (8, 12, 3), (4, 4, 1)), strict=True),
    ):
        config = vc.TrainingConfig(
            model=kind, network=network, likelihood=likelihood, prior=prior, num_components=6, turns=turns,
            latent_dim=6, network_size=1.3, pixelcnn_channels=5, encoder_trunk=(20, 30), decoder_trunk=(40,),
        )  # fmt: skip
        model = build_model(config, shape)
        single = sum(weight.shape == () for weight in model.weights)  # β and the like
        assert parameters(config, shape) == model.count_params() - single


@pytest.mark.parametrize(
    "settings",
    [
        dict(latent_dim=100_000, decoder_trunk=(100_000,) * 9),
        dict(network_size=10_000),
        dict(encoder_trunk=(100_000,) * 9),
        dict(prior="mog", num_components=1_000_000, batch_size=100_000),
        dict(iwae_samples=100_000),
        dict(batch_size=1_000_000),
    ],
)
def test_what_does_not_fit_is_refused_with_both_numbers(settings, monkeypatch):
    monkeypatch.setattr("vamp_core.training.sizes.machine_memory", lambda: 16e9)
    monkeypatch.setattr("vamp_core.training.sizes.hardware.memory", lambda: 16e9)
    with pytest.raises(vc.InputError, match=r"[\d,]+ parameters and take about [\d.,]+ (TB|GB) .* has 16.0 GB"):
        check_memory(vc.TrainingConfig(**settings), (28, 28, 1))


def test_devices_share_out_what_a_batch_takes(monkeypatch):
    config = vc.TrainingConfig(batch_size=100_000, prior="vamp")
    one, eight = (training_bytes(config, (28, 28, 1), devices) for devices in (1, 8))
    assert one / 8 < eight < one / 7  # since each keeps all parameters
    monkeypatch.setattr("vamp_core.training.sizes.machine_memory", lambda: (one + eight) / 2)
    monkeypatch.setattr("vamp_core.training.sizes.hardware.memory", lambda: (one + eight) / 2)
    check_memory(config, (28, 28, 1), devices=8)
    with pytest.raises(vc.InputError, match="--batch_size"):
        check_memory(config, (28, 28, 1))


def test_what_the_book_trains_fits_a_small_machine():
    for recipe, kind in itertools.product(vc.RECIPES.values(), ("vae", "hvae")):
        assert training_bytes(vc.TrainingConfig(**recipe, model=kind, prior="vamp", latent_dim=2), (28, 28, 1)) < 4e9
    assert training_bytes(vc.TrainingConfig(network_size=16), (28, 28, 1)) < 4e9


def test_memory_is_the_least_of_all_limits(tmp_path):
    (tmp_path / "own").write_text("0::/shop/run\n")
    (tmp_path / "shop" / "run").mkdir(parents=True)
    (tmp_path / "shop" / "run" / "memory.max").write_text("max\n")
    whole = memory.machine_memory(tmp_path, tmp_path / "own")
    (tmp_path / "shop" / "memory.max").write_text("12345678\n")
    assert memory.machine_memory(tmp_path, tmp_path / "own") == 12345678 < whole
    assert memory.in_words(12345678) == "12.3 MB"
    assert memory.machine_memory(tmp_path / "none", tmp_path / "none") == whole


def test_a_backend_that_runs_out_of_memory_is_told(tmp_path, monkeypatch):
    class ResourceExhaustedError(Exception):
        """As TensorFlow names it."""

    def starved(*_, **__):
        raise ResourceExhaustedError("failed to allocate")

    monkeypatch.setattr("vamp_core.training.train.build_model", starved)
    with pytest.raises(vc.InputError, match=r"There is not enough memory .*: choose a smaller --network_size"):
        vc.train(vc.TrainingConfig(data_set="digits", output_dir=str(tmp_path)))
    monkeypatch.setattr("vamp_core.system.hardware.other_on_gpu", lambda: ("JAX", "jax.some(thing)"))
    with pytest.raises(vc.InputError, match=r"JAX is loaded, too, and may hold .*: call jax.some\(thing\) first"):
        vc.train(vc.TrainingConfig(data_set="digits", output_dir=str(tmp_path)))
