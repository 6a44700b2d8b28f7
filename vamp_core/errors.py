"""The one exception that stands for a mistake the user can mend."""


class InputError(ValueError):
    """A value handed in by the user cannot work.

    The message is one sentence that names the value, says what is allowed and what to do.
    `train.py` prints it without a traceback; in a notebook it is an ordinary `ValueError`.
    """
