"""What the convolutional HVAE reaches under a standard prior if its training starts at the VampPrior's networks.

    python book/baseline.py     trains and scores what is compared; goes on where it was stopped

With a standard prior, the convolutional HVAE of our table is far behind the paper's. Is that the prior, or a training
that got stuck? Two trainings under a standard prior go on for as long with the same settings, one from that
model's own networks, the other from those that were trained under the VampPrior.
"""

import shutil
from dataclasses import replace

import keras
import numpy as np
import paper_table
from result_tables import RECORDS

import vamp_core as vc
from vamp_core.aggregate import aggregate_posterior
from vamp_core.files import whole
from vamp_core.report import report

IMAGES = 140  # that are given the paper's 5,000 samples
BOUND_SAMPLES = 10  # of the bound that all images are given


def standardize(model, x):
    """Changes the coordinates of the top latents, so that their aggregate posterior has mean 0 and variance 1.

    z' = (z − m) / s: the encoder's heads give z', and the layers that read z undo it. To a VampPrior it makes no
    difference: the prior is made of the encoder's posteriors and moves along, and every density ratio stays
    what it was. A standard prior stays where it is.

    Args:
        model: a `VAE` or `HVAE` with networks of `vamp_core.gated_networks`, changed in place.
        x: (N, *data_shape), the data to take mean and variance over.
    """
    posteriors = aggregate_posterior(model, x)
    means, variances = np.asarray(posteriors.means), np.exp(posteriors.logvars)
    m, s = means.mean(axis=0), np.sqrt(means.var(axis=0) + variances.mean(axis=0))

    mean, logvar = model.encoder.get_layer("mean"), model.encoder.get_layer("logvar")
    kernel, bias = mean.get_weights()
    mean.set_weights([kernel / s, (bias - m) / s])
    kernel, bias = logvar.get_weights()
    logvar.set_weights([kernel, bias - 2 * np.log(s)])
    for network in [getattr(model, name, None) for name in ("lower_encoder", "conditional_prior", "decoder")]:
        dense = [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)] if network else []
        reads_latents = [layer for layer in dense if layer.kernel.shape[0] == len(m)]
        for layer in reads_latents[:2]:  # the two halves of a gated layer; a decoder's next two read z1
            kernel, bias = layer.get_weights()
            layer.set_weights([s[:, None] * kernel, bias + m @ kernel])


def starts(output_dir="runs", data_dir=None):
    """{name: TrainingConfig} of the two trainings that are compared."""
    models = paper_table.paper(output_dir, data_dir)
    more = replace(models["paper-convhvae"], epochs=10, early_stopping=10, warmup_epochs=0, lr=2e-3)
    own, vamp = (f"{output_dir}/paper/{models[name].training_id}" for name in ("paper-convhvae", "paper-convhvae-vamp"))
    return {
        "tried/paper-convhvae-own-start": replace(more, gs_key="own", start_from=f"{own}/model.keras"),
        "tried/paper-convhvae-vamp-start": replace(
            more, gs_key="standardized", start_from=f"{vamp}/standardized.keras"
        ),
    }


def main():
    for name, config in starts().items():
        if config.gs_key == "standardized":
            model = keras.saving.load_model(config.start_from.replace("standardized", "model"))
            images = vc.load_data(config.data_set).x_train[:10_000]
            standardize(model, vc.binarize(images, config.seed))
            with whole(config.start_from) as partial:
                model.save(partial)
        model, data, folder = vc.train(config)
        report(model, data, folder, config)
        paper_table.score({name: config}, IMAGES, BOUND_SAMPLES)
        for file in ("config.json", "history.csv", "metrics.json"):
            shutil.copy(folder.path / file, RECORDS / name)


if __name__ == "__main__":
    main()
