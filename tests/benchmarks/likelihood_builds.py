"""Speed and memory of a log-likelihood in this build beside another one, a git worktree of an older commit.

    git worktree add ../older COMMIT
    python tests/benchmarks/likelihood_builds.py ../older [--models mlp_vae conv_vae] [--images 20] [--rounds 3]

On the dense VAE pythae's `get_nll` stands beside them, under a standard prior, where pythae and PyTorch are installed.

Three evaluations take turns, each in a process of its own: the older build's, and this build's by the encoder's
proposal and by its own, search or refinement included. The first call of each, which compiles, does not count.
Ratios of CPU seconds hold on a machine that others use too.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

WORKER = """
import resource, sys, time
import numpy as np
import vamp_core as vc

gated_mlp = vc.gated_networks.gated_mlp  # where older builds have it too
name, images, samples, settings = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), eval(sys.argv[4])
rng = np.random.default_rng(1)
prior = vc.VampPrior(pseudo_inputs=rng.random((500, 28, 28, 1)))
make = {
    "mlp_vae": lambda: vc.VAE(**gated_mlp("vae", latent_dim=40), prior=prior),
    "mlp_hvae": lambda: vc.HVAE(**gated_mlp("hvae", latent_dim=80), prior=prior),
    "conv_vae": lambda: vc.VAE(latent_dim=2, network_size=4, prior=prior),
}
model, x = make[name](), vc.binarize(rng.random((images, 28, 28, 1)), seed=0)
for line in sys.stdin:
    clock, cpu = time.perf_counter(), time.process_time()
    vc.log_likelihood(model, x, samples=samples, verbose=0, **settings)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print("took", time.perf_counter() - clock, time.process_time() - cpu, memory, flush=True)
"""

PYTHAE = """
import resource, sys, time
import torch
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from torch import nn

class Gated(nn.Module):
    def __init__(self, inputs, units=300):
        super().__init__()
        self.value, self.gate = nn.Linear(inputs, units), nn.Linear(inputs, units)
    def forward(self, x):
        return self.value(x) * torch.sigmoid(self.gate(x))

class Encoder(BaseEncoder):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Sequential(nn.Flatten(), Gated(784), Gated(300))
        self.mean, self.logvar = nn.Linear(300, 40), nn.Linear(300, 40)
    def forward(self, x):
        hidden = self.hidden(x)
        return ModelOutput(embedding=self.mean(hidden), log_covariance=self.logvar(hidden))

class Decoder(BaseDecoder):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(Gated(40), Gated(300), nn.Linear(300, 784), nn.Sigmoid())
    def forward(self, z):
        return ModelOutput(reconstruction=self.layers(z).reshape(-1, 1, 28, 28))

images, samples = int(sys.argv[2]), int(sys.argv[3])
config = VAEConfig(input_dim=(1, 28, 28), latent_dim=40, reconstruction_loss="bce")
model, x = VAE(config, Encoder(), Decoder()).eval(), torch.randint(0, 2, (images, 1, 28, 28)).float()
for line in sys.stdin:
    clock, cpu = time.perf_counter(), time.process_time()
    with torch.no_grad():
        model.get_nll(x, samples, 100)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print("took", time.perf_counter() - clock, time.process_time() - cpu, memory, flush=True)
"""


def worker(folder, name, arguments, settings, script=WORKER):
    command = [sys.executable, "-c", script, name, str(arguments.images), str(arguments.samples), repr(settings)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return subprocess.Popen(command, env=environment, cwd=folder, **pipes)


def once(process):
    """(clock seconds, CPU seconds, peak MiB so far) of one evaluation."""
    process.stdin.write("go\n")
    process.stdin.flush()
    while not (line := process.stdout.readline()).startswith("took"):
        if not line:
            raise SystemExit("A worker ended: run its evaluation by hand to see why.")
    return tuple(map(float, line.split()[1:]))


def median(values):
    return sorted(values)[len(values) // 2]


def compare(name, arguments):
    here = Path(__file__).resolve().parents[2]
    workers = {
        "older build": worker(arguments.older.resolve(), name, arguments, {}),
        "encoder": worker(here, name, arguments, {"proposal": "encoder"}),
        "mixture": worker(here, name, arguments, {}),
    }
    if name == "mlp_vae" and importlib.util.find_spec("pythae"):
        workers["pythae"] = worker(here, name, arguments, {}, PYTHAE)
    found = {label: [once(process)] for label, process in workers.items()}
    for _ in range(arguments.rounds):
        for label, process in workers.items():
            found[label].append(once(process))
    for process in workers.values():
        process.stdin.close()
        process.wait()
    cpu = {label: median([each[1] for each in rounds[1:]]) for label, rounds in found.items()}
    print(f"\n{name}, {arguments.images} images × {arguments.samples} samples")
    for label, rounds in found.items():
        speed, ratio = arguments.images * arguments.samples / cpu[label], cpu["older build"] / cpu[label]
        clock, memory = median([each[0] for each in rounds[1:]]), rounds[-1][2]
        print(f"  {label:12} {speed:10,.0f} samples a CPU second, {ratio:5.2f} times as many", end="")
        print(f"   {clock:6.1f} s by the clock   peak {memory:6.0f} MiB", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("older", type=Path, help="a checkout of the older build")
    parser.add_argument("--models", nargs="+", default=["mlp_vae", "mlp_hvae", "conv_vae"])
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--samples", type=int, default=5000, help="importance samples per image")
    parser.add_argument("--rounds", type=int, default=3, help="timed rounds, of which the median counts")
    arguments = parser.parse_args()
    for name in arguments.models:
        compare(name, arguments)


if __name__ == "__main__":
    main()
