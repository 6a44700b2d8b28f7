"""Every figure of the book: one function each, plain arrays in, a matplotlib Figure out.

Return the figure from a notebook cell to see it; `figure.savefig("latent_space.pdf")` keeps it.
Whatever cannot be drawn raises an `InputError` that says what to pass instead.
"""

import io
import warnings
from statistics import NormalDist

import matplotlib.figure
import matplotlib.style
import numpy as np
from matplotlib.patheffects import withStroke

from vamp_core.errors import InputError

# Ten colours that stay apart under the common colour-vision deficiencies (Petroff 2021, arXiv:2107.02270),
# in an order that gives unlike ones to classes that lie side by side: 4 and 9, 3 and 5, shirt and coat.
PALETTE = np.array("#3f90da #717581 #bd1f01 #ffa90e #92dadd #832db6 #a96b59 #e76300 #94a4a2 #b9ac70".split())
AXES = ("$z_1$", "$z_2$")
STYLE = {"figure.dpi": 150, "font.size": 8.5, "mathtext.fontset": "cm", "legend.frameon": False}
STYLE |= {"axes.spines.top": False, "axes.spines.right": False, "image.cmap": "gray"}
# On top of matplotlib's defaults, not of the user's settings: a dark style would write white on white.
_styled = matplotlib.style.context(STYLE, after_reset=True)


class Figure(matplotlib.figure.Figure):
    """A figure that pyplot does not know of: shown once, where it is returned, and never left open."""

    def _repr_png_(self):
        # Jupyter shows a Figure by itself only after pyplot has loaded the inline backend.
        self.savefig(png := io.BytesIO(), format="png")
        return png.getvalue()


def first_of_each_class(x, y, per_class=10):
    """The first images of every class, class after class: the grid that all models are judged on.

    Args:
        x, y: images, (N, H, W, C), and their class numbers, (N,).
        per_class: images of each class.

    Returns:
        Images, (classes * per_class, H, W, C).
    """
    y = _class_numbers(y, len(x))
    first = [np.flatnonzero(y == k)[:per_class] for k in np.unique(y)]
    if min(map(len, first)) < per_class:
        raise InputError(f"per_class is {per_class}, more images than some class has: ask for fewer.")
    return x[np.concatenate(first)]


@_styled
def image_grid(images, columns=10, title=None):
    """Images row by row, white on black as MNIST is known: inputs, reconstructions, samples or pseudo-inputs.

    Args:
        images: grey or RGB images in [0, 1], (N, H, W, 1) or (N, H, W, 3).
        columns, title: images in a row, and text above them.
    """
    return _draw_mosaics({title: images}, columns, 0.45 * columns)


@_styled
def image_row(panels, columns=10):
    """Several grids of images side by side: the inputs and what each model makes of them, or samples of each.

    Args:
        panels: title → images in [0, 1], as for `image_grid`, as many in each panel.
        columns: images in a row of a panel.
    """
    shapes = {title: np.shape(images) for title, images in panels.items()}
    if len(set(shapes.values())) != 1:
        raise InputError(f"panels have shapes {shapes}: pass as many images of the same shape in each.")
    # 200 dots an inch, or a 28-pixel digit in a panel this small loses strokes.
    return _draw_mosaics(panels, columns, 1.5, dpi=200)


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


@_styled
def latent_space(mean, labels, class_names=None, title=None, pseudo_input_means=None, axis_labels=AXES):
    """Posterior means coloured by class, each class's number at its median.

    Args:
        mean: posterior means, (N, D); for D > 2 they are projected, and the axes say how.
        labels: class numbers, (N,).
        class_names, title: names for a legend, (classes,), and text above the axes.
        pseudo_input_means: posterior means of the pseudo-inputs, (K, D), drawn as crosses.
        axis_labels: for D = 2; an HVAE has ("$z_2$ (top)", "$z_1$").
    """
    figure = Figure((4.4 + 1.3 * bool(class_names), 4.4), layout="compressed")
    axes = figure.add_subplot(title=title)
    _draw_classes(axes, mean, labels, class_names, axis_labels, 3, pseudo_input_means)
    if class_names:
        figure.legend(loc="outside right center", handletextpad=0)
    return figure


@_styled
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


@_styled
def manifold(model, columns=20, extent=None, axis_labels=AXES):
    """Decoded images all over a two-dimensional latent space (Kingma & Welling 2014, figure 4).

    Args:
        model: a model with latent_dim = 2.
        columns: images a side.
        extent: (left, right, bottom, top) in latent units; without it quantiles of N(0, I), not of the prior.
        axis_labels: an HVAE has ("$z_2$ (top)", "$z_1$").
    """
    if model.latent_dim != 2:
        raise InputError(f"latent_dim is {model.latent_dim}, a manifold needs 2: see image_grid for others.")
    steps = (np.arange(columns) + 0.5) / columns
    across = up = [NormalDist().inv_cdf(step) for step in steps]
    if extent is not None:
        across, up = np.interp(steps, [0, 1], extent[:2]), np.interp(steps, [0, 1], extent[2:])
    # The picture is filled from its top row down, and there z_2 is largest.
    z = np.stack(np.meshgrid(across, up[::-1]), axis=-1).reshape(-1, 2).astype("float32")
    mosaic = _mosaic(np.clip(model.decode_mean(z), 0, 1), columns, gap=0)
    figure = Figure((5, 5), layout="compressed")
    axes = figure.add_subplot(xlabel=axis_labels[0], ylabel=axis_labels[1])
    axes.imshow(mosaic, vmin=0, vmax=1, extent=extent or (0, 1, 0, 1), aspect="auto")
    axes.set_box_aspect(mosaic.shape[0] / mosaic.shape[1])
    if extent is None:
        places, names = [NormalDist().cdf(value) for value in range(-2, 3)], ["−2", "−1", "0", "1", "2"]
        axes.set(xticks=places, xticklabels=names, yticks=places, yticklabels=names)
    return figure


@_styled
def loss_history(histories, quantity="loss"):
    """A loss over the epochs: training solid, validation dashed, a colour a run.

    Args:
        histories: run name → a Keras history, {"loss": [...], "val_loss": [...], ...}.
        quantity: the entry to draw, in nats.
    """
    figure = Figure((6, 3.2), layout="compressed")
    axes = figure.add_subplot(xlabel="epoch", ylabel=f"{'−ELBO' if quantity == 'loss' else quantity} (nats)")
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


@_styled
def prior_density(log_prob, mean=None, labels=None, extent=None):
    """The prior over a two-dimensional latent space, and the aggregate posterior as points in it.

    Args:
        log_prob: the prior's log-density in nats, (N, 2) → (N,), as `model.prior.log_prob`.
        mean, labels: posterior means, (N, 2), and class numbers that colour them, (N,).
        extent: (left, right, bottom, top) in latent units; without it, where the means lie, or ±4.
    """
    from keras import ops  # here, so that the other figures wait for no backend

    points = np.empty((0, 2)) if mean is None else np.asarray(mean)
    if points.shape != (len(points), 2):
        raise InputError(f"mean has shape {points.shape}; a density is drawn over a plane: pass (N, 2).")
    colours = "black" if labels is None else PALETTE[_class_numbers(labels, len(points)) % len(PALETTE)]
    extent = extent or ((-4, 4, -4, 4) if mean is None else tuple(_limits(points).ravel()))
    across, up = np.linspace(*extent[:2], 200), np.linspace(*extent[2:], 200)
    z = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2).astype("float32")
    density = ops.convert_to_numpy(log_prob(ops.convert_to_tensor(z))).reshape(200, 200)
    figure = Figure((5, 4.4), layout="compressed")
    axes = figure.add_subplot(xlabel=AXES[0], ylabel=AXES[1], xlim=extent[:2], ylim=extent[2:], box_aspect=1)
    levels = np.ceil(density.max()) + np.arange(-7, 1)
    filled = axes.contourf(across, up, density, levels, cmap="Greys", vmin=levels[0] - 1, vmax=levels[-1] + 7)
    figure.colorbar(filled, label=r"$\log\,p(z)$ (nats)", shrink=0.8)
    axes.scatter(*points.T, s=2, c=colours, linewidths=0, rasterized=True)
    axes.contour(filled, colors="black", linewidths=0.3, linestyles="-")
    return figure


def _class_numbers(labels, count):
    labels = np.asarray(labels)
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise InputError(f"labels are {labels.dtype} {labels.shape}; pass integers ({count},), a class each.")
    return labels


def _mosaic(images, columns, gap=1):
    images = np.asarray(images, "float32")
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not len(images):
        raise InputError(f"images have shape {images.shape}; pass (N, H, W, 1), grey, or (N, H, W, 3), RGB.")
    low, high = images.min(), images.max()
    if not 0 <= low <= high <= 1:
        raise InputError(f"images lie in [{low:.3g}, {high:.3g}], not [0, 1]: divide bytes by 255, or clip.")
    columns = min(columns, len(images))
    # White like the page: neither gaps nor empty cells are part of an image.
    tiles = np.pad(images, [(0, -len(images) % columns), (0, gap), (0, gap), (0, 0)], constant_values=1)
    mosaic = np.vstack([np.hstack(row) for row in tiles.reshape(-1, columns, *tiles.shape[1:])])
    return mosaic[: mosaic.shape[0] - gap, : mosaic.shape[1] - gap]


def _draw_mosaics(panels, columns, width, **kwargs):
    mosaics = [_mosaic(images, columns) for images in panels.values()]
    height = width * mosaics[0].shape[0] / mosaics[0].shape[1] + 0.25 * any(panels)
    figure = Figure((width * len(panels), height), layout="compressed", **kwargs)
    for index, (title, mosaic) in enumerate(zip(panels, mosaics, strict=True), start=1):
        axes = figure.add_subplot(1, len(panels), index, title=title)
        axes.imshow(mosaic, vmin=0, vmax=1)
        axes.set_axis_off()
    return figure


def _draw_classes(axes, mean, labels, class_names, axis_labels, size, pseudo=None):
    labels = _class_numbers(labels, len(mean))
    names = class_names or [str(k) for k in range(labels.max() + 1)]
    if len(names) <= labels.max():
        raise InputError(f"class_names are {len(names)} for labels up to {labels.max()}: name every class.")
    # One projection for both, since two would end in different planes.
    points, method = project_to_plane(mean if pseudo is None else np.concatenate([mean, pseudo]))
    pair = axis_labels if method is None else (f"{method} 1", f"{method} 2")
    limits = _limits(points)
    axes.set(xlabel=pair[0], ylabel=pair[1], xlim=limits[0], ylim=limits[1], box_aspect=1)
    points, pseudo = np.split(points, [len(mean)])
    # Drawn in the order of the data, so that no class covers the others.
    axes.scatter(*points.T, s=size, c=PALETTE[labels % len(PALETTE)], linewidths=0, rasterized=True)
    classes, halo = np.unique(labels), [withStroke(linewidth=2, foreground="white")]
    medians = np.array([np.median(points[labels == k], axis=0) for k in classes])
    for k, place in zip(classes, _spread(medians, np.ptp(limits, axis=1)), strict=True):
        axes.text(*place, k, ha="center", va="center", weight="bold", path_effects=halo)
        name = names[k] if names[k] == str(k) else f"{k} {names[k]}"
        axes.plot([], [], "o", color=PALETTE[k % len(PALETTE)], label=name)
    if len(pseudo):
        axes.scatter(*pseudo.T, s=8, c="black", marker="x", linewidths=0.6, label="pseudo-inputs")


def _limits(points):
    """Both axes' limits, (2, 2), at one scale unless that hides one: an HVAE's levels can differ greatly."""
    spans = np.maximum(np.ptp(points, axis=0), 1e-6)  # a collapsed latent spans nothing
    if spans.max() < 3 * spans.min():
        spans[:] = spans.max()
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    return middle[:, None] + np.outer(spans, [-0.54, 0.54])


def _spread(places, spans, gap=0.075):
    """Pushes apart what lies closer than a share `gap` of the axes, so that the labels there can be read."""
    for _ in range(50):
        away = places[:, None] - places
        distance = np.linalg.norm(away / spans, axis=-1, keepdims=True)
        push = np.maximum(gap - distance, 0) * away / np.maximum(distance, 1e-6)
        places = places + push.sum(axis=1) / 4
    return places
