#!/usr/bin/env bash
# JAX 0.10.2 on a CPU: a convolution inside of lax.scan takes many times what it takes in a Python loop around the same
# compiled step (16 to 37 times in three runs, on two cores). So "an epoch as one program", which saves launches on a GPU,
# is the wrong thing on a CPU, and nothing says so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet jax==0.10.2

cat > scan.py <<'PYTHON'
import time

import jax
import jax.numpy as jnp
import numpy as np

batches = np.random.default_rng(0).random((4, 64, 28, 28, 8), dtype="float32")
kernel = np.random.default_rng(1).random((5, 5, 8, 8), dtype="float32")


def loss(kernel, x):
    y = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return jnp.mean(jnp.square(y))


def step(kernel, x):
    return kernel - 1e-3 * jax.grad(loss)(kernel, x), None


step_by_step = jax.jit(lambda kernel, x: step(kernel, x)[0])
as_one = jax.jit(lambda kernel, batches: jax.lax.scan(step, kernel, batches)[0])


def loop(kernel, batches):
    for x in batches:
        kernel = step_by_step(kernel, x)
    return kernel


def seconds(function):
    function(kernel, batches).block_until_ready()
    started = time.perf_counter()
    function(kernel, batches).block_until_ready()
    return time.perf_counter() - started


alone, scanned = seconds(loop), seconds(as_one)
print(f"four steps in a Python loop: {alone:.2f} s, in lax.scan: {scanned:.2f} s")
assert scanned > 3 * alone
PYTHON

JAX_PLATFORMS=cpu venv/bin/python scan.py
