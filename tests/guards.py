"""What the tests forbid while they run: a PyTorch tensor handed to NumPy as it is."""

import sys
from pathlib import Path


def keep_tensors_out_of_numpy():
    """Lets tensors and variables refuse to become arrays by themselves, as on a GPU tensors do.

    NumPy, SciPy and Matplotlib ask for `__array__`, which a tensor on a CUDA device answers by an error.
    `keras.ops.convert_to_numpy` asks too, but brings the tensor home first: what Keras's own code asks is granted.
    """
    import keras
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
