"""The command line of `train.py`: a flag for every setting."""

import argparse
import re
import sys

from vamp_core.errors import InputError
from vamp_core.training.recipes import RECIPES


def parse_flags(settings, arguments=None):
    """{name: value} of what a command line gives, a recipe's settings under those of the other flags.

    Args:
        settings: the fields of `TrainingConfig`.
        arguments: as for `argparse`.

    Raises:
        InputError: an unknown flag or recipe, or a value that is not of the flag's type.
    """
    parser = _Parser(
        prog="train.py",
        description="Trains a VAE or an HVAE with a standard prior or a VampPrior and draws the figures.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--recipe", help="start from the settings of: " + ", ".join(RECIPES))
    for setting in settings:
        parser.add_argument(f"--{setting.name}", default=setting.default, **_flag(setting))
    arguments = [_as_value(argument) for argument in (sys.argv[1:] if arguments is None else arguments)]
    recipe = parser.parse_known_args(arguments)[0].recipe
    if recipe is not None:
        if recipe not in RECIPES:
            raise InputError(f"--recipe is {recipe!r}; choose one of {', '.join(RECIPES)}.")
        parser.set_defaults(**RECIPES[recipe])
    values = vars(parser.parse_args(arguments))
    del values["recipe"]
    return values


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        """Argparse would print a page of usage above its one sentence."""
        raise InputError(f"{message}; see {self.prog} --help.")


def _as_value(argument):
    """Argparse takes -1e2 and -inf for flags, unless a blank stands before them, which numbers do not mind."""
    return f" {argument}" if re.fullmatch(r"-(\d*\.?\d*e[+-]?\d+|inf(inity)?|nan)", argument, re.I) else argument


def _flag(setting):
    """What argparse needs to know of a setting."""
    flag = {"help": setting.metadata["help"]}
    if setting.type is bool:
        return {**flag, "action": "store_true"}
    if setting.metadata["choices"]:
        return {**flag, "metavar": "{" + ",".join(setting.metadata["choices"]) + "}"}
    if "nargs" in setting.metadata:
        return flag | {key: setting.metadata[key] for key in ("nargs", "type", "metavar")}
    number = setting.type if setting.type in (int, float) else str
    return {**flag, "type": number, "metavar": {int: "N", float: "X"}.get(number, "NAME")}
