"""Grids of images, and the images that a plane of latents decodes to."""

from statistics import NormalDist
from textwrap import fill

import numpy as np

from vamp_core.errors import InputError
from vamp_core.plots.checks import at_least_one, class_numbers, limits_of, named
from vamp_core.plots.style import AXES, Figure, styled
from vamp_core.system.arrays import as_numpy


def first_of_each_class(x, y, per_class=10):
    """The first images of every class, class after class: the grid that all models are judged on.

    Args:
        x, y: images, (N, H, W, C), and their class numbers, (N,).
        per_class: images of each class.

    Returns:
        Images, (classes * per_class, H, W, C).
    """
    x, per_class = as_numpy(x), at_least_one("per_class", per_class)
    y = class_numbers(y, len(x))
    first = [np.flatnonzero(y == k)[:per_class] for k in np.unique(y)]
    if min(map(len, first), default=0) < per_class:
        raise InputError(f"per_class is {per_class}, more images than some class has: ask for fewer.")
    return x[np.concatenate(first)]


@styled
def image_grid(images, columns=10, title=None):
    """Images row by row, white on black as MNIST is known: inputs, reconstructions, samples or pseudo-inputs.

    Args:
        images: grey or RGB images in [0, 1], (N, H, W, 1) or (N, H, W, 3).
        columns, title: images in a row, and text above them.
    """
    return _draw_mosaics({title: images}, columns, 0.45 * at_least_one("columns", columns))


@styled
def image_row(panels, columns=10):
    """Several grids of images side by side: the inputs and what each model makes of them, or samples of each.

    Args:
        panels: title → images in [0, 1], as for `image_grid`, as many in each panel.
        columns: images in a row of a panel.
    """
    panels = {title: as_numpy(images) for title, images in named("panels", panels).items()}
    shapes = {title: images.shape for title, images in panels.items()}
    if len(set(shapes.values())) != 1:
        raise InputError(f"panels have shapes {shapes}: pass as many images of the same shape in each.")
    # 200 dots an inch, or a 28-pixel digit in a panel this small loses strokes.
    return _draw_mosaics(panels, at_least_one("columns", columns), 1.5, dpi=200)


@styled
def manifold(model, columns=20, extent=None, axis_labels=AXES):
    """Decoded images all over a two-dimensional latent space (Kingma & Welling 2014, figure 4).

    Args:
        model: a model with latent_dim = 2.
        columns: images a side.
        extent: (left, right, bottom, top) in latent units; without it quantiles of N(0, I), not of the prior.
        axis_labels: an HVAE has `HVAE_AXES`.
    """
    if model.latent_dim != 2:
        raise InputError(f"latent_dim is {model.latent_dim}, a manifold needs 2: see image_grid for others.")
    columns = at_least_one("columns", columns)
    steps = (np.arange(columns) + 0.5) / columns
    across = up = [NormalDist().inv_cdf(step) for step in steps]
    if extent is not None:
        extent = limits_of(extent)
        across, up = np.interp(steps, [0, 1], extent[:2]), np.interp(steps, [0, 1], extent[2:])
    # The picture is filled from its top row down, and there z_2 is largest.
    z = np.stack(np.meshgrid(across, up[::-1]), axis=-1).reshape(-1, 2).astype("float32")
    mosaic = _mosaic(np.clip(as_numpy(model.decode_mean(z)), 0, 1), columns, gap=0)
    figure = Figure((5, 5), layout="compressed")
    axes = figure.add_subplot(xlabel=axis_labels[0], ylabel=axis_labels[1])
    axes.imshow(mosaic, vmin=0, vmax=1, extent=extent or (0, 1, 0, 1), aspect="auto")
    axes.set_box_aspect(mosaic.shape[0] / mosaic.shape[1])
    if extent is None:
        places, names = [NormalDist().cdf(value) for value in range(-2, 3)], ["−2", "−1", "0", "1", "2"]
        axes.set(xticks=places, xticklabels=names, yticks=places, yticklabels=names)
    return figure


def _mosaic(images, columns, gap=1):
    images = as_numpy(images, "float32")
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
        # Twelve letters an inch: a longer title takes a second line rather than its neighbour's room.
        axes = figure.add_subplot(1, len(panels), index, title=title and fill(title, int(12 * width)))
        axes.imshow(mosaic, vmin=0, vmax=1)
        axes.set_axis_off()
    return figure
