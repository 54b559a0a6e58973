"""Formulas as MathML, made while the pages are built: browsers show it without a script or a font."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from latex2mathml.exceptions import NoAvailableTokensError
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

# The one usual name that the library lacks.
ARG = re.compile(r"\\arg(?![A-Za-z])")
LOGGER = logging.getLogger(__name__)


def rendered(node: nodes.math | nodes.math_block, display: str) -> str:
    """The formula as MathML; a warning, and its source as text, where it cannot be read."""
    source = node.astext()
    try:
        found = convert(ARG.sub(r"\\operatorname{arg}", source), display=display)
    except (NoAvailableTokensError, ValueError, LookupError, TypeError, AttributeError) as error:
        found = f"\\ {type(error).__name__}"
    # A command that the library does not know is left standing as a name.
    if unknown := re.search(r">(\\[^<]*)<|^(\\.*)", found):
        name = unknown[1] or unknown[2]
        LOGGER.warning("formula %r: %s is not understood", source, name, location=node)
        return f"<code>{escape(source)}</code>"
    return str(found)


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(rendered(node, "inline"))
    raise nodes.SkipNode


def visit_block(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(f'<div class="formula" tabindex="0">{rendered(node, "block")}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer(
        "mathml", inline_renderers=(visit_inline, None), block_renderers=(visit_block, None)
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
