"""How every figure of the book looks: colours, fonts, and a figure that Jupyter shows by itself."""

import io

import matplotlib.figure
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes as Base

# Ten colours that stay apart under the common colour-vision deficiencies (Petroff 2021, arXiv:2107.02270),
# in an order that gives unlike ones to classes that lie side by side: 4 and 9, 3 and 5, shirt and coat.
PALETTE = np.array("#3f90da #717581 #bd1f01 #ffa90e #92dadd #832db6 #a96b59 #e76300 #94a4a2 #b9ac70".split())
AXES = ("$z_1$", "$z_2$")
HVAE_AXES = ("$z_2$ (top)", "$z_1$")
STYLE = {"figure.dpi": 150, "font.size": 8.5, "mathtext.fontset": "cm", "legend.frameon": False}
STYLE |= {"axes.spines.top": False, "axes.spines.right": False, "image.cmap": "gray"}
# On top of matplotlib's defaults, not of the user's settings: a dark style would write white on white.
styled = matplotlib.style.context(STYLE, after_reset=True)


class Figure(matplotlib.figure.Figure):
    """A figure that pyplot does not know of: shown once, where it is returned, and never left open."""

    legend, colorbar = map(styled, (matplotlib.figure.Figure.legend, matplotlib.figure.Figure.colorbar))

    def _repr_png_(self):
        # Jupyter shows a Figure by itself only after pyplot has loaded the inline backend.
        self.savefig(png := io.BytesIO(), format="png")
        return png.getvalue()


class Axes(Base):
    """Axes that hold on to the style when a chart is drawn on them later, under the user's settings."""

    set_title, text, annotate = map(styled, (Base.set_title, Base.text, Base.annotate))
    legend, imshow = map(styled, (Base.legend, Base.imshow))


@styled
def subplots(rows=1, columns=1, size=(5, 3.2), **settings):
    """An empty figure in the book's style, for a chart of your own.

    Args:
        rows, columns: of axes.
        size: (width, height) in inches.
        settings: for all axes, such as `xlabel` or `box_aspect`.

    Returns:
        The Figure, and its one Axes or an array of them, (columns,), (rows,) or (rows, columns).
    """
    figure = Figure(size, layout="compressed")
    return figure, figure.subplots(rows, columns, subplot_kw={"axes_class": Axes, **settings})
