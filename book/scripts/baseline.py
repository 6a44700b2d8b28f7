"""What the convolutional HVAE reaches under a standard prior if its training starts at the VampPrior's networks.

    python book/scripts/baseline.py     trains and scores what is compared; goes on where it was stopped

With a standard prior, the convolutional HVAE of our table is far behind the paper's. Is that the prior, or a training
that got stuck? Two trainings under a standard prior go on for as long with the same settings, one from that
model's own networks, the other from those that were trained under the VampPrior. Both models are taken from where
`make results RUN=paper-convhvae` and `make results RUN=paper-convhvae-vamp` leave them.
"""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import paper_table
import results

import vamp_core as vc
from vamp_core.system.files import whole

IMAGES = 80  # that are given the paper's 5,000 samples
BOUND_SAMPLES = 10  # of the bound that all images are given


def standardize(model, x):
    """Changes the coordinates of the top latents, so that their aggregate posterior has mean 0 and variance 1.

    z' = (z − m) / s: the encoder's heads give z', and the layers that read z undo it. To a VampPrior it makes no
    difference: the prior is made of the encoder's posteriors and moves along, and every density ratio stays
    what it was. A standard prior stays where it is.

    Args:
        model: a `VAE` or `HVAE` with networks of `vamp_core.networks.gated`, changed in place.
        x: (N, *data_shape), the data to take mean and variance over.
    """
    posteriors = vc.aggregate_posterior(model, x)
    means, variances = vc.as_numpy(posteriors.means), np.exp(vc.as_numpy(posteriors.logvars))
    m, s = means.mean(axis=0), np.sqrt(means.var(axis=0) + variances.mean(axis=0))

    mean, logvar = model.encoder.get_layer("mean"), model.encoder.get_layer("logvar")
    kernel, bias = mean.get_weights()
    mean.set_weights([kernel / s, (bias - m) / s])
    kernel, bias = logvar.get_weights()
    logvar.set_weights([kernel, bias - 2 * np.log(s)])
    names = ("lower_encoder", "conditional_prior", "decoder")
    for network in [getattr(model, name) for name in names if hasattr(model, name)]:
        dense = [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)]
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
    configs = starts()
    start = Path(configs["tried/paper-convhvae-vamp-start"].start_from)
    model = keras.saving.load_model(start.with_name("model.keras"))
    standardize(model, vc.binarize(vc.load_data("mnist").x_train[:10_000], seed=0))
    with whole(start) as partial:
        model.save(partial)
    results.train(configs)
    paper_table.score(configs, IMAGES, BOUND_SAMPLES)


if __name__ == "__main__":
    main()
