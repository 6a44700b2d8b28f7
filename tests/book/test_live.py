"""The live page's files, without a browser: points belong to the shipped weights, weights are exported as they are."""

import base64
import sys
from pathlib import Path

import numpy as np
import pytest

import vamp_core as vc
from vamp_core.networks.convolutional import LOGVAR_RANGE

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "book" / "live"))

from export import density, plane  # noqa: E402
from networks import halves, network, split_network  # noqa: E402
from points import COUNT, label_places, offered, read_points, write_points  # noqa: E402


def small(model_class, **settings):
    """An untrained model whose weights have a half-precision form, as shipped ones have."""
    prior = vc.VampPrior(pseudo_inputs=np.random.default_rng(0).random((5, 28, 28, 1), "float32"))
    model = model_class(prior=prior, network_size=0.25, encoder_trunk=(8,), decoder_trunk=(8,), **settings)
    model.set_weights([np.asarray(weight, "float16").astype("float32") for weight in model.get_weights()])
    return model


def unpacked(layer):
    return np.frombuffer(base64.b64decode(layer["weights"]), "<f2").astype("float32")


def dense(network, x):
    for layer in network:
        weights = unpacked(layer)
        kernel = weights[: -layer["outputs"]].reshape(layer["inputs"], layer["outputs"])
        x = x @ kernel + weights[-layer["outputs"] :]
        x = {"relu": np.maximum(x, 0), "swish": x / (1 + np.exp(-x)), "linear": x}[layer["activation"]]
    return x


@pytest.mark.parametrize("name", offered())
def test_the_points_are_of_the_shipped_weights(name):
    means, labels = read_points(name)
    assert means.shape == (COUNT, 2) and labels.shape == (COUNT,)
    assert np.isfinite(means).all() and set(labels) == set(range(10))


def test_points_of_other_weights_are_refused(tmp_path):
    name = vc.list_pretrained()[0]
    with pytest.raises(vc.InputError, match="There is no .*make page-points"):
        read_points(name, folder=tmp_path)
    np.savez(tmp_path / f"{name}.npz", means=np.zeros((1, 2)), labels=np.zeros(1), sha256=np.array("0"))
    with pytest.raises(vc.InputError, match="belong to other weights"):
        read_points(name, folder=tmp_path)


def test_points_are_the_posterior_means(tmp_path):
    name = vc.list_pretrained()[0]
    images = np.random.default_rng(0).random((3, 28, 28, 1), "float32")
    write_points(name, images, np.arange(3), folder=tmp_path)
    means, labels = read_points(name, folder=tmp_path)
    np.testing.assert_allclose(means, vc.load_pretrained(name)[0].encode(images)[0], rtol=1e-3)
    np.testing.assert_array_equal(labels, range(3))


def test_half_precision_that_would_lose_something_is_refused():
    assert halves([0.5, -2.0]) == base64.b64encode(np.array([0.5, -2], "<f2").tobytes()).decode()
    with pytest.raises(vc.InputError, match="no half-precision form"):
        halves([0.1])


def test_dense_networks_are_exported_whole():
    model = small(vc.HVAE)
    rng = np.random.default_rng(1)
    z2, features = rng.normal(size=(4, 1)).astype("float32"), rng.normal(size=(4, 256)).astype("float32")
    conditional = np.concatenate(model.conditional_prior(z2), axis=1)
    np.testing.assert_allclose(dense(network(model.conditional_prior), z2), conditional, atol=1e-4)
    on_z2, joined = split_network(model.lower_encoder)
    lower = np.concatenate(model.lower_encoder([features, z2]), axis=1)
    given = dense(joined, np.concatenate([features, dense(on_z2, z2)], axis=1))
    given[:, 1] = np.clip(given[:, 1], *LOGVAR_RANGE)
    np.testing.assert_allclose(given, lower, atol=1e-4)


@pytest.mark.parametrize("model", [vc.VAE, vc.HVAE])
def test_every_weight_of_the_networks_is_exported_once(model):
    model = small(model)
    names = ("encoder", "decoder", "image_features", "conditional_prior")
    for part in (getattr(model, name) for name in names if hasattr(model, name)):
        assert sum(unpacked(layer).size for layer in network(part)) == part.count_params()


def test_a_layer_that_the_page_does_not_know_is_refused():
    with pytest.raises(vc.InputError, match="The page has no layer such as"):
        network(vc.VAE(network_size=0.25, activation="elu").encoder)


def test_the_density_is_that_of_both_levels_and_sums_to_one():
    model = small(vc.HVAE)
    axis = np.linspace(-12, 12, 200, dtype="float32")
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    assert np.exp(model.log_prior(grid)).sum() * (axis[1] - axis[0]) ** 2 == pytest.approx(1, abs=0.02)
    below = density(model, [[-3, 3], [-2, 2]], 16)
    assert below.shape == (16, 16) and below.max() == 0 and below.min() < -1


def test_the_plane_holds_what_is_shown_before_any_network_is_there():
    model, rng = small(vc.VAE), np.random.default_rng(2)
    means, labels = rng.normal(size=(50, 2)).astype("float16").astype("float32"), np.arange(50) % 10
    content = plane(model, means, labels)
    assert len(base64.b64decode(content["points"])) == 4 * 50
    assert len(base64.b64decode(content["image"])) == 784
    assert len(base64.b64decode(content["components"]["means"])) == 5 * 2 * 4
    places = label_places(means, labels, content["limits"])
    distances = np.linalg.norm(places[:, None] - places, axis=-1)
    assert distances[~np.eye(10, dtype=bool)].min() > 0
