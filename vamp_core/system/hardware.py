"""What the machine is, what it multiplies in and how much memory it has, as the backend tells."""

import contextlib
import os
import platform
import sys
from pathlib import Path

import keras

from vamp_core.errors import InputError
from vamp_core.system.devices import has_replicas
from vamp_core.system.memory import machine_memory
from vamp_core.system.quiet import quiet

PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")

# CPU features, as Linux names them, that multiply bfloat16 in hardware; without them it is emulated.
BFLOAT16_CPU_FLAGS = {"amx_bf16", "avx512_bf16"}
BFLOAT16_COMPUTE_CAPABILITY = (8, 0)


def gpu():
    """The first NVIDIA GPU that the backend sees, as (name, (major, minor) compute capability), or None."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        if not (gpus := tf.config.list_physical_devices("GPU")):
            return None
        details = tf.config.experimental.get_device_details(gpus[0])
        return details.get("device_name", "GPU"), details.get("compute_capability", (0, 0))
    if backend == "jax":
        import jax

        device = jax.devices()[0]
        capability = getattr(device, "compute_capability", None)
        return (device.device_kind, tuple(int(part) for part in str(capability).split("."))) if capability else None
    import torch

    available = torch.cuda.is_available()
    return (torch.cuda.get_device_name(), torch.cuda.get_device_capability()) if available else None


def cpu_flags(cpuinfo=Path("/proc/cpuinfo")):
    """The CPU's feature flags; empty where the system does not list them (macOS, Windows)."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(flag for line in lines if line.startswith("flags") for flag in line.split())


def device_name(cpuinfo=Path("/proc/cpuinfo")):
    """What a run's record calls the machine: the GPU, or the CPU, its usable cores, and what its speed depends on."""
    if (found := gpu()) is not None:
        return found[0]
    try:
        lines = cpuinfo.read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    features = sorted(cpu_flags(cpuinfo) & (BFLOAT16_CPU_FLAGS | {"avx512f", "avx2"}))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} core{'s' * (cores != 1)}" + (f" ({', '.join(features)})" if features else "")


def memory():
    """Bytes of memory that a training may take: the machine's, or the GPU's; None where nobody tells.

    TensorFlow does not tell how much a GPU has.
    """
    with quiet():  # TensorFlow looks for a GPU here, and complains where there is none
        found = gpu()
    if found is None:
        return machine_memory()
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return (jax.devices()[0].memory_stats() or {}).get("bytes_limit")
    if backend == "torch":
        import torch

        return torch.cuda.get_device_properties(0).total_memory
    return None


def is_out_of_memory(error):
    """Whether an exception of the backend says that there is no memory left."""
    names = {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}
    told = "RESOURCE_EXHAUSTED" in str(error) or "not enough memory" in str(error)
    return bool(names & {kind.__name__ for kind in type(error).__mro__}) or told


# How a library is told to leave the GPU to the other one, each of which takes most of its memory at once.
LEAVE_GPU = {
    "tensorflow": ("TensorFlow", 'tf.config.set_visible_devices([], "GPU")'),
    "jax": ("JAX", 'jax.config.update("jax_platforms", "cpu")'),
}


def other_on_gpu():
    """A library besides the backend that may hold the GPU's memory, as (name, how to keep it off), or None."""
    backend = keras.backend.backend()
    for module, told in LEAVE_GPU.items():
        if module != backend and module in sys.modules and gpu() is not None and _uses_gpu(sys.modules[module]):
            return told
    return None


def _uses_gpu(library):
    """Whether TensorFlow or JAX was not told to leave the GPU alone."""
    if library.__name__ == "tensorflow":
        return bool(library.config.get_visible_devices("GPU"))
    return library.config.jax_platforms != "cpu"


def has_fast_bfloat16():
    """Whether this machine multiplies bfloat16 in hardware under the backend in use.

    GPUs do from compute capability 8.0 on. On a CPU only TensorFlow's convolutions use the
    instructions; elsewhere bfloat16 is emulated and many times slower than float32.
    """
    if (found := gpu()) is not None:
        return found[1] >= BFLOAT16_COMPUTE_CAPABILITY
    return keras.backend.backend() == "tensorflow" and bool(cpu_flags() & BFLOAT16_CPU_FLAGS)


def xla_pays_off():
    """False for TensorFlow on a CPU, where XLA halves the speed of these models, or on several devices; else True.

    XLA refuses variables of other devices; that is what virtual CPUs said, and GPUs were not asked.
    """
    return keras.backend.backend() != "tensorflow" or (gpu() is not None and not has_replicas())


def resolve_precision(precision):
    """The Keras dtype policy for `precision`; "auto" is mixed_bfloat16 where `has_fast_bfloat16`, else float32.

    Raises:
        InputError: `precision` is none of `PRECISIONS`, or mixed_bfloat16 on a GPU older than that. A CPU without it
            emulates it, slowly.
    """
    if precision not in PRECISIONS:
        raise InputError(f"precision is {precision!r}; choose one of {', '.join(PRECISIONS)}.")
    if precision == "mixed_bfloat16" and (found := gpu()) is not None:
        name, capability = found
        if (0, 0) < capability < BFLOAT16_COMPUTE_CAPABILITY:
            raise InputError(
                f"precision is mixed_bfloat16, in which the {name} does not multiply: choose auto, float32 or "
                "mixed_float16."
            )
    if precision != "auto":
        return precision
    return "mixed_bfloat16" if has_fast_bfloat16() else "float32"


@contextlib.contextmanager
def float64():
    """Inside the block JAX computes in float64 where it is asked to, as the others always do, and warns of nothing."""
    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    enable_x64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64  # until 0.8
    with enable_x64(True):
        yield


def has_float64():
    """Whether the device computes in float64: Apple's GPUs, which PyTorch uses, do not."""
    if keras.backend.backend() != "torch":
        return True
    import torch

    return not torch.backends.mps.is_available()


def exact_float32_products():
    """Turns TF32 off for the whole process: ten bits of mantissa, in which newer GPUs may multiply float32.

    Nothing in the package calls it. Densities do not need it; networks multiply as the backend is set, in `vc.train`
    as in `fit`, `elbo` and `log_likelihood`, so that all give the same numbers. By default TensorFlow and JAX use TF32
    for convolutions and dense layers, PyTorch for convolutions: that moves an image's ELBO by hundredths of a nat.
    Call this first, for numbers to be compared with a CPU's.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)
    elif backend == "jax":
        import jax

        jax.config.update("jax_default_matmul_precision", "float32")
    else:
        import torch

        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
