#!/usr/bin/env bash
# scvi-tools 1.4.2: two counts in `get_marginal_ll`, the importance-sampled log-likelihood.
# - Samples are drawn in whole passes of `n_mc_samples_per_pass`, but the mean of the weights is taken over the
#   `n_mc_samples` that were asked for. 3 samples in passes of 2 are 4, divided by 3: every cell log(4/3) = 0.288 nats
#   too likely, at the default of one sample a pass nothing.
# - `return_mean=True`, the default, is the mean of the batches' means: the cells of a last, smaller batch count for
#   more. Of 129 cells in batches of 128, one has half the say.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet scvi-tools==1.4.2 torch==2.13.0

cat > counts.py <<'PYTHON'
import anndata
import numpy as np
import scvi
import torch

rng = np.random.default_rng(0)
counts = rng.poisson(3, (129, 20)).astype("float32")
counts[128] = rng.poisson(30, 20)  # the last cell is unlike the others
cells = anndata.AnnData(counts)
scvi.model.SCVI.setup_anndata(cells)
scvi.settings.seed = 0
model = scvi.model.SCVI(cells, n_latent=2, n_hidden=16)
model.train(max_epochs=1, accelerator="cpu", enable_progress_bar=False, logger=False)


def marginal(**arguments):
    torch.manual_seed(1)  # the same noise each time
    return model.get_marginal_ll(**arguments)


asked_3 = marginal(n_mc_samples=3, n_mc_samples_per_pass=2, return_mean=False)
asked_4 = marginal(n_mc_samples=4, n_mc_samples_per_pass=2, return_mean=False)
print(f"3 samples in passes of 2, less 4 samples:     {(asked_3 - asked_4).min():.3f} to {(asked_3 - asked_4).max():.3f} nats")
each, mean = marginal(n_mc_samples=4, return_mean=False), marginal(n_mc_samples=4)
print(f"return_mean=True, less the mean of all cells: {mean - each.mean():.0f} nats")
print(f"and less the mean of the two batches' means:  {abs(mean - (each[:128].mean() + each[128]) / 2):.3f} nats")
PYTHON

venv/bin/python counts.py 2> log | tee seen || { cat log; exit 1; }
diff seen - <<'EXPECTED'
3 samples in passes of 2, less 4 samples:     0.288 to 0.288 nats
return_mean=True, less the mean of all cells: -23 nats
and less the mean of the two batches' means:  0.000 nats
EXPECTED
