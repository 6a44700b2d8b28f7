"""The picture that stands on the live page for readers without JavaScript."""

import numpy as np
from points import label_places, limits_of

from vamp_core import plots
from vamp_core.pretrained import load_pretrained


def still(planes):
    """The planes of some models side by side: the prior's density, and test images in their classes' colours.

    Args:
        planes: {title: (name of the model, means, labels)}.
    """
    figure, row = plots.subplots(1, len(planes), size=(3.6 * len(planes), 3.8), box_aspect=1)
    for axes, (title, (name, means, labels)) in zip(np.atleast_1d(row), planes.items(), strict=True):
        limits = limits_of(means)
        across, up = (np.linspace(*pair, 150) for pair in limits)
        grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
        model, _ = load_pretrained(name)
        density = model.log_prior(grid).reshape(150, 150)
        levels = np.ceil(density.max()) + np.arange(-7, 1)
        axes.contourf(across, up, density, levels, cmap="Greys", vmin=levels[0] - 1, vmax=levels[-1] + 7)
        axes.scatter(*means.T, s=2, c=plots.PALETTE[labels], linewidths=0)
        for label, place in enumerate(label_places(means, labels, limits)):
            axes.text(*place, label, ha="center", va="center", weight="bold")
        axes.set(title=title, xlim=limits[0], ylim=limits[1], xticks=[], yticks=[])
        axes.set(xlabel=plots.AXES[0], ylabel=plots.AXES[1])
    return figure
