"""How dense a prior is over the plane of two latents, with the posterior means as points in it."""

import numpy as np
from keras import ops

from vamp_core.errors import InputError
from vamp_core.plots.checks import class_numbers, limits_of, named, points_in
from vamp_core.plots.latent import Classes, colour_each, name_classes, plane_limits
from vamp_core.plots.style import AXES, Figure, styled
from vamp_core.system.arrays import as_numpy


@styled
def prior_density(log_prob, mean=None, labels=None, extent=None, axis_labels=AXES, class_names=None):
    """The prior over a two-dimensional latent space, and the aggregate posterior as points in it.

    Args:
        log_prob: the prior's log-density in nats, (N, 2) → (N,), as `model.prior.log_prob`.
        mean, labels: posterior means, (N, 2), and class numbers that colour them, (N,).
        extent: (left, right, bottom, top) in latent units; without it, where the means lie, or ±4.
        axis_labels: an HVAE has `HVAE_AXES`.
        class_names: names for a legend, (classes,); each class's number then stands at its median, too.
    """
    points = np.empty((0, 2)) if mean is None else points_in(mean, 2, most_dims=2)
    colours = "black" if labels is None else colour_each(class_numbers(labels, len(points)))
    if extent is None:
        extent = (-4, 4, -4, 4) if mean is None else plane_limits(points)
    extent, named_classes = limits_of(extent), labels is not None and class_names is not None
    figure = Figure((5 + named_classes, 4.4), layout="compressed")
    axes = figure.add_subplot(xlabel=axis_labels[0], ylabel=axis_labels[1], box_aspect=1)
    filled = _draw_density(axes, log_prob, points, colours, extent)
    figure.colorbar(filled, label=r"$\log\,p(z)$ (nats)", shrink=0.8)
    if named_classes:
        labels = class_numbers(labels, len(points))
        shown = ((points > extent[::2]) & (points < extent[1::2])).all(axis=1)
        name_classes(axes, points[shown], labels[shown], np.reshape(extent, (2, 2)))
        handles = Classes([labels], class_names).handles()
        figure.legend(handles=handles, loc="outside right center", handletextpad=0)
    return figure


@styled
def prior_densities(panels, axis_labels=AXES, class_names=None):
    """Several priors side by side, each over where its own model puts the data; a few strays lie outside.

    Args:
        panels: title → (log_prob, mean, labels), as for `prior_density`.
        axis_labels: a pair of labels.
        class_names: names for a legend, (classes,).
    """
    width = 3.6 * len(named("panels", panels)) + 1.2 * (class_names is not None)
    figure = Figure((width, 3.6), layout="compressed")
    for index, (title, (log_prob, mean, labels)) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(1, len(panels), index, title=title, xlabel=axis_labels[0], box_aspect=1)
        points = points_in(mean, 2, most_dims=2)
        labels = class_numbers(labels, len(points))
        limits = plane_limits(np.percentile(points, [1, 99], axis=0))
        _draw_density(axes, log_prob, points, colour_each(labels), limits_of(limits))
        name_classes(axes, points, labels, limits)
    figure.axes[0].set_ylabel(axis_labels[1])
    if class_names is not None:
        classes = Classes([labels for _, _, labels in panels.values()], class_names)
        figure.legend(handles=classes.handles(), loc="outside right center", handletextpad=0)
    return figure


def _draw_density(axes, log_prob, points, colours, extent):
    """Contours of a log-density over points of the plane; returns the filled ones, for a colour bar."""
    across, up = np.linspace(*extent[:2], 200), np.linspace(*extent[2:], 200)
    z = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2).astype("float32")
    density = as_numpy(log_prob(ops.convert_to_tensor(z)), "float64").reshape(200, 200)
    if not np.isfinite(density.max()):
        raise InputError(f"log_prob gives {density.max()} within {extent}: choose an extent where the prior is finite.")
    levels = np.ceil(density.max()) + np.arange(-7, 1)
    # Light greys only, or points of a grey class would be lost on them.
    filled = axes.contourf(across, up, density, levels, cmap="Greys", vmin=levels[0] - 1, vmax=levels[-1] + 14)
    axes.scatter(*points.T, s=2, c=colours, linewidths=0, rasterized=True)
    axes.contour(filled, colors="black", linewidths=0.3, linestyles="-")
    axes.set(xlim=extent[:2], ylim=extent[2:])
    return filled
