"""Every test starts with float32 networks and the same random numbers, whichever test ran before it."""

import os

import pytest

# JAX compiles every operation of every shape once, which takes it longer than running them here.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

import keras  # noqa: E402


@pytest.fixture(autouse=True)
def fresh_start():
    keras.config.set_dtype_policy("float32")
    keras.utils.set_random_seed(0)  # NumPy's too
    yield
    keras.config.set_dtype_policy("float32")
