"""Speed of `mixture_log_prob` at the paper's sizes, as a share of float32 products that lose digits.

    python tests/benchmarks/mixture.py [--rounds 50]

A training step's share of it is 256 latents under 500 components of 40 dimensions, forward and backward; an
evaluation's 5,000 latents, forward. The yardstick expands the square into two float32 products, as the package did
before; it errs by up to 128 nats where components are narrow. A step with next to no density is taken off both.
All take turns, so that ratios hold on a busy machine; those of CPU seconds, of all threads together, hold best.
"""

import argparse
import math
import time

import keras
import numpy as np
from keras import ops

from vamp_core.density.distributions import mixture_log_prob
from vamp_core.system.hardware import device_name, xla_pays_off


def float32_products(z, means, logvars):
    """The same density by two float32 matrix products in which squares cancel."""
    precision = ops.exp(-logvars)
    squares = ops.matmul(ops.square(z), ops.transpose(precision)) + ops.sum(ops.square(means) * precision, axis=1)
    distances = squares - 2.0 * ops.matmul(z, ops.transpose(means * precision))
    log_components = -0.5 * (ops.sum(math.log(2 * math.pi) + logvars, axis=1) + distances)
    return ops.logsumexp(log_components, axis=1) - math.log(means.shape[0])


def next_to_nothing(z, means, logvars):
    """What reads all and computes little: what Keras's own step costs."""
    return ops.sum(z, axis=1) + ops.sum(means) + ops.sum(logvars)


class Density(keras.Model):
    """A model, because Keras compiles what `predict_on_batch` and `train_on_batch` run."""

    def __init__(self, log_prob, *values):
        super().__init__()
        self.log_prob, self.values = log_prob, [keras.Variable(value) for value in values]
        self.supports_jit = xla_pays_off()
        self.compile(optimizer=keras.optimizers.SGD(0.0), loss=lambda y, log_prob: -ops.sum(log_prob))

    def call(self, x):
        return self.log_prob(*map(ops.convert_to_tensor, self.values))


def seconds(function, x):
    """(clock, CPU) seconds of one call."""
    clock, cpu = time.perf_counter(), time.process_time()
    function(x)
    return time.perf_counter() - clock, time.process_time() - cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=50, help="timed rounds, of which the median counts")
    rounds = parser.parse_args().rounds
    rng = np.random.default_rng(0)
    print(f"{keras.backend.backend()} on {device_name()}")
    for what, count in (("training step", 256), ("evaluation", 5000)):
        values = rng.normal(size=(count, 40)), rng.normal(size=(500, 40)), rng.uniform(-4, 0, (500, 40))
        x, step = np.zeros((count, 1), "float32"), []
        for log_prob in (next_to_nothing, float32_products, mixture_log_prob):
            model = Density(log_prob, *values)
            step.append(model.predict_on_batch if count == 5000 else lambda x, model=model: model.train_on_batch(x, x))
        times = np.array([[seconds(each, x) for each in step] for _ in range(rounds + 2)])
        nothing, yardstick, ours = np.median(times[2:], axis=0)
        ratio = (ours - nothing) / (yardstick - nothing)
        print(f"{what}: {1e3 * (ours - nothing)[0]:.2f} ms, {1e3 * (ours - nothing)[1]:.2f} CPU ms; "
              f"{ratio[0]:.2f} and {ratio[1]:.2f} times the yardstick's")  # fmt: skip


if __name__ == "__main__":
    main()
