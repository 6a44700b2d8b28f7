"""Every figure of the book: one function each, plain arrays in, a matplotlib Figure out.

Return the figure from a notebook cell to see it; `figure.savefig("latent_space.pdf")` keeps it.
Whatever cannot be drawn raises an `InputError` that says what to pass instead.
"""

from vamp_core.plots.density import prior_densities, prior_density
from vamp_core.plots.history import loss_history
from vamp_core.plots.images import first_of_each_class, image_grid, image_row, manifold
from vamp_core.plots.latent import latent_space, latent_spaces, project_to_plane, spread_labels
from vamp_core.plots.style import AXES, HVAE_AXES, PALETTE, Figure, subplots

__all__ = [
    "subplots",
    "first_of_each_class",
    "image_grid",
    "image_row",
    "manifold",
    "project_to_plane",
    "latent_space",
    "latent_spaces",
    "prior_density",
    "prior_densities",
    "spread_labels",
    "loss_history",
    "Figure",
    "AXES",
    "HVAE_AXES",
    "PALETTE",
]
