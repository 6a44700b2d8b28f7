"""The version: read here by a checkout, an installed wheel and the build alike."""

__version__ = "0.1.0"
