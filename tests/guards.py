"""What a GPU does and a CPU does not: it refuses to hand tensors to NumPy, and multiplies float32 in ten bits."""

import contextlib
import functools
import sys
from pathlib import Path
from unittest import mock

import keras


def keep_tensors_out_of_numpy():
    """Lets tensors and variables refuse to become arrays by themselves, as on a GPU tensors do.

    NumPy, SciPy and Matplotlib ask for `__array__`, which a tensor on a CUDA device answers by an error.
    `keras.ops.convert_to_numpy` asks too, but brings the tensor home first: what Keras's own code asks is granted.
    """
    import torch

    home = str(Path(keras.__file__).parent)
    for kind in (torch.Tensor, keras.Variable):
        convert = kind.__array__

        def guarded(self, *args, convert=convert, **kwargs):
            asks = sys._getframe(1).f_code.co_filename
            if not asks.startswith(home):
                raise TypeError(f"A {type(self).__name__} is handed to NumPy in {asks}: use ops.convert_to_numpy.")
            return convert(self, *args, **kwargs)

        kind.__array__ = guarded


@contextlib.contextmanager
def ten_bit_products():
    """Inside the block float32 matrix products and convolutions see operands of ten bits of mantissa, as under TF32.

    Products in float64 are left alone, as GPUs leave them. Gradients' own products stay float32.
    """
    from keras.src import backend  # what `keras.ops` and the layers both call

    names = {backend.numpy: ("matmul", "einsum", "tensordot", "dot"), backend.nn: ("conv", "conv_transpose")}
    with contextlib.ExitStack() as stack:
        for module, functions in names.items():
            for name in functions:
                stack.enter_context(mock.patch.object(module, name, _with_ten_bits(getattr(module, name))))
        yield


def _with_ten_bits(function):
    @functools.wraps(function)
    def on_rounded(*operands, **kwargs):
        return function(*map(_ten_bits, operands), **{name: _ten_bits(value) for name, value in kwargs.items()})

    return on_rounded


def _ten_bits(x):
    """The nearest value of ten bits of mantissa (Dekker 1971, Veltkamp's split), with the gradient of `x`."""
    if not hasattr(x, "dtype") or keras.backend.standardize_dtype(x.dtype) != "float32":
        return x
    x = keras.ops.convert_to_tensor(x)
    scaled = x * (2.0**13 + 1)
    return scaled - (scaled - x)
