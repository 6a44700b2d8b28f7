#!/usr/bin/env bash
# pythae 0.1.2: its VampPrior makes pseudo-inputs by a linear layer with PyTorch's usual start, around zero, and cuts
# them to [0, 1] with Hardtanh, whose gradient is zero outside. So half of all pixels of the pseudo-inputs start black
# and without a gradient. A pixel's bias is shared by all components and frees some; a third of the weights has not
# got a single gradient after 300 steps, where 46 % of all pixels still are 0 to the bit.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet pythae==0.1.2 torch==2.13.0 scikit-learn

cat > pseudo_inputs.py <<'PYTHON'
import torch
from pythae.models import VAMP, VAMPConfig
from sklearn.datasets import load_digits

torch.manual_seed(0)
torch.set_num_threads(1)
images = torch.tensor(load_digits().images[:, None] / 16, dtype=torch.float32)
model = VAMP(VAMPConfig(input_dim=(1, 8, 8), latent_dim=2, number_components=100, reconstruction_loss="bce"))
weight = model.pseudo_inputs[0].weight
moved = torch.zeros_like(weight, dtype=torch.bool)
adam = torch.optim.Adam(model.parameters(), 1e-3)


def black():
    with torch.no_grad():
        return (model.pseudo_inputs(model.idle_input) == 0).float().mean().item()


print(f"pixels that are 0 at the start:            {black():.1f}")
for _ in range(300):
    adam.zero_grad()
    model({"data": images[torch.randint(len(images), (100,))]}).loss.backward()
    adam.step()
    moved |= weight.grad != 0
print(f"weights without a gradient in 300 steps:   {(~moved).float().mean().item():.1f}")
print(f"pixels that are 0 after 300 steps:         {black():.1f}")
PYTHON

venv/bin/python pseudo_inputs.py 2> log | tee seen || { cat log; exit 1; }
diff seen - <<'EXPECTED'
pixels that are 0 at the start:            0.5
weights without a gradient in 300 steps:   0.3
pixels that are 0 after 300 steps:         0.5
EXPECTED
