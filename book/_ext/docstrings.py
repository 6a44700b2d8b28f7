"""Lets the API page show docstrings as they stand: a shape (N, *data_shape) is no emphasis."""


def escape_stars(app, what, name, obj, options, lines):
    lines[:] = [line.replace("*", r"\*") for line in lines]


def setup(app):
    app.connect("autodoc-process-docstring", escape_stars, priority=400)  # before napoleon, at 500
    return {"parallel_read_safe": True}
