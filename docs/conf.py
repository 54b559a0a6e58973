"""How the pages are built: make docs. Neither the build nor a page fetches anything from elsewhere."""

# Sphinx: MkDocs 1 is unmaintained, and Material for MkDocs is maintained until November 2026 only.
from __future__ import annotations

import re
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "Textwright"
author = "the Textwright authors"
version = release = version_of("textwright")
language = "en"
html_search_language = "en-zh"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "access",
    "chinese",
    "leaving",
    "mathml",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["requirements.txt"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_dmath_allow_digits = False  # "$5 to $7" is no formula
myst_heading_anchors = 3

smartquotes = False  # --flag stays --flag
default_role = "literal"  # docstrings write `name` as the pages do
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90
add_module_names = False

html_theme = "furo"
html_title = f"Textwright {version}"
html_math_renderer = "mathml"
html_static_path = ["_static"]
templates_path = ["_templates"]
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/language.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
html_css_files = ["pages.css"]
html_copy_source = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}


def spaced(app: Sphinx, what: str, name: str, found: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are written as Markdown: a list may follow a line of text at once."""
    for place in range(len(lines) - 1, 0, -1):
        item, before = re.match(r"( *)- ", lines[place]), lines[place - 1]
        if item and before.strip() and not before.startswith((f"{item[1]}- ", f"{item[1]}  ")):
            lines.insert(place, "")


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-docstring", spaced)
