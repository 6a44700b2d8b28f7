"""Files that were saved before the package had folders load, and compute what they computed."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

import vamp_core as vc

SAVED = Path(__file__).parent / "saved_by_0.1.0"
EXPECTED = json.loads((SAVED / "expected.json").read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_a_file_of_the_first_build_computes_the_same(name):
    model = keras.saving.load_model(SAVED / f"{name}.keras")
    assert isinstance(model, (vc.VAE, vc.HVAE)) and model.iwae_samples == 2
    images = np.random.default_rng(0).random((40, 8, 8, 1)).astype("float32")
    mean, logvar = model.encode(images[:3])
    z = np.linspace(-1, 1, 3 * model.latent_dim).reshape(3, -1).astype("float32")
    computed = {
        "mean": mean,
        "logvar": logvar,
        "decoded": model.decode_mean(z).sum(axis=(1, 2, 3)),
        "log_prior": model.log_prior(z),
    }
    for what, expected in EXPECTED[name].items():
        np.testing.assert_allclose(computed[what], expected, rtol=1e-4, atol=1e-4, err_msg=what)


@pytest.mark.parametrize("name", EXPECTED)
def test_and_trains_on(name):
    model = keras.saving.load_model(SAVED / f"{name}.keras")
    images = np.random.default_rng(0).random((40, 8, 8, 1)).astype("float32")
    steps = int(model.optimizer.iterations)
    assert steps == 4
    model.fit(images, batch_size=20, verbose=0)
    assert int(model.optimizer.iterations) == steps + 2
