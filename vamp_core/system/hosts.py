"""Several hosts that train one model together, on JAX: how they join, which one is first, and what it tells the others.

The same command runs on each. Keras's environment variables name the hosts: KERAS_DISTRIBUTION_JOB_ADDRESSES is where
the first one listens, KERAS_DISTRIBUTION_NUM_PROCESSES how many there are, and KERAS_DISTRIBUTION_PROCESS_ID which of
them this is, from 0 on.
"""

import contextlib
import hashlib
import os
import re
import signal

import keras
import numpy as np

from vamp_core.errors import InputError

COUNT = "KERAS_DISTRIBUTION_NUM_PROCESSES"
PLACE = "KERAS_DISTRIBUTION_PROCESS_ID"
ADDRESS = "KERAS_DISTRIBUTION_JOB_ADDRESSES"


def number_of_hosts():
    """How many the environment names; 1 where it names none.

    Raises:
        InputError: the variables do not fit together, or the backend is not JAX.
    """
    count = _number(COUNT, 1, at_least=1)
    if count == 1:
        return 1
    if keras.backend.backend() != "jax":
        raise InputError(f"{COUNT} is {count}, but several hosts train with JAX alone: set KERAS_BACKEND to jax.")
    place = _number(PLACE, None, at_least=0)
    if place >= count:
        raise InputError(f"{PLACE} is {place}, but {COUNT} is {count}: number the hosts from 0 to {count - 1}.")
    address = os.environ.get(ADDRESS, "")
    if not re.fullmatch(r"[^,\s]+:\d+", address):
        raise InputError(f"{ADDRESS} is {address!r}: give all hosts the first one's and a free port, HOST:PORT.")
    return count


def _number(name, default, at_least):
    given = os.environ.get(name, default)
    try:
        number = int(given)
    except (TypeError, ValueError):
        number = at_least - 1
    if number < at_least:
        raise InputError(f"{name} is {given!r}: give a whole number, at least {at_least}.")
    return number


def join_hosts():
    """Waits for the hosts that the environment names, if it names several; a second call does nothing.

    Raises:
        InputError: as `number_of_hosts`, or this process has used its devices before.
    """
    if number_of_hosts() == 1:
        return
    import jax

    if jax.distributed.is_initialized():
        return
    try:
        keras.distribution.initialize()
    except RuntimeError as error:
        raise InputError(
            f"The hosts cannot join ({' '.join(str(error).split())[:100]}): say so before anything is computed, with "
            "vc.on_devices in a script's first lines."
        ) from error
    with contextlib.suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # JAX takes it for a notice, and goes on


def leave_hosts():
    """Waits for the other hosts, and lets them and this one end each at its own time. None can train together again."""
    if several_hosts():
        import jax

        jax.distributed.shutdown()


def several_hosts():
    """Whether this process has joined others."""
    if keras.backend.backend() != "jax":
        return False
    import jax

    return jax.process_count() > 1


def is_first_host():
    """Whether this process is the first of its hosts, or the only one."""
    if not several_hosts():
        return True
    import jax

    return jax.process_index() == 0


def told_by_first(content):
    """The first host's `content`, bytes, on every host. All have to call it, or those that do wait for the others."""
    from jax.experimental import multihost_utils

    length = int(multihost_utils.broadcast_one_to_all(np.int32(len(content))))
    if not length:
        return b""
    values = np.frombuffer(content, np.uint8) if is_first_host() else np.zeros(length, np.uint8)
    return np.asarray(multihost_utils.broadcast_one_to_all(values)).astype(np.uint8).tobytes()


def check_same(settings):
    """Compares what the hosts were told to do, if there are several; `settings` is a text.

    Raises:
        InputError: on all hosts, if they are not all the same.
    """
    if not several_hosts():
        return
    from jax.experimental import multihost_utils

    own = np.frombuffer(hashlib.sha256(settings.encode()).digest(), np.uint8)
    if len(np.unique(multihost_utils.process_allgather(own), axis=0)) > 1:
        raise InputError("The hosts were given different settings: give the same command to all.")


def by_all(function):
    """What `function` returns, if it has succeeded on every host, or on the only one.

    Raises:
        InputError: on all hosts, where it raised one on some.
    """
    if not several_hosts():
        return function()
    from jax.experimental import multihost_utils

    result, failed = None, None
    try:
        result = function()
    except InputError as error:
        failed = error
    failures = np.ravel(multihost_utils.process_allgather(np.int32(failed is not None)))
    if failed is not None:
        raise failed
    if failures.any():
        raise InputError(f"Host {int(np.argmax(failures))} cannot train: see what it says.")
    return result


def by_first(function):
    """What `function` returns on the first host, which alone calls it; None on the others.

    Raises:
        InputError: on all hosts, where it raised one.
    """
    result, message = None, ""
    if is_first_host():
        try:
            result = function()
        except InputError as error:
            message = str(error)
    if message := told_by_first(message.encode()).decode():
        raise InputError(message)
    return result
