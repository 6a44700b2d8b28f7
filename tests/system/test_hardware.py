"""Precision follows what the machine multiplies in."""

import sys
from types import SimpleNamespace

import keras
import pytest

from vamp_core import hardware
from vamp_core.errors import InputError


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with the given CPU flags and GPU."""

    def make(flags="", gpu=None, backend="tensorflow"):
        cpuinfo = tmp_path / "cpuinfo"
        cpuinfo.write_text(f"model name\t: Example 9000\nflags\t\t: fpu {flags}\n")
        found = hardware.cpu_flags(cpuinfo)
        monkeypatch.setattr(hardware, "cpu_flags", lambda *_: found)
        monkeypatch.setattr(hardware, "gpu", lambda: gpu)
        monkeypatch.setattr(keras.backend, "backend", lambda: backend)
        return cpuinfo

    return make


@pytest.mark.parametrize(
    ("flags", "gpu", "backend", "precision", "xla"),
    [
        ("avx2", None, "tensorflow", "float32", False),
        ("avx2 avx512_bf16", None, "tensorflow", "mixed_bfloat16", False),
        ("amx_bf16 amx_tile", None, "tensorflow", "mixed_bfloat16", False),
        ("amx_bf16 amx_tile", None, "jax", "float32", True),
        ("", ("T4", (7, 5)), "tensorflow", "float32", True),
        ("amx_bf16", ("T4", (7, 5)), "tensorflow", "float32", True),
        ("", ("A100", (8, 0)), "tensorflow", "mixed_bfloat16", True),
        ("", ("H100", (9, 0)), "jax", "mixed_bfloat16", True),
    ],
)
def test_auto_is_bfloat16_only_where_the_hardware_multiplies_in_it(machine, flags, gpu, backend, precision, xla):
    machine(flags, gpu, backend)
    assert hardware.resolve_precision("auto") == precision
    assert hardware.resolve_precision("mixed_float16") == "mixed_float16"
    assert hardware.xla_pays_off() is xla


def test_bfloat16_is_refused_on_a_gpu_that_has_none(machine):
    machine(gpu=("Tesla T4", (7, 5)))
    with pytest.raises(InputError, match="the Tesla T4 does not multiply: choose auto, float32 or mixed_float16"):
        hardware.resolve_precision("mixed_bfloat16")
    machine(gpu=("A100", (8, 0)))
    assert hardware.resolve_precision("mixed_bfloat16") == "mixed_bfloat16"


@pytest.mark.parametrize(
    ("backend", "gpu", "sees", "platforms", "other"),
    [
        ("jax", ("A100", (8, 0)), ["GPU:0"], None, "TensorFlow"),
        ("jax", ("A100", (8, 0)), [], None, None),  # TensorFlow was told to leave it
        ("jax", None, ["GPU:0"], None, None),
        ("tensorflow", ("A100", (8, 0)), ["GPU:0"], None, "JAX"),
        ("tensorflow", ("A100", (8, 0)), ["GPU:0"], "cpu", None),
        ("torch", ("A100", (8, 0)), [], None, "JAX"),
    ],
)
def test_a_library_that_may_hold_the_gpu_is_named(machine, monkeypatch, backend, gpu, sees, platforms, other):
    machine(gpu=gpu, backend=backend)
    tensorflow_config = SimpleNamespace(get_visible_devices=lambda kind: sees)
    for name, config in (("tensorflow", tensorflow_config), ("jax", SimpleNamespace(jax_platforms=platforms))):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(__name__=name, config=config))
    assert (hardware.other_on_gpu() or (None,))[0] == other


def test_a_library_that_is_not_loaded_holds_nothing(machine, monkeypatch):
    machine(gpu=("A100", (8, 0)), backend="torch")
    for name in hardware.LEAVE_GPU:
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert hardware.other_on_gpu() is None


def test_a_record_names_the_device(machine):
    assert hardware.device_name(machine("avx2 sse avx512_bf16")).startswith("Example 9000, ")
    assert hardware.device_name(machine("avx2 sse avx512_bf16")).endswith("(avx2, avx512_bf16)")
    assert hardware.device_name(machine(gpu=("NVIDIA T4", (7, 5)))) == "NVIDIA T4"


def test_a_system_without_cpuinfo_has_no_flags(tmp_path):
    assert hardware.cpu_flags(tmp_path / "missing") == frozenset()


def test_an_unknown_precision_is_named():
    with pytest.raises(InputError, match="precision is 'float8'.*mixed_bfloat16"):
        hardware.resolve_precision("float8")
