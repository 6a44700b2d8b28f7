"""Latent spaces: where posteriors lie, class by class."""

import warnings

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from vamp_core.errors import InputError
from vamp_core.plots.checks import class_colours, class_numbers, class_texts, named, points_in
from vamp_core.plots.style import AXES, Figure, styled


def project_to_plane(mean):
    """Brings latent vectors to two dimensions: unchanged if they have two, else by UMAP, or PCA without it.

    Args:
        mean: posterior means, (N, D) with D of at least 2.

    Returns:
        Points, (N, 2), and how: "UMAP", "PCA", or None for D = 2.
    """
    mean = points_in(mean, least_dims=2)
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
    """Posterior means coloured by class, each class's number at its median; of one latent, a strip a class.

    Args:
        mean: posterior means, (N, D); for D > 2 they are projected, and the axes say how.
        labels: class numbers, (N,).
        class_names, title: names for a legend, (classes,), and text above the axes.
        pseudo_input_means: posterior means of the pseudo-inputs, (K, D), drawn as crosses.
        axis_labels: for D = 2; an HVAE has `HVAE_AXES`.
    """
    mean, labels = _points_and_labels(mean, labels)
    if pseudo_input_means is not None:
        pseudo_input_means = points_in(pseudo_input_means, *mean.shape[1:] * 2, what="pseudo_input_means")
    classes = Classes([labels], class_names)
    figure = Figure((4.4 + 1.3 * (class_names is not None), 4.4), layout="compressed")
    axes = figure.add_subplot(title=title)
    _draw_classes(axes, mean, labels, classes, axis_labels, 3, pseudo_input_means)
    if class_names is not None:
        figure.legend(handles=classes.handles() + axes.get_legend_handles_labels()[0], loc="outside right center",
                      handletextpad=0)  # fmt: skip
    return figure


@styled
def latent_spaces(panels, class_names=None, axis_labels=None):
    """Several latent spaces in a row with one legend.

    Args:
        panels: model name → (mean, labels), as for `latent_space`.
        class_names: names for the legend, (classes,); without them it shows the class numbers.
        axis_labels: model name → pair of labels, where they are not $z_1$ and $z_2$.
    """
    axis_labels = {} if axis_labels is None else named("axis_labels", axis_labels)
    for name, panel in named("panels", panels).items():
        if not isinstance(panel, (tuple, list)) or len(panel) != 2:
            raise InputError(f"The panel {name!r} is a {type(panel).__name__}; pass a pair (mean, labels).")
    panels = {name: _points_and_labels(*panel) for name, panel in panels.items()}
    figure = Figure((2 * len(panels) + 1, 2.2), dpi=200, layout="compressed")
    classes = Classes([labels for _, labels in panels.values()], class_names)
    for index, (name, (mean, labels)) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(1, len(panels), index, title=name)
        _draw_classes(axes, mean, labels, classes, axis_labels.get(name, AXES), 0.6)
    figure.legend(handles=classes.handles(), loc="outside right center", handletextpad=0)
    return figure


class Classes:
    """The classes of all panels of a figure: one colour and one text each."""

    def __init__(self, labels, class_names):
        labels = np.unique(np.concatenate([np.unique(each) for each in labels]))
        self.colours, self.names = class_colours(labels), class_texts(labels, class_names)

    def handles(self):
        """For a legend: "3", or "3 Dress"."""
        texts = {k: name if name == str(k) else f"{k} {name}" for k, name in self.names.items()}
        return [Line2D([], [], ls="", marker="o", color=self.colours[k], label=text) for k, text in texts.items()]


def _points_and_labels(mean, labels):
    mean = points_in(mean)
    return mean, class_numbers(labels, len(mean))


def _draw_classes(axes, mean, labels, classes, axis_labels, size, pseudo=None):
    if pseudo is None:
        pseudo = np.empty((0, mean.shape[1]), "float32")
    draw = _draw_strips if mean.shape[1] == 1 else _draw_plane
    draw(axes, mean, labels, classes, axis_labels, size, pseudo)


def _draw_plane(axes, mean, labels, classes, axis_labels, size, pseudo):
    # One projection for both, since two would end in different planes.
    points, method = project_to_plane(np.concatenate([mean, pseudo]))
    pair = axis_labels if method is None else (f"{method} 1", f"{method} 2")
    limits = plane_limits(points)
    axes.set(xlabel=pair[0], ylabel=pair[1], xlim=limits[0], ylim=limits[1], box_aspect=1)
    points, pseudo = np.split(points, [len(mean)])
    # Drawn in the order of the data, so that no class covers the others.
    axes.scatter(*points.T, s=size, c=colour_each(labels, classes.colours), linewidths=0, rasterized=True)
    name_classes(axes, points, labels, limits)
    _draw_crosses(axes, pseudo)


def _draw_strips(axes, mean, labels, classes, axis_labels, size, pseudo):
    """One latent: z to the right, a row a class, in which the height says nothing."""
    rows = {k: row for row, k in enumerate(classes.names)}
    scatter = np.random.default_rng(0).uniform(-0.35, 0.35, len(mean))  # or the points would hide each other
    heights = np.array([rows[k] for k in labels.tolist()]) + scatter
    axes.scatter(mean[:, 0], heights, s=size, c=colour_each(labels, classes.colours), linewidths=0, rasterized=True)
    _draw_crosses(axes, np.column_stack([pseudo[:, 0], np.full(len(pseudo), -1)]))
    axes.set(xlabel="$z$", ylabel="class", yticks=list(rows.values()), yticklabels=list(rows), box_aspect=1)
    axes.set_ylim(len(rows) - 0.5, -1.5 if len(pseudo) else -0.5)  # class 0 above


def _draw_crosses(axes, points):
    if len(points):
        axes.scatter(*points.T, s=8, c="black", marker="x", linewidths=0.6, label="pseudo-inputs")


def name_classes(axes, points, labels, limits):
    """Writes each class's number where its points lie."""
    present, halo = list(class_texts(labels)), [withStroke(linewidth=2, foreground="white")]
    medians = np.array([np.median(points[labels == k], axis=0) for k in present])
    # A number takes a fifth of an inch of the figure, which is more of a small panel than of a large one.
    gap = max(0.075, 0.2 / min(axes.figure.get_size_inches() / axes.get_subplotspec().get_geometry()[1::-1]))
    for k, place in zip(present, spread_labels(medians, np.ptp(limits, axis=1), gap), strict=True):
        axes.text(*place, k, ha="center", va="center", weight="bold", path_effects=halo)


def colour_each(labels, colours=None):
    """The colours of the points, (N,)."""
    colours = colours or class_colours(labels)
    return np.array([colours[k] for k in labels.tolist()])


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
