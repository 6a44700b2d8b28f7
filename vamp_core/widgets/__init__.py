"""What moves in a notebook; each widget has its script beside it."""

from vamp_core.widgets.explorer import LatentExplorer

__all__ = ["LatentExplorer"]
