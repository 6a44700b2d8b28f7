"""Keeps TensorFlow's start-up notes off the screen.

Its C++ libraries write them to the file descriptor while they are loaded, before any setting
is read, so that every notebook would begin with a block of them. Python's own warnings and
errors are not touched.
"""

import contextlib
import os
import sys


@contextlib.contextmanager
def quiet_start():
    """Sends file descriptor 2 to nowhere while the block imports a backend for the first time."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with contextlib.nullcontext() if "tensorflow" in sys.modules else quiet():
        yield


@contextlib.contextmanager
def quiet():
    """Sends file descriptor 2 to nowhere inside the block."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
