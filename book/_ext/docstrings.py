"""Lets the API page show docstrings as they stand, and constructors with their arguments."""

import re

from sphinx.util import inspect

EMPTY_COMMENT = ["    ..", ""]


def escape(app, what, name, obj, options, lines):
    escaped = []
    for line in lines:
        line = line.replace("*", r"\*")  # a shape (N, *data_shape) is no emphasis
        line = re.sub(r"\$([^$]+)\$", r":math:`\1`", line)  # formulas are between dollars, as in Markdown
        escaped.append(re.sub(r": (\w)\.$", r": \\\1.", line))  # "num_components: K." begins no list
        # Napoleon would take what stands before the next line's colon for a type.
        if line == "Returns:":
            escaped += EMPTY_COMMENT
    lines[:] = (EMPTY_COMMENT if what == "property" else []) + escaped


def arguments(app, what, name, obj, options, signature, return_annotation):
    # Keras makes its objects in a `__new__` that takes anything.
    if what == "class" and signature == "(*args, **kwargs)":
        return inspect.stringify_signature(inspect.signature(obj.__init__, bound_method=True)), None


def setup(app):
    app.connect("autodoc-process-docstring", escape, priority=400)  # before napoleon, at 500
    app.connect("autodoc-process-signature", arguments)
    return {"parallel_read_safe": True}
