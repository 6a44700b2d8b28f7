"""Latent spaces: where posteriors lie, class by class, and how dense the prior is there."""

import warnings

import numpy as np
from matplotlib.patheffects import withStroke

from vamp_core.errors import InputError
from vamp_core.plots.images import class_numbers
from vamp_core.plots.style import AXES, PALETTE, Figure, styled


def project_to_plane(mean):
    """Brings latent vectors to two dimensions: unchanged if they have two, else by UMAP, or PCA without it.

    Args:
        mean: posterior means, (N, D) with D of at least 2.

    Returns:
        Points, (N, 2), and how: "UMAP", "PCA", or None for D = 2.
    """
    mean = np.asarray(mean, "float32")
    if mean.ndim != 2 or mean.shape[1] < 2:
        raise InputError(f"mean has shape {mean.shape}; pass (N, D) with a latent_dim D of at least 2.")
    if mean.shape[1] == 2:
        return mean, None
    try:
        from umap import UMAP
    except ImportError:
        warnings.warn('UMAP is not installed and PCA stands in: pip install "vamp_core[umap]"', stacklevel=2)
        centred = mean - mean.mean(axis=0)
        return centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T, "PCA"
    return UMAP(random_state=0, n_jobs=1).fit_transform(mean), "UMAP"


@styled
def latent_space(mean, labels, class_names=None, title=None, pseudo_input_means=None, axis_labels=AXES):
    """Posterior means coloured by class, each class's number at its median.

    Args:
        mean: posterior means, (N, D); for D > 2 they are projected, and the axes say how.
        labels: class numbers, (N,).
        class_names, title: names for a legend, (classes,), and text above the axes.
        pseudo_input_means: posterior means of the pseudo-inputs, (K, D), drawn as crosses.
        axis_labels: for D = 2; an HVAE has `HVAE_AXES`.
    """
    figure = Figure((4.4 + 1.3 * bool(class_names), 4.4), layout="compressed")
    axes = figure.add_subplot(title=title)
    _draw_classes(axes, mean, labels, class_names, axis_labels, 3, pseudo_input_means)
    if class_names:
        figure.legend(loc="outside right center", handletextpad=0)
    return figure


@styled
def latent_spaces(panels, class_names=None, axis_labels=None):
    """Several latent spaces in a row with one legend.

    Args:
        panels: model name → (mean, labels), as for `latent_space`.
        class_names: names for the legend, (classes,); without them it shows the class numbers.
        axis_labels: model name → pair of labels, where they are not $z_1$ and $z_2$.
    """
    figure = Figure((2 * len(panels) + 1, 2.2), dpi=200, layout="compressed")
    for index, (name, (mean, labels)) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(1, len(panels), index, title=name)
        _draw_classes(axes, mean, labels, class_names, (axis_labels or {}).get(name, AXES), 0.6)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", handletextpad=0)
    return figure


@styled
def prior_density(log_prob, mean=None, labels=None, extent=None, axis_labels=AXES):
    """The prior over a two-dimensional latent space, and the aggregate posterior as points in it.

    Args:
        log_prob: the prior's log-density in nats, (N, 2) → (N,), as `model.prior.log_prob`.
        mean, labels: posterior means, (N, 2), and class numbers that colour them, (N,).
        extent: (left, right, bottom, top) in latent units; without it, where the means lie, or ±4.
        axis_labels: an HVAE has `HVAE_AXES`.
    """
    points = np.empty((0, 2)) if mean is None else np.asarray(mean)
    if points.shape != (len(points), 2):
        raise InputError(f"mean has shape {points.shape}; a density is drawn over a plane: pass (N, 2).")
    colours = "black" if labels is None else PALETTE[class_numbers(labels, len(points)) % len(PALETTE)]
    extent = extent or ((-4, 4, -4, 4) if mean is None else tuple(plane_limits(points).ravel()))
    figure = Figure((5, 4.4), layout="compressed")
    axes = figure.add_subplot(xlabel=axis_labels[0], ylabel=axis_labels[1], box_aspect=1)
    filled = _draw_density(axes, log_prob, points, colours, extent)
    figure.colorbar(filled, label=r"$\log\,p(z)$ (nats)", shrink=0.8)
    return figure


@styled
def prior_densities(panels, axis_labels=AXES):
    """Several priors side by side, each over where its own model puts the data; a few strays lie outside.

    Args:
        panels: title → (log_prob, mean, labels), as for `prior_density`.
        axis_labels: a pair of labels.
    """
    figure = Figure((3.6 * len(panels), 3.6), layout="compressed")
    for index, (title, (log_prob, mean, labels)) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(1, len(panels), index, title=title, xlabel=axis_labels[0], box_aspect=1)
        labels = class_numbers(labels, len(mean))
        limits = plane_limits(np.percentile(mean, [1, 99], axis=0))
        _draw_density(axes, log_prob, np.asarray(mean), PALETTE[labels % len(PALETTE)], tuple(limits.ravel()))
        _name_classes(axes, mean, labels, limits)
    figure.axes[0].set_ylabel(axis_labels[1])
    return figure


def _draw_density(axes, log_prob, points, colours, extent):
    """Contours of a log-density over points of the plane; returns the filled ones, for a colour bar."""
    from keras import ops  # here, so that the other figures wait for no backend

    across, up = np.linspace(*extent[:2], 200), np.linspace(*extent[2:], 200)
    z = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2).astype("float32")
    density = ops.convert_to_numpy(log_prob(ops.convert_to_tensor(z))).reshape(200, 200)
    levels = np.ceil(density.max()) + np.arange(-7, 1)
    filled = axes.contourf(across, up, density, levels, cmap="Greys", vmin=levels[0] - 1, vmax=levels[-1] + 7)
    axes.scatter(*points.T, s=2, c=colours, linewidths=0, rasterized=True)
    axes.contour(filled, colors="black", linewidths=0.3, linestyles="-")
    axes.set(xlim=extent[:2], ylim=extent[2:])
    return filled


def _name_classes(axes, points, labels, limits):
    """Writes each class's number where its points lie; returns the numbers."""
    classes, halo = np.unique(labels), [withStroke(linewidth=2, foreground="white")]
    medians = np.array([np.median(points[labels == k], axis=0) for k in classes])
    for k, place in zip(classes, spread_labels(medians, np.ptp(limits, axis=1)), strict=True):
        axes.text(*place, k, ha="center", va="center", weight="bold", path_effects=halo)
    return classes


def _draw_classes(axes, mean, labels, class_names, axis_labels, size, pseudo=None):
    labels = class_numbers(labels, len(mean))
    names = class_names or [str(k) for k in range(labels.max() + 1)]
    if len(names) <= labels.max():
        raise InputError(f"class_names are {len(names)} for labels up to {labels.max()}: name every class.")
    # One projection for both, since two would end in different planes.
    points, method = project_to_plane(mean if pseudo is None else np.concatenate([mean, pseudo]))
    pair = axis_labels if method is None else (f"{method} 1", f"{method} 2")
    limits = plane_limits(points)
    axes.set(xlabel=pair[0], ylabel=pair[1], xlim=limits[0], ylim=limits[1], box_aspect=1)
    points, pseudo = np.split(points, [len(mean)])
    # Drawn in the order of the data, so that no class covers the others.
    axes.scatter(*points.T, s=size, c=PALETTE[labels % len(PALETTE)], linewidths=0, rasterized=True)
    for k in _name_classes(axes, points, labels, limits):
        name = names[k] if names[k] == str(k) else f"{k} {names[k]}"
        axes.plot([], [], "o", color=PALETTE[k % len(PALETTE)], label=name)
    if len(pseudo):
        axes.scatter(*pseudo.T, s=8, c="black", marker="x", linewidths=0.6, label="pseudo-inputs")


def plane_limits(points):
    """Both axes' limits, (2, 2), at one scale unless that hides one: an HVAE's levels can differ greatly."""
    spans = np.maximum(np.ptp(points, axis=0), 1e-6)  # a collapsed latent spans nothing
    if spans.max() < 3 * spans.min():
        spans[:] = spans.max()
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    return middle[:, None] + np.outer(spans, [-0.54, 0.54])


def spread_labels(places, spans, gap=0.075):
    """Pushes apart labels that lie too close to be read.

    Args:
        places: where they are to stand, (N, 2).
        spans: lengths of the two axes, (2,), in the units of `places`.
        gap: the least distance that is aimed at, as a share of the axes.

    Returns:
        (N, 2), near the places asked for.
    """
    for _ in range(50):
        away = places[:, None] - places
        distance = np.linalg.norm(away / spans, axis=-1, keepdims=True)
        push = np.maximum(gap - distance, 0) * away / np.maximum(distance, 1e-6)
        places = places + push.sum(axis=1) / 4
    return places
