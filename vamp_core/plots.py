"""Every figure of the book: one function each, plain arrays in, a matplotlib Figure out.

Return the figure from a notebook cell to see it; `figure.savefig("latent_space.pdf")` keeps it.
Arrays that cannot be drawn raise an `InputError` that says what to pass instead.
"""

import io
import warnings
from statistics import NormalDist

import matplotlib.figure
import matplotlib.style
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from vamp_core.errors import InputError

# Ten colours that stay apart under the common colour-vision deficiencies (Petroff 2021, arXiv:2107.02270),
# in an order that gives unlike ones to classes that lie side by side: 4 and 9, 3 and 5, shirt and coat.
COLOURS = "#3f90da #717581 #bd1f01 #ffa90e #92dadd #832db6 #a96b59 #e76300 #94a4a2 #b9ac70"
PALETTE = np.array(COLOURS.split())
LATENT_AXES = ("$z_1$", "$z_2$")
STYLE = {
    "figure.dpi": 150,
    "font.size": 8,
    "axes.labelsize": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "mathtext.fontset": "cm",
    "image.cmap": "gray",  # white on black, as MNIST is known
}
# On top of matplotlib's defaults, not of the user's settings: a dark style would write white on white.
_styled = matplotlib.style.context(STYLE, after_reset=True)


class Figure(matplotlib.figure.Figure):
    """A figure that pyplot does not know of: shown once, where it is returned, and never left open."""

    def __init__(self, width, height, **kwargs):
        super().__init__(figsize=(width, height), layout="compressed", **kwargs)

    def _repr_png_(self):
        # Jupyter shows a Figure by itself only after pyplot has loaded the inline backend.
        png = io.BytesIO()
        self.savefig(png, format="png")
        return png.getvalue()


def first_of_each_class(x, y, per_class=10):
    """The first images of every class, class after class: the grid that all models are judged on.

    Args:
        x: images, (N, H, W, C).
        y: class numbers, (N,).
        per_class: images of each class.

    Returns:
        Images, (classes * per_class, H, W, C).

    Raises:
        InputError: `y` is not one class number an image, or a class has too few images.
    """
    y = _class_numbers(y, len(x))
    first = [np.flatnonzero(y == k)[:per_class] for k in np.unique(y)]
    fewest = min(map(len, first))
    if fewest < per_class:
        raise InputError(f"per_class is {per_class}, but a class has only {fewest} images: ask for no more.")
    return x[np.concatenate(first)]


@_styled
def image_grid(images, columns=10, title=None):
    """Images row by row: inputs, reconstructions, samples or pseudo-inputs.

    Args:
        images: grey or RGB images in [0, 1], (N, H, W, 1) or (N, H, W, 3).
        columns: images in a row.
        title: text above the grid.
    """
    return _draw_mosaics({title: _mosaic(images, columns)}, 0.45 * columns)


@_styled
def reconstruction_row(inputs, reconstructions, columns=10):
    """The inputs and what each model makes of them, a panel each.

    Args:
        inputs: images in [0, 1], (N, H, W, C).
        reconstructions: model name → images in [0, 1], (N, H, W, C) each.
        columns: images in a row of a panel.
    """
    for name, images in reconstructions.items():
        if images.shape != inputs.shape:
            raise InputError(
                f"{name} has shape {images.shape}, inputs {inputs.shape}: reconstruct just those."
            )
    panels = {"Input": inputs, **reconstructions}
    # 200 dots an inch, or a 28-pixel digit in a panel this small loses strokes.
    return _draw_mosaics({name: _mosaic(images, columns) for name, images in panels.items()}, 1.5, dpi=200)


def project_to_plane(mean):
    """Brings latent vectors to two dimensions: unchanged if they have two, else by UMAP, or PCA without it.

    Args:
        mean: posterior means, (N, D) with D of at least 2.

    Returns:
        Points, (N, 2), and how: "UMAP", "PCA", or None for D = 2.

    Raises:
        InputError: `mean` is not a matrix of at least two columns.
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
def latent_space(
    mean, labels, class_names=None, title=None, pseudo_input_means=None, axis_labels=LATENT_AXES
):
    """Posterior means coloured by class, each class's number at its median.

    Args:
        mean: posterior means, (N, D); for D > 2 they are projected, and the axes say how.
        labels: class numbers, (N,).
        class_names: names for a legend, (classes,).
        title: text above the axes.
        pseudo_input_means: posterior means of the pseudo-inputs, (K, D), drawn as crosses.
        axis_labels: for D = 2; an HVAE has ("$z_2$ (top)", "$z_1$").
    """
    figure = Figure(4.4 + bool(class_names), 4.4)
    axes = figure.subplots()
    handles = _draw_classes(axes, mean, labels, class_names, axis_labels, 3, pseudo_input_means)
    axes.set_title(title)
    if class_names:
        figure.legend(handles=handles, loc="outside right center", handletextpad=0)
    return figure


@_styled
def latent_spaces(panels, class_names=None, axis_labels=None):
    """Several latent spaces in a row with one legend.

    Args:
        panels: model name → (mean, labels), as for `latent_space`.
        class_names: names for the legend, (classes,); without them it shows the class numbers.
        axis_labels: model name → pair of labels, where they are not $z_1$ and $z_2$.
    """
    figure = Figure(2 * len(panels), 2.4, dpi=200)
    for axes, (name, (mean, labels)) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items()
    ):
        pair = (axis_labels or {}).get(name, LATENT_AXES)
        handles = _draw_classes(axes, mean, labels, class_names, pair, 0.6)
        axes.set_title(name)
    figure.legend(handles=handles, loc="outside lower center", ncols=10, columnspacing=0.8, handletextpad=0)
    return figure


@_styled
def manifold(model, columns=20, extent=None, axis_labels=LATENT_AXES):
    """Decoded images all over a two-dimensional latent space, each where its latent lies.

    Args:
        model: a model with latent_dim = 2.
        columns: images a side.
        extent: (left, right, bottom, top) in latent units, gone over in equal steps. Without it, equal steps
            of the standard normal's probability (Kingma & Welling 2014, figure 4); give it for other priors.
        axis_labels: an HVAE has ("$z_2$ (top)", "$z_1$").
    """
    if model.latent_dim != 2:
        raise InputError(
            f"latent_dim is {model.latent_dim}, a manifold has 2: try image_grid(model.sample(100))."
        )
    steps = (np.arange(columns) + 0.5) / columns
    left, right, bottom, top = extent or (0, 1, 0, 1)
    across, up = left + steps * (right - left), bottom + steps * (top - bottom)
    if extent is None:
        across = up = [NormalDist().inv_cdf(step) for step in steps]
    # The picture is filled from its top row down, and there z_2 is largest.
    z = np.stack(np.meshgrid(across, up[::-1]), axis=-1).reshape(-1, 2).astype("float32")
    canvas = _mosaic(model.decode_mean(z), columns, separator=0)

    figure = Figure(5, 5)
    axes = figure.subplots()
    axes.imshow(canvas, vmin=0, vmax=1, extent=(left, right, bottom, top), aspect="auto")
    axes.set(xlabel=axis_labels[0], ylabel=axis_labels[1], box_aspect=canvas.shape[0] / canvas.shape[1])
    if extent is None:
        places, names = [NormalDist().cdf(value) for value in range(-2, 3)], ["−2", "−1", "0", "1", "2"]
        axes.set(xticks=places, xticklabels=names, yticks=places, yticklabels=names)
    return figure


@_styled
def loss_history(histories, quantity="loss"):
    """A loss over the epochs: training solid, test dashed, a colour a run.

    Args:
        histories: run name → a Keras history, {"loss": [...], "val_loss": [...], ...}.
        quantity: the entry to draw, in nats.
    """
    figure = Figure(5.5, 3.4)
    axes = figure.subplots()
    late = []
    for index, (name, history) in enumerate(histories.items()):
        if quantity not in history:
            raise InputError(
                f"quantity is {quantity!r}; {name} has {', '.join(history)}: choose one of these."
            )
        for key, label, line in ((quantity, name, "-"), (f"val_{quantity}", None, "--")):
            values = np.asarray(history.get(key, ()), "float64")
            marker = "." if len(values) == 1 else ""
            colour = PALETTE[index % len(PALETTE)]
            axes.plot(np.arange(len(values)) + 1, values, line, label=label, color=colour, marker=marker)
            late.extend(values[len(values) // 5 :])
    axes.plot([], [], "-", color="black", label="train")
    axes.plot([], [], "--", color="black", label="test")
    axes.legend(loc="upper right")
    # The first epochs fall by hundreds of nats and a spike may rise as far: either flattens all the rest.
    # The axis covers the last four fifths of the epochs, less the highest fiftieth of their values.
    late = np.array(late)[np.isfinite(late)]
    if late.size:
        low, high = late.min(), np.percentile(late, 98)
        margin = 0.06 * (high - low) or 1
        axes.set_ylim(low - margin, high + margin)
    axes.set(xlabel="epoch", ylabel="−ELBO (nats)" if quantity == "loss" else f"{quantity} (nats)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


@_styled
def prior_density(log_prob, mean=None, labels=None, extent=(-4, 4, -4, 4)):
    """The prior over a two-dimensional latent space, and the aggregate posterior as points in it.

    Args:
        log_prob: the prior's log-density in nats, (N, 2) → (N,), as `model.prior.log_prob`.
        mean: posterior means, (N, 2).
        labels: class numbers that colour them, (N,).
        extent: (left, right, bottom, top) in latent units.
    """
    from keras import ops  # here, so that the other figures wait for no backend

    points = np.empty((0, 2)) if mean is None else np.asarray(mean)
    if points.shape != (len(points), 2):
        raise InputError(f"mean has shape {points.shape}; a density is drawn over a plane: pass (N, 2).")
    colours = "black" if labels is None else PALETTE[_class_numbers(labels, len(points)) % len(PALETTE)]
    left, right, bottom, top = extent
    z_1, z_2 = np.meshgrid(np.linspace(left, right, 200), np.linspace(bottom, top, 200))
    z = np.stack([z_1, z_2], axis=-1).reshape(-1, 2).astype("float32")
    density = ops.convert_to_numpy(log_prob(ops.convert_to_tensor(z))).reshape(z_1.shape)

    figure = Figure(5, 4.4)
    axes = figure.subplots()
    levels = np.ceil(density.max()) + np.arange(-7, 1)
    greys = matplotlib.colormaps["Greys"](np.linspace(0.08, 0.5, len(levels) - 1))
    filled = axes.contourf(z_1, z_2, density, levels, colors=greys)
    figure.colorbar(filled, label=r"$\log\,p(z)$ (nats)", shrink=0.8)
    axes.scatter(*points.T, s=2, c=colours, linewidths=0, rasterized=True)
    axes.contour(filled, colors="black", linewidths=0.4, linestyles="-")
    axes.set(
        xlabel=LATENT_AXES[0], ylabel=LATENT_AXES[1], xlim=(left, right), ylim=(bottom, top), box_aspect=1
    )
    return figure


def _class_numbers(labels, count):
    labels = np.asarray(labels)
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise InputError(
            f"labels are {labels.dtype} {labels.shape}; pass integers ({count},), one class number a row."
        )
    return labels


def _mosaic(images, columns, separator=1):
    images = np.asarray(images, "float32")
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not len(images):
        raise InputError(
            f"images have shape {images.shape}; pass (N, H, W, 1) for grey or (N, H, W, 3) for RGB."
        )
    low, high = images.min(), images.max()
    if not 0 <= low <= high <= 1:
        raise InputError(
            f"images lie in [{low:.3g}, {high:.3g}], allowed is [0, 1]: bytes / 255, sigmoid(logits)."
        )
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    # White like the page: neither separators nor empty cells are part of an image.
    cells = (0, rows * columns - len(images)), (0, separator), (0, separator), (0, 0)
    tiles = np.pad(images, cells, constant_values=1)
    _, height, width, channels = tiles.shape
    canvas = tiles.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    canvas = canvas.reshape(rows * height, columns * width, channels)
    return canvas[: rows * height - separator, : columns * width - separator]


def _draw_mosaics(panels, width, **kwargs):
    rows, columns, _ = next(iter(panels.values())).shape
    figure = Figure(width * len(panels), width * rows / columns + 0.25 * any(panels), **kwargs)
    for axes, (title, canvas) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items()):
        axes.imshow(canvas, vmin=0, vmax=1)
        axes.set_title(title)
        axes.set_axis_off()
    return figure


def _draw_classes(axes, mean, labels, class_names, axis_labels, size, pseudo_input_means=None):
    labels = _class_numbers(labels, len(mean))
    names = class_names or [str(k) for k in range(labels.max() + 1)]
    if len(names) <= labels.max():
        raise InputError(f"class_names are {len(names)} for labels up to {labels.max()}: name every class.")
    # One projection for both, since two would end in different planes.
    together = mean if pseudo_input_means is None else np.concatenate([mean, pseudo_input_means])
    points, method = project_to_plane(together)
    points, pseudo = np.split(points, [len(mean)])
    # Drawn in the order of the data, so that no class covers the others.
    axes.scatter(*points.T, s=size, c=PALETTE[labels % len(PALETTE)], linewidths=0, rasterized=True)
    axes.scatter(*pseudo.T, s=12, c="black", marker="x", linewidths=0.7, rasterized=True)
    pair = axis_labels if method is None else (f"{method} 1", f"{method} 2")
    axes.set(xlabel=pair[0], ylabel=pair[1], box_aspect=1)
    spans = np.ptp(points, axis=0)
    if spans.max() < 3 * spans.min():  # two levels of an HVAE can differ by more: each has its own scale
        axes.set_aspect("equal", adjustable="datalim")
        spans[:] = spans.max()

    classes, handles = np.unique(labels), []
    medians = np.array([np.median(points[labels == k], axis=0) for k in classes])
    for k, place in zip(classes, _spread(medians / spans) * spans):
        halo = [withStroke(linewidth=2, foreground="white")]
        axes.text(*place, k, ha="center", va="center", weight="bold", path_effects=halo)
        name = names[k] if names[k] == str(k) else f"{k} {names[k]}"
        handles.append(Line2D([], [], linestyle="", marker="o", color=PALETTE[k % len(PALETTE)], label=name))
    return handles


def _spread(places, gap=0.06):
    """Pushes apart what lies closer than `gap`, so that the labels there can be read."""
    for _ in range(50):
        away = places[:, None] - places
        distance = np.linalg.norm(away, axis=-1, keepdims=True)
        push = np.maximum(gap - distance, 0) * away / np.maximum(distance, 1e-6)
        places = places + push.sum(axis=1) / 4
    return places
