"""How the tests run: on all cores, each with float32 networks and the same random numbers whichever ran before it."""

import contextlib
import os

import pytest
from xdist.scheduler import LoadScopeScheduling

# JAX compiles every operation of every shape once, which takes it longer than running them here.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
WORKERS = min(CORES, 8)  # each grows to some two gigabytes

if "PYTEST_XDIST_WORKER" in os.environ:
    # Side by side, threads of one worker only wait for those of another; a notebook's kernel inherits this.
    for variable in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(variable, str(CORES // WORKERS))


def pytest_xdist_auto_num_workers(config):
    """A worker for each core that this process may use; by itself `-n auto` counts the machine's."""
    return WORKERS


class OneByOne(LoadScopeScheduling):
    """Tests go to the workers one by one, but those of a file that share something costly all to one worker."""

    # A notebook's cells share a kernel, the tests of pretrained models one that is trained for them.
    whole = (".ipynb", "test_pretrained.py")

    def _split_scope(self, nodeid):
        file, _, _ = nodeid.partition("::")
        return file if file.endswith(self.whole) else nodeid


def pytest_xdist_make_scheduler(config, log):
    return OneByOne(config, log)


@pytest.fixture(autouse=True, scope="session")
def no_tensor_reaches_numpy():
    """The rule that lets the package run on a GPU holds in all tests under PyTorch, without one."""
    import keras
    from guards import keep_tensors_out_of_numpy

    if keras.backend.backend() == "torch":
        keep_tensors_out_of_numpy()


def pytest_addoption(parser):
    parser.addoption("--ten-bits", action="store_true", help="float32 products in ten bits of mantissa, as under TF32")


@pytest.fixture(autouse=True)
def products(request):
    """Multiplies as a GPU does, if asked to."""
    from guards import ten_bit_products

    with ten_bit_products() if request.config.getoption("--ten-bits") else contextlib.nullcontext():
        yield


@pytest.fixture(autouse=True)
def fresh_start():
    import keras  # here, so that the process which only hands out tests to workers need not load it

    keras.config.set_dtype_policy("float32")
    keras.utils.set_random_seed(0)  # NumPy's too
    yield
    keras.config.set_dtype_policy("float32")
