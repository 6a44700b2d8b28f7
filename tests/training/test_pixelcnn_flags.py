"""`train.py --network pixelcnn_mlp`: a run from settings to figures, gone on with where it stopped."""

import numpy as np
import pytest
from small_runs import config

import vamp_core as vc
from vamp_core.training.build import build_model
from vamp_core.training.report import report


@pytest.mark.thorough
def test_a_run_with_a_pixelcnn_leaves_what_any_run_does(tmp_path):
    settings = dict(network="pixelcnn_mlp", pixelcnn_channels=2, latent_dim=4, model="hvae", free_nats=1.0)
    vc.train(config(tmp_path, **settings, epochs=1))
    model, data, folder = vc.train(config(tmp_path, **settings, epochs=1, resume=True))
    metrics, paths = report(model, data, folder, folder.config)
    assert metrics["epochs"] == 1 and all(path.exists() for path in paths)
    assert isinstance(model.likelihood, vc.PixelCNN) and model.likelihood.channels == 2


@pytest.mark.parametrize("network, likelihood", [("pixelcnn", "bernoulli"), ("pixelcnn_mlp", "discretized_logistic")])
def test_the_papers_sizes(network, likelihood):
    settings = vc.TrainingConfig(network=network, likelihood=likelihood, model="hvae", latent_dim=80)
    model = build_model(settings, (28, 20, 1))
    kernels = [layer.kernel.shape for layer in model.likelihood.network.layers if layer.name.startswith("masked_")]
    outputs = 1 if likelihood == "bernoulli" else 2
    assert [tuple(kernel) for kernel in kernels] == [(4, 7, 1, 128), *[(2, 3, 64, 128)] * 3, (1, 1, 64, outputs)]
    assert type(model.likelihood.of_pixel).__name__ == likelihood.title().replace("_", "")
    assert np.isfinite(vc.training_flops(model, 100))
