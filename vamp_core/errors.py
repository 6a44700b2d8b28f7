"""The one exception that stands for a mistake the user can mend, and the two checks that everyone needs."""

import numbers


class InputError(ValueError):
    """A value handed in by the user cannot work.

    The message is one sentence that names the value, says what is allowed and what to do.
    `train.py` prints it without a traceback; in a notebook it is an ordinary `ValueError`.
    """


def check_count(name, value):
    """`value` as an int if it is a whole number from 1 up, else an `InputError`."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
        raise InputError(f"{name} is {value!r}; choose a whole number, 1 or more.")
    return int(value)


def check_seed(seed):
    """`seed` as an int if every backend can take it, else an `InputError`."""
    if not isinstance(seed, numbers.Integral) or isinstance(seed, bool) or not 0 <= seed < 2**31:
        raise InputError(f"seed is {seed!r}; choose a whole number from 0 to {2**31 - 1:,}.")
    return int(seed)
