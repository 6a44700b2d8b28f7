"""Loads MathJax only with pages that have formulas: Sphinx also loads it with those whose subpages have some."""

from docutils import nodes


def is_formula(node):
    return isinstance(node, (nodes.math, nodes.math_block))


def leave_out_mathjax(app, page, template, context, doctree):
    if doctree is not None and not any(doctree.findall(is_formula)):
        loaded = context["script_files"]
        context["script_files"] = [script for script in loaded if app.config.mathjax_path not in str(script.filename)]


def setup(app):
    app.connect("html-page-context", leave_out_mathjax, priority=900)  # after Sphinx's own, at 500
    return {"parallel_read_safe": True}
