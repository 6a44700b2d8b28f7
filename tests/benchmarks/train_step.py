"""Speed of a training step, as a share of the convolution rate that this machine reaches in the same run.

    python tests/benchmarks/train_step.py [--sizes 1 4 16] [--steps 5] [--models vae hvae] [--record]

The yardstick is forward and backward through four 5×5 convolutions of 256 channels. Single
figures drift with the machine's other load; the ratios are what to compare. After them stands how much of a step its
layers take when each is called alone, what feeding the images costs (whole epochs of a network whose steps are short,
beside the steps alone), and how long a checkpoint keeps the training waiting. `--record` keeps the figures for the
book's page on cost.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from time import perf_counter

import keras
import numpy as np
from keras import layers

import vamp_core as vc
from vamp_core.models import MODELS
from vamp_core.networks.gated import gated_mlp
from vamp_core.system.files import write_json
from vamp_core.system.hardware import device_name
from vamp_core.training.batches import Batches
from vamp_core.training.build import STEPS_TOGETHER
from vamp_core.training.checkpoints import all_finite, save_state, state_of
from vamp_core.training.flops import forward_flops, training_flops

BATCH = 256
PRECISIONS = ("float32", "mixed_bfloat16")
# Networks whose epochs are timed, and whether their batches are binarized anew.
EPOCHS = {
    "VAE with s = 1": (lambda: vc.VAE(network_size=1), False),
    "gated MLP": (lambda: vc.VAE(**gated_mlp("vae")), True),
}
RECORD = Path(__file__).parents[2] / "book" / "results" / "train_step.json"


def seconds_per_step(model, x, y=None, steps=5):
    """Median time of a training step, after two that compile and warm up."""
    times = []
    for _ in range(steps + 2):
        started = perf_counter()
        model.train_on_batch(x, y)
        times.append(perf_counter() - started)
    return statistics.median(times[2:])


def seconds_of_layers(model, rounds=20):
    """Time of the forward and backward passes of a model's layers, each called alone; a step may take less than all."""
    import tensorflow as tf

    total = 0.0
    networks = [part for part in model.layers if isinstance(part, keras.Model)]
    for layer in (layer for network in networks for layer in network.layers if layer.trainable_variables):
        rng, dtype = np.random.default_rng(0), layer.compute_dtype
        x = tf.cast(rng.normal(size=(BATCH, *layer.input.shape[1:])), dtype)
        slope = tf.cast(rng.normal(size=(BATCH, *layer.output.shape[1:])), dtype)
        of_images = isinstance(layer, layers.Conv2D) and x.shape[1:] == (28, 28, 1)  # no gradient goes there

        @tf.function
        def both_ways(x=x, slope=slope, layer=layer, of_images=of_images):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x)
            return tape.gradient(y, layer.trainable_variables + [x] * (not of_images), slope)

        times = []
        for _ in range(rounds + 2):
            started = perf_counter()
            both_ways()
            times.append(perf_counter() - started)
        total += statistics.median(times[2:])
    return total


def convolution_rate(steps):
    """FLOP/s of the yardstick under the current precision policy."""
    net = keras.Sequential([keras.Input((14, 14, 256)), *(layers.Conv2D(256, 5, padding="same") for _ in range(4))])
    net.supports_jit = vc.VAE(network_size=1).supports_jit
    net.compile(optimizer="sgd", loss="mse")
    x = np.random.default_rng(0).normal(size=(64, 14, 14, 256)).astype("float32")
    # Three passes a layer, but the first layer's inputs need no gradient.
    flops = forward_flops(net) * (3 - 1 / 4) * len(x)
    return flops / seconds_per_step(net, x, x, steps)


def epochs_share(model, redraw, count=60, rounds=3):
    """Speed of whole epochs of `count` batches in `fit`, as a share of the speed of their steps alone, in turn."""
    together = STEPS_TOGETHER if keras.backend.backend() == "tensorflow" else 1  # as `vc.train` takes them
    images = np.random.default_rng(0).random((count * BATCH, 28, 28, 1), dtype="float32")
    batches = Batches(images, BATCH, seed=0, redraw=redraw)
    shares = []
    for _ in range(rounds):
        model.compile(optimizer=vc.Adam())
        step = seconds_per_step(model, vc.binarize(images[:BATCH], seed=0), steps=count)
        model.compile(optimizer=vc.Adam(), steps_per_execution=together)
        ends = []
        clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs, ends=ends: ends.append(perf_counter()))
        model.fit(batches, epochs=4, shuffle=False, verbose=0, callbacks=[clock])
        shares.append(count * step / statistics.median(np.diff(ends)))
    return statistics.median(shares)


def seconds_of_checkpoint(model, rounds=20):
    """Median times of what a training waits for after an epoch, and of what is written while the next one runs."""
    waits, writes = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            started = perf_counter()
            state = state_of(model)
            assert all_finite(state)
            copied = perf_counter()
            save_state(state, Path(folder) / "checkpoint.npz", run="", epoch=1, history="")
            waits.append(copied - started)
            writes.append(perf_counter() - copied)
    return statistics.median(waits), statistics.median(writes)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=float, nargs="+", default=[1, 4, 16], help="network sizes")
    parser.add_argument("--steps", type=int, default=5, help="timed steps, of which the median counts")
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.relative_to(RECORD.parents[2])}")
    arguments = parser.parse_args()

    images = np.random.default_rng(0).random((BATCH, 28, 28, 1)).astype("float32")
    pseudo_inputs = np.random.default_rng(1).random((500, 28, 28, 1)).astype("float32")
    print(f"{keras.backend.backend()} on {device_name()}")
    print("One row a model: images/s, GFLOP/s, and that as a share of the convolution rate (times float32's images/s)")
    print("The VampPrior's cost: time of its step over the standard prior's, beside the same ratio of FLOPs")
    float32_rate, steps, layers_alone, epochs, checkpoints = {}, [], [], {}, []
    for precision in PRECISIONS:
        keras.config.set_dtype_policy(precision)
        rate = convolution_rate(arguments.steps)
        print(f"\n{precision}: convolution rate {rate / 1e9:,.0f} GFLOP/s")
        for size in arguments.sizes:
            for name in arguments.models:
                seconds, flops = {}, {}
                for prior in ("standard", "vamp"):
                    model = MODELS[name](
                        prior=vc.VampPrior(pseudo_inputs=pseudo_inputs) if prior == "vamp" else prior, network_size=size
                    )
                    model.compile(optimizer=vc.Adam())
                    seconds[prior] = seconds_per_step(model, images, steps=arguments.steps)
                    flops[prior] = training_flops(model, BATCH) * BATCH
                    speed = BATCH / seconds[prior]
                    row = dict(precision=precision, size=size, model=name, prior=prior, images_per_second=round(speed))
                    steps.append(row | dict(flops=flops[prior], rate=round(flops[prior] / seconds[prior] / rate, 3)))
                    reference = float32_rate.setdefault((size, name, prior), speed)
                    print(
                        f"  s = {size:<4g} {name:4} {prior:8} {speed:8,.0f} images/s "
                        f"{flops[prior] / seconds[prior] / 1e9:8,.0f} GFLOP/s "
                        f"{flops[prior] / seconds[prior] / rate:6.2f} of the rate ({speed / reference:.1f}×)",
                        flush=True,
                    )
                cost, expected = (quantity["vamp"] / quantity["standard"] for quantity in (seconds, flops))
                print(f"           {name} VampPrior costs {cost:.2f}× the time for {expected:.2f}× the FLOPs")
        for name in arguments.models if keras.backend.backend() == "tensorflow" else ():
            model = MODELS[name](network_size=1)
            model.compile(optimizer=vc.Adam())
            step, alone = (
                round(1e3 * t, 1) for t in (seconds_per_step(model, images, steps=20), seconds_of_layers(model))
            )
            layers_alone.append({"precision": precision, "model": name, "step_ms": step, "layers_ms": alone})
            print(f"  s = 1    {name:4} a step {step} ms, its layers alone {alone}", flush=True)
        for name, (make, redraw) in EPOCHS.items():
            epochs[f"{name}, {precision}"] = share = round(epochs_share(make(), redraw), 2)
            print(f"  whole epochs of the {name} run at {share:.2f} of the speed of their steps", flush=True)
    for name in arguments.models:
        model = MODELS[name](network_size=1)
        model.compile(optimizer=vc.Adam())
        model.train_on_batch(images)
        waits, writes = (round(1e3 * seconds, 1) for seconds in seconds_of_checkpoint(model))
        checkpoints.append({"model": name, "waits_ms": waits, "writes_ms": writes})
        print(f"\nA checkpoint of the {name}: {waits} ms that the training waits, {writes} ms beside the next epoch")
    if arguments.record:
        found = {"epochs": epochs, "steps": steps, "layers": layers_alone, "checkpoints": checkpoints}
        write_json(RECORD, {"device": device_name(), "batch_size": BATCH, **found})


if __name__ == "__main__":
    main()
