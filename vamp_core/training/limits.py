"""What each setting of a training is held to: its kind of value, and both of its ends."""

import numbers
import operator
import re
from pathlib import Path

from vamp_core.errors import InputError
from vamp_core.networks.convolutional import NARROW_TO_WIDE, filters

LARGEST = 1e30  # of numbers that float32 must hold, with their squares' roots to spare
# exp of either end is a float32, and so is that of their negatives where posteriors can lie.
LOGVAR_ENDS = ((-100.0, 10.0), (-20.0, 80.0))


def of_its_kind(name, value, kind):
    """`value` as the setting's kind has it; numbers of NumPy become Python's.

    Raises:
        InputError: it is of another kind.
    """
    if kind == (str | None):
        return None if value is None else of_its_kind(name, value, str)
    if kind == (int | str):
        number = isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,9}", value)
        if value != "all" and isinstance(value, str) and not number:
            raise InputError(f"--{name} is {value!r}; give a whole number, or all.")
        return value if value == "all" else of_its_kind(name, int(value) if number else value, int)
    if kind in (tuple[int, ...], tuple[float, float]):
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            raise InputError(f"--{name} is {value!r}; give a row of numbers.")
        return tuple(of_its_kind(name, part, kind.__args__[0]) for part in value)
    if kind is str and isinstance(value, Path):
        return str(value)
    if kind in (bool, str) and isinstance(value, kind):
        return value
    if kind is int and isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return operator.index(value)
    if kind is float and isinstance(value, numbers.Real) and not isinstance(value, bool) and _is_float(value):
        return float(value)
    words = {bool: "True or False", str: "text", int: "a whole number", float: "a number"}
    raise InputError(f"--{name} is {value!r}; give {words[kind]}.")


def _is_float(value):
    try:
        return float(value) is not None
    except OverflowError:  # an integer of hundreds of digits
        return False


def positive(most):
    def check(name, value):
        if not 0 < value <= most:
            raise InputError(f"--{name} is {value}; choose a positive number, at most {most:,}.")

    return check


def not_negative(most):
    def check(name, value):
        if not 0 <= value <= most:
            raise InputError(f"--{name} is {value}; choose zero or more, at most {most:,}.")

    return check


def some_or_all(name, value):
    if value != "all":
        positive(10_000)(name, value)


def units(name, value):
    if any(not 1 <= count <= 100_000 for count in value) or len(value) > 100:
        raise InputError(f"--{name} is {value}; give at most 100 layers, each of at least one unit, at most 100,000.")


def rising(name, value):
    if len(value) != 2 or not value[0] < value[1]:
        raise InputError(f"--{name} is {value}; give the least and then the greatest log-variance.")
    for end, (least, most), what in zip(value, LOGVAR_ENDS, ("least", "greatest"), strict=True):
        if not least <= end <= most:
            raise InputError(
                f"--{name} is {value}, where nothing can be trained: choose the {what} log-variance from "
                f"{least:g} to {most:g}."
            )


def scales_filters(name, value):
    positive(10_000)(name, value)
    filters(NARROW_TO_WIDE[0], value)


def folder_name(name, value):
    if value is None:
        return
    if value in ("", ".", "..") or set(value) & set("/\\") or not value.isprintable() or len(value) > 60:
        raise InputError(f"--{name} is {value!r}; it names one folder, so leave out slashes, and be brief.")


def path(name, value):
    if value is not None and (not value or "\0" in value or not value.isprintable()):
        raise InputError(f"--{name} is {value!r}; it names a place on the disk: give its path, or leave the flag out.")
