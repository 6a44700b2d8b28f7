"""What moves: a point in the plane of two latents, with the image that it decodes to."""

import io
from functools import partial
from pathlib import Path

import numpy as np
from keras import ops
from PIL import Image

from vamp_core import plots
from vamp_core.data import Dataset
from vamp_core.density.distributions import mixture_log_prob, normal_log_prob
from vamp_core.density.priors import MixturePrior
from vamp_core.errors import InputError
from vamp_core.plots.checks import class_colours, class_numbers, class_texts
from vamp_core.plots.style import styled
from vamp_core.system.arrays import as_numpy

POINTS = 2000  # as many posterior means as a plane shows before they hide each other
NEIGHBOURS = 5


class LatentExplorer:
    """The plane of a model with two latents, explored by hand: `LatentExplorer(model, data)` ends a cell.

    Move over the plane, drag on a touch screen, or use the arrow keys or the sliders: the decoder's image
    follows. A click pins the point, another frees it. The shading is the prior's log-density, of an HVAE the
    joint p(z2) p(z1 | z2); the dots are posterior means. After more training, make a new one.

    Args:
        model: a `VAE` or `HVAE` of images with latent_dim = 2.
        data: a `Dataset`, of which the test images are shown, or (images, labels), (N, H, W, C) and (N,),
            of which the first 2,000 are; None for the prior alone. What lies outside [0, 1], in them as in what
            the decoder makes, is shown as black or white.

    Attributes:
        z: the point, two floats, of an HVAE (z2, z1).
        image: what the point decodes to, the mean of p(x | z), (H, W, C) in [0, 1].
        log_prob: log p(z) of the point in nats.
        nearest: indices of the images whose posterior means lie nearest on the plane, nearest first, (5,).

    Raises:
        InputError: another number of latents, or data that the model cannot encode.
    """

    def __init__(self, model, data=None):
        if model.latent_dim != 2 or len(model.data_shape) != 3 or model.data_shape[2] not in (1, 3):
            raise InputError(
                f"latent_dim is {model.latent_dim} and data_shape {model.data_shape}; the explorer moves in a plane of "
                "images: train a model with latent_dim=2 on (H, W, 1) or (H, W, 3), or see plots.latent_space."
            )
        self.images, self.labels, self.class_names = _images_and_labels(model, data)
        self.model, self.z = model, None
        self.axis_labels = plots.HVAE_AXES if model.levels == 2 else plots.AXES
        self._log_prior = _log_prior(model)
        self.mean = model.encode(self.images)[0] if len(self.images) else np.empty((0, 2))
        self.images = np.clip(self.images, 0, 1)  # as the decoder's are: a byte below 0 would wrap round
        figure = self._draw_plane()
        axes = figure.axes[0]
        self.extent = np.array([axes.get_xlim(), axes.get_ylim()])
        self._make_widget(figure, axes)
        self.move(self.mean[0] if len(self.mean) else self.extent.mean(axis=1))

    def move(self, z):
        """Moves the point.

        Args:
            z: two numbers, of an HVAE (z2, z1); it stops at the plane's border.

        Raises:
            InputError: z is not two finite numbers.
        """
        z = as_numpy(z, "float64")
        if z.shape != (2,) or not np.isfinite(z).all():
            raise InputError(f"z is {z.tolist()}; a point of the plane is two finite numbers, such as (0.5, -1).")
        z = tuple(np.clip(z, *self.extent.T).tolist())
        if z == self.z:  # said by a slider or the plane, which have only followed
            return
        self.z = z
        at = ops.convert_to_tensor(np.float32([z]))  # a tensor, or decode_mean would encode all pseudo-inputs
        self.image = np.clip(as_numpy(self.model.decode_mean(at))[0], 0, 1)
        self.log_prob = float(as_numpy(self._log_prior(at))[0])
        distance = np.linalg.norm((self.mean - z) / np.ptp(self.extent, axis=1), axis=1)
        self.nearest = np.argsort(distance, kind="stable")[:NEIGHBOURS]
        self._show()

    @styled
    def still(self):
        """The explorer as it stands, as a Figure: for a page or for print, where nothing moves."""
        figure = self._draw_plane()
        plane = figure.axes[0]
        plane.scatter(*self.mean[self.nearest].T, s=20, facecolors="none", edgecolors="black", linewidths=0.8)
        plane.scatter(*self.z, s=60, color="white", edgecolors="black", linewidths=1.5, zorder=3)
        figure.set_size_inches(6.4, 4)
        figure.set_layout_engine("constrained")  # "compressed" knows no grid within a grid
        left, right = figure.add_gridspec(1, 2, width_ratios=[2.6, 1])
        plane.set_subplotspec(left)
        right = right.subgridspec(2, 1, height_ratios=[2.4, 1])
        panels = {self._caption(): self.image}
        if len(self.nearest):
            panels["nearest"] = _strip(self.images[self.nearest])
        for row, (title, picture) in enumerate(panels.items()):
            axes = figure.add_subplot(right[row])
            axes.set_title(title, fontsize="medium")
            axes.imshow(picture, vmin=0, vmax=1)
            axes.set_axis_off()
        return figure

    def _ipython_display_(self):
        from IPython.display import display

        display(self.widget)

    @styled
    def _draw_plane(self):
        if len(self.mean):
            figure = plots.prior_density(self._log_prior, self.mean, self.labels, axis_labels=self.axis_labels)
        else:  # as wide as the prior
            draws = ops.convert_to_numpy(self.model.ancestral(1000, seed=0))
            low, high = draws.min(axis=0), draws.max(axis=0)
            extent = (low[0], high[0], low[1], high[1])
            figure = plots.prior_density(self._log_prior, extent=extent, axis_labels=self.axis_labels)
        axes = figure.axes[0]
        axes.collections[-1].set(alpha=0.3)  # the lines of many narrow components would hide the dots
        colours = class_colours(self.labels)
        for k, name in class_texts(self.labels, self.class_names).items():
            axes.plot([], [], "o", color=colours[k], label=name)
        if len(self.mean):
            figure.legend(loc="outside lower center", ncols=5, handletextpad=0, columnspacing=1)
        return figure

    def _make_widget(self, figure, axes):
        import ipywidgets

        def slider(label, low, high):
            step = (high - low) / 500
            return ipywidgets.FloatSlider(min=low, max=high, step=step, description=label, readout=False)

        self.sliders = [slider(*each) for each in zip(self._names(), *self.extent.T.tolist(), strict=True)]
        self.plane = _plane_widget(figure, axes, self.extent)
        self.pictures = [ipywidgets.Image(), ipywidgets.Image()]
        self.caption = ipywidgets.HTML()
        beside = [self.pictures[0], self.caption, *self.sliders, self.pictures[1]]
        beside = ipywidgets.VBox(beside, layout={"align_items": "flex-start"})  # images at their own size
        self.widget = ipywidgets.HBox([self.plane, beside], layout={"flex_flow": "row wrap"})
        for axis, control in enumerate(self.sliders):
            control.observe(partial(self._slide, axis), "value")
        self.plane.observe(lambda change: self.move(change["new"]), "z")

    def _slide(self, axis, change):
        if abs(change["new"] - self.z[axis]) <= 0.5001 * change["owner"].step:
            return  # the browser has only rounded the point to the slider's steps
        z = list(self.z)
        z[axis] = change["new"]
        self.move(z)

    def _show(self):
        """Brings the widget in step with the point."""
        for control, value in zip(self.sliders, self.z, strict=True):
            control.value = value
        self.plane.z, self.plane.near = list(self.z), self.mean[self.nearest].tolist()
        self.pictures[0].value = _png(self.image, zoom=6)
        if len(self.nearest):
            self.pictures[1].value = _png(_strip(self.images[self.nearest]), zoom=2)
        self.caption.value = self._caption().replace("\n", "<br>")

    def _caption(self):
        place = ", ".join(f"{name} = {value:.2f}" for name, value in zip(self._names(), self.z, strict=True))
        return f"{place}\nlog p(z) = {self.log_prob:.2f} nats".replace("-", "−")

    def _names(self):
        """The axes' labels where no mathematics is set."""
        return [label.replace("$", "").replace("_1", "₁").replace("_2", "₂") for label in self.axis_labels]


def _images_and_labels(model, data):
    """The images to show, their class numbers, and the classes' names if `data` knows them."""
    if data is None:
        return np.empty((0, *model.data_shape), "float32"), np.empty(0, int), None
    names = None
    if isinstance(data, Dataset):
        data, names = (data.x_test, data.y_test), data.class_names
    if not isinstance(data, tuple) or len(data) != 2:
        raise InputError(f"data is a {type(data).__name__}; pass a Dataset or a pair (images, labels).")
    images = model.check(data[0])
    return images[:POINTS], class_numbers(data[1], len(images))[:POINTS], names


def _log_prior(model):
    """log p(z) of a VAE, log p(z2) p(z1 | z2) of an HVAE: (B, 2) → (B,). A mixture's components are computed once."""
    log_prob = model.prior.log_prob
    if isinstance(model.prior, MixturePrior):
        means, logvars = model.prior.components()
        log_prob = partial(mixture_log_prob, means=means, logvars=logvars)
    if model.levels == 1:
        return log_prob
    return lambda z: log_prob(z[:, :1]) + normal_log_prob(z[:, 1:], *model.conditional_prior(z[:, :1]))


def _plane_widget(figure, axes, extent):
    """The figure with a point to move on it; without anywidget the figure alone, and the sliders move."""
    import ipywidgets

    figure.savefig(png := io.BytesIO(), format="png")
    try:
        import anywidget
    except ImportError:
        return ipywidgets.Image(value=png.getvalue())
    import traitlets

    class Plane(anywidget.AnyWidget):
        _esm = Path(__file__).with_name("explorer.js")
        picture = traitlets.Bytes().tag(sync=True)
        size = traitlets.List().tag(sync=True)  # of the picture, in pixels
        frame = traitlets.List().tag(sync=True)  # left, right, bottom, top of the axes in the picture, in pixels
        extent = traitlets.List().tag(sync=True)  # the same four in latent units
        z = traitlets.List().tag(sync=True)
        near = traitlets.List().tag(sync=True)  # the nearest posterior means
        pinned = traitlets.Bool().tag(sync=True)

    width, height = figure.canvas.get_width_height()
    (left, bottom), (right, top) = axes.get_window_extent().get_points().tolist()
    frame = [left, right, height - bottom, height - top]
    return Plane(picture=png.getvalue(), size=[width, height], frame=frame, extent=extent.ravel().tolist())


def _strip(images):
    """Images in a row, with a white line between: (N, H, W, C) → (H, N * (W + 1), C)."""
    return np.concatenate(np.pad(images, [(0, 0), (0, 0), (0, 1), (0, 0)], constant_values=1), axis=1)


def _png(image, zoom):
    """An image in [0, 1], (H, W, 1) or (H, W, 3), as a PNG file with pixels `zoom` times as large."""
    pixels = np.uint8(np.round(255 * image)).repeat(zoom, axis=0).repeat(zoom, axis=1)
    Image.fromarray(pixels.squeeze()).save(png := io.BytesIO(), "PNG")
    return png.getvalue()
