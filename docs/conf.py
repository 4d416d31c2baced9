"""How `make docs` turns these pages into HTML that needs neither network nor JavaScript to read.

Formulas become MathML, which browsers draw themselves; docutils has the translator.
"""

from __future__ import annotations

import importlib.metadata

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

project = "logloss"
author = "the logloss authors"
version = release = importlib.metadata.version("logloss")

extensions = ["myst_parser"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"logloss {release}"
html_show_copyright = False
html_show_sphinx = False


def inline_math(writer: HTML5Translator, node: nodes.Element) -> None:
    """Write `$…$` as MathML."""
    writer.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def block_math(writer: HTML5Translator, node: nodes.Element) -> None:
    """Write `$$…$$` as MathML on a line of its own."""
    formula = tex2mathml(node.astext(), as_block=True)
    writer.body.append(f'<div class="math" style="overflow-x: auto">{formula}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", (inline_math, None), (block_math, None))


html_math_renderer = "mathml"
