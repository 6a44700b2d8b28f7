"""How a loss falls over the epochs."""

import numpy as np

from vamp_core.errors import InputError
from vamp_core.plots.style import PALETTE, Figure, styled


@styled
def loss_history(histories, quantity="loss"):
    """A loss over the epochs: training solid, validation dashed, a colour a run.

    Args:
        histories: run name → a Keras history, {"loss": [...], "val_loss": [...], ...}.
        quantity: the entry to draw, in nats.
    """
    ylabel = {"loss": "−ELBO", "elbo": "ELBO", "kl": "KL"}.get(quantity, quantity)
    figure = Figure((6, 3.2), layout="compressed")
    axes = figure.add_subplot(xlabel="epoch", ylabel=f"{ylabel} (nats)")
    axes.locator_params(axis="x", integer=True)
    for index, (name, history) in enumerate(histories.items()):
        if quantity not in history:
            raise InputError(f"quantity is {quantity!r}; {name} has {', '.join(history)}: choose from them.")
        for key, label, line in ((quantity, name, "-"), (f"val_{quantity}", None, "--")):
            values = np.asarray(history.get(key, ()), "float64")
            marker = "." if len(values) == 1 else ""
            colour = PALETTE[index % len(PALETTE)]
            axes.plot(np.arange(len(values)) + 1, values, line, label=label, color=colour, marker=marker)
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
