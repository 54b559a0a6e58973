"""What the theme leaves out for keyboards and screen readers, found with axe."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from chinese import is_chinese
from sphinx.application import Sphinx

AFTER_THE_THEME = 900
# What is wider than a small screen scrolls by itself: by keyboard, only where it can be reached.
SCROLLS = (
    ("<pre>", '<pre tabindex="0">'),
    ('<div class="table-wrapper', '<div tabindex="0" class="table-wrapper'),
)
# Parameters on lines of their own are no list of terms.
LINES = re.compile(r"<dl>\s*((?:<dd>.*?</dd>\s*)+)</dl>", re.DOTALL)
LEVEL = ('role="heading">', 'role="heading" aria-level="2">')


def reach(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Mend what the theme has put together."""
    for before, after in SCROLLS:
        context["body"] = context.get("body", "").replace(before, after)
    context["body"] = LINES.sub(_lines, context["body"])
    if "furo_navigation_tree" in context:
        context["furo_navigation_tree"] = context["furo_navigation_tree"].replace(*LEVEL)


def _lines(found: re.Match[str]) -> str:
    rows = found[1].replace("<dd>", '<span class="parameter">').replace("</dd>", "</span>")
    return f'<span class="parameters">{rows}</span>'


def named(app: Sphinx, error: Exception | None) -> None:
    """Of the two bars beside a page, the one with all pages gets a name, which no template can give it."""
    if error is not None or app.builder.format != "html":
        return
    bar = '<aside class="sidebar-drawer"'
    for path in Path(app.outdir).rglob("*.html"):
        name = (
            "全部页面" if is_chinese(path.relative_to(app.outdir).with_suffix("").as_posix()) else "All pages"
        )
        text = path.read_text(encoding="utf-8").replace(f"{bar}>", f'{bar} aria-label="{name}">')
        path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", reach, priority=AFTER_THE_THEME)
    app.connect("build-finished", named)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
