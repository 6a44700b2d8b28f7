"""Every test starts with float32 networks and the same random numbers, whichever test ran before it."""

import keras
import pytest


@pytest.fixture(autouse=True)
def fresh_start():
    keras.config.set_dtype_policy("float32")
    keras.utils.set_random_seed(0)  # NumPy's too
    yield
    keras.config.set_dtype_policy("float32")
