"""The history of a run, {column: list of numbers} with an epoch a row, as the text of a CSV file and back."""

import csv
import io
from pathlib import Path

from vamp_core.errors import InputError


def to_csv(history):
    """The text of history.csv."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(history)
    writer.writerows(zip(*history.values(), strict=True))
    return text.getvalue()


def from_csv(text, source):
    """The history that `text` holds; `source` names it in a sentence.

    Raises:
        InputError: it is not numbers in rows, one for each epoch from the first on.
    """
    try:
        header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        columns = list(zip(*(map(float, row) for row in rows), strict=True)) or [()] * len(header)
        history = {name: list(column) for name, column in zip(header, columns, strict=True)}
        in_order = history["epoch"] == list(range(1, len(rows) + 1)) and len(history) == len(header)
    except (ValueError, KeyError, csv.Error) as error:
        raise InputError(f"{source} is cut or damaged, and no history of a run.") from error
    if not in_order:
        raise InputError(f"{source} does not hold the epochs of a run one after the other.")
    return history


def read_history(path, epochs=None):
    """A run's history.csv; empty if there is none, and of the first `epochs` only if given.

    Raises:
        InputError: the file is damaged, or holds fewer epochs.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read, and is no history of a run.") from error
    history = {} if text is None else from_csv(text, path)
    if len(history.get("epoch", ())) < (epochs or 0):
        raise InputError(
            f"{path} holds {len(history.get('epoch', ()))} epochs of the {epochs} that were trained: put the original "
            "back, or begin anew with --overwrite."
        )
    return {name: column[:epochs] for name, column in history.items()}


def best_epoch(history):
    """The number of the epoch, from 1, with the least finite validation loss; None if there is none."""
    losses = [(loss, epoch) for epoch, loss in enumerate(history.get("val_loss", ()), 1) if abs(loss) < float("inf")]
    return min(losses)[1] if losses else None
