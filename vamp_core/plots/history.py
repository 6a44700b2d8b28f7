"""How a loss falls over the epochs."""

import numpy as np

from vamp_core.errors import InputError
from vamp_core.plots.checks import named
from vamp_core.plots.style import PALETTE, Figure, styled
from vamp_core.system.arrays import as_numpy

# A colour and a mark for each run: in print, eight lines are told apart by their marks.
COLOURS, MARKS = PALETTE[[0, 2, 1, 7, 5, 3, 6, 4]], "os^Dv<>X"


@styled
def loss_history(histories, quantity="loss", validation_freq=None):
    """A loss over the epochs: training solid, validation dashed, a colour and a mark a run.

    Args:
        histories: run name → what `fit` returned, or its dictionary {"loss": [...], "val_loss": [...], ...};
            of a single run also without a name.
        quantity: the entry to draw, in nats.
        validation_freq: as it was given to `fit`, where the numbers of values do not tell which epochs were validated.
    """
    ylabel = {"loss": "−ELBO", "elbo": "ELBO", "kl": "KL"}.get(quantity, quantity)
    figure = Figure((6, 3.2), layout="compressed")
    axes = figure.add_subplot(xlabel="epoch", ylabel=f"{ylabel} (nats)")
    axes.locator_params(axis="x", integer=True)
    for index, (name, (epochs, history)) in enumerate(_runs(histories).items()):
        if quantity not in history:
            what = "the history" if name is None else name
            raise InputError(f"quantity is {quantity!r}; {what} has {', '.join(history)}: choose from them.")
        for key, label, line in ((quantity, name, "-"), (f"val_{quantity}", None, "--")):
            values = as_numpy(history.get(key, ()), "float64")
            places = _validated(epochs, len(values), validation_freq) if len(values) else []
            style = dict(color=COLOURS[index % len(COLOURS)], marker=MARKS[index % len(MARKS)], markersize=3.5)
            # Marks of different runs stand at different epochs, or they would hide each other.
            every = max(1, len(values) // 6)
            axes.plot(places, values, line, label=label, markevery=(index % every, every), linewidth=1.2, **style)
    axes.plot([], [], "-", color="black", label="train")
    axes.plot([], [], "--", color="black", label="validation")
    figure.legend(loc="outside right upper")
    # The first epochs fall by hundreds of nats and a spike may rise as far: either flattens all the rest.
    # The axis covers the last four fifths of the epochs, less the highest fiftieth of their values.
    late = [y for run in axes.lines for y in run.get_ydata()[len(run.get_xdata()) // 5 :] if np.isfinite(y)]
    low, high = np.percentile(late or [0], [0, 98])
    margin = 0.06 * (high - low) or 1
    axes.set_ylim(low - margin, high + margin)
    return figure


def _runs(histories):
    """Run name → (epochs from 1 on, history); None is the name of a single run that has none."""
    if hasattr(histories, "history") or not any(_is_history(each) for each in named("histories", histories).values()):
        histories = {None: histories}
    for name, history in histories.items():
        if not _is_history(history):
            raise InputError(
                f"histories hold {history!r:.60} for {name!r}; pass run name → what fit returned, or its .history."
            )
    return {name: _epochs_and_values(history) for name, history in histories.items()}


def _is_history(value):
    return hasattr(value, "history") or hasattr(value, "items")


def _epochs_and_values(history):
    """A Keras `History` counts its epochs from 0, a run's history.csv from 1, a dictionary not at all."""
    if hasattr(history, "history"):
        return [epoch + 1 for epoch in history.epoch], history.history
    values = dict(history.items())
    longest = max((len(each) for each in values.values()), default=0)
    return [int(epoch) for epoch in values.get("epoch", range(1, longest + 1))], values


def _validated(epochs, count, validation_freq):
    """The epochs, of those trained, that `count` values belong to: all, or those after which `fit` validated."""
    if count == len(epochs):
        return epochs
    if validation_freq is None:
        candidates = [range(every, epochs[-1] + 1, every) for every in range(1, epochs[-1] + 1)]
    elif isinstance(validation_freq, (int, np.integer)):
        candidates = [range(validation_freq, epochs[-1] + 1, validation_freq)]
    else:
        candidates = [validation_freq]
    found = {tuple(epoch for epoch in epochs if epoch in chosen) for chosen in candidates}
    found = [places for places in found if len(places) == count]
    if len(found) != 1:
        raise InputError(
            f"{count} values for {len(epochs)} epochs do not tell which epochs were validated: "
            "pass validation_freq as it was given to fit."
        )
    return list(found[0])
