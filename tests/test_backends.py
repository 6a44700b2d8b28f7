"""TensorFlow, JAX and PyTorch compute the same ELBO and log-likelihood from the same weights, images and noise."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

SCRIPT = """
import sys

import numpy as np
import vamp_core as vc
from keras import ops
from vamp_core.models import MODELS, hvae, vae

given = np.load(sys.argv[1])
results = {}
ink = vc.binarize(given["images"][:4], seed=0)
# The backends' random numbers differ, so the noise is handed in: the same for each latent.
noise, own_noise = given["noise"], vae.normal_sample
handed_in = lambda mean, logvar, seed: mean + ops.exp(0.5 * logvar) * ops.convert_to_tensor(noise)
for name, kind in MODELS.items():
    for prior in (vc.StandardNormal(), vc.VampPrior(pseudo_inputs=given["images"][:5])):
        model = kind(prior=prior, network_size=1, decoder_trunk=(16,), encoder_trunk=(16,))
        # Any weights will do, if they are the same everywhere.
        rng = np.random.default_rng(0)
        for network in model.layers:
            network.set_weights([rng.normal(scale=0.05, size=w.shape) for w in network.get_weights()])
        case = f"{name} {type(prior).__name__}"
        vae.normal_sample = hvae.normal_sample = handed_in
        terms = model.elbo(given["images"])
        results[f"{case} elbo"] = np.stack([terms.reconstruction, terms.kl])
        vae.normal_sample = hvae.normal_sample = own_noise  # a log-likelihood's noise is NumPy's
        found = vc.log_likelihood(model, ink, samples=20, verbose=0, proposal="encoder")
        results[f"{case} log_likelihood"] = found.estimate
        results[f"{case} standard_error"] = found.standard_error
        found = vc.log_likelihood(model, ink, samples=100, verbose=0)
        results[f"{case} searched"] = np.stack([found.estimate, found.standard_error])
np.savez(sys.argv[2], **results)
"""


def results_with(backend, tmp_path):
    rng = np.random.default_rng(1)
    given = tmp_path / "given.npz"
    np.savez(
        given,
        images=rng.random((20, 28, 28, 1)).astype("float32"),
        noise=rng.normal(size=(20, 1)).astype("float32"),
    )
    results = tmp_path / f"{backend}.npz"
    subprocess.run(
        [sys.executable, "-c", SCRIPT, given, results],
        env={**os.environ, "KERAS_BACKEND": backend}, check=True,
    )  # fmt: skip
    return np.load(results)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_same_weights_give_the_same_elbo_terms_and_log_likelihoods(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: pip install 'vamp_core[{backend}]'")
    reference, other = results_with("tensorflow", tmp_path), results_with(backend, tmp_path)
    assert len(reference.files) == 4 * 4
    for name in reference.files:
        if name.endswith("searched"):  # the last digit decides which of two equal latents a search goes on from
            (ours, our_error), (theirs, their_error) = reference[name], other[name]
            assert np.all(np.abs(ours - theirs) < 4 * np.hypot(our_error, their_error) + 1e-3)
            continue
        np.testing.assert_allclose(other[name], reference[name], rtol=1e-4, atol=1e-4, err_msg=name)
