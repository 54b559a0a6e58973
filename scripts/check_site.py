"""Check the built pages: they ask no other host for anything, and what they point to is there.

    python scripts/check_site.py build/docs

It ends with 1 and names each fault when there are any.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches by itself; where <a> leads is the reader's choice.
FETCHED = {"src", "srcset", "poster", "data", "href", "xlink:href", "background"}
ANCHORS = {"a", "area"}
ELSEWHERE = re.compile(r"\s*(?:https?:|wss?:|ftp:)?//", re.IGNORECASE)
IN_STYLE = re.compile(r"""(?:url\(\s*|@import\s+)["']?((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)
IN_SCRIPT = re.compile(
    r"""(?:fetch|import|importScripts|open|Worker|src\s*=|href\s*=)\s*\(?\s*["'`]((?:https?:)?//[^"'`]+)"""
)
IN_PICTURE = re.compile(r"""(?:href\s*=\s*["']|url\(\s*["']?)((?:https?:)?//[^"')\s]+)""")
FILES = {IN_STYLE: "*.css", IN_SCRIPT: "*.js", IN_PICTURE: "*.svg"}
CODE = {"code", "pre", "script", "style", "math"}
# Marks of Markdown that stand in a text were not understood as such.
MARKS = re.compile(r"\*\*.|.\*\*|\]\(|(?<!`)```|\$\$")


@dataclass
class Page(HTMLParser):
    """What of a page matters here."""

    fetched: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    styles: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    num_formulas: int = 0
    _open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.num_formulas += tag == "math"
        if tag in CODE:
            self._open.append(tag)
        for name, value in attrs:
            self._take(tag, name, value or "")

    def _take(self, tag: str, name: str, value: str) -> None:
        if name == "id":
            self.ids.add(value)
        elif name == "style":
            self.styles.append(value)
        elif name in FETCHED and (tag in ANCHORS or not value.startswith("#")):
            (self.links if tag in ANCHORS else self.fetched).append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            self._open.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self._open and MARKS.search(data):
            self.marks.append(data.strip()[:80])
        if "style" in self._open:
            self.styles.append(data)
        if "script" in self._open:
            self.scripts.append(data)


def read(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def hosts(page: Page) -> Iterator[str]:
    """What the page makes a browser ask another host for."""
    yield from (value for value in page.fetched if ELSEWHERE.match(value))
    for style in page.styles:
        yield from IN_STYLE.findall(style)
    for script in page.scripts:
        yield from IN_SCRIPT.findall(script)


def lost(site: Path, path: Path, page: Page, pages: dict[Path, Page]) -> Iterator[str]:
    """What the page points to and what is not there, or has no such place."""
    for link in {*page.links, *page.fetched}:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        place = unquote(parts.fragment)
        is_there = target.exists() and target.is_relative_to(site)
        if not is_there or (place and target in pages and place not in pages[target].ids):
            yield link


def faults(site: Path) -> Iterator[str]:
    """One line for each fault of a built site."""
    site = site.resolve()
    pages = {path: read(path) for path in sorted(site.rglob("*.html"))}
    if not pages:
        yield f"{site}: no page was built"
    for path, page in pages.items():
        name = path.relative_to(site)
        yield from (f"{name}: asks another host for {found}" for found in hosts(page))
        yield from (f"{name}: leads to nothing: {found}" for found in sorted(lost(site, path, page, pages)))
        yield from (f"{name}: a mark that was not understood: {found}" for found in page.marks)
    for pattern, path in ((p, f) for p, s in FILES.items() for f in sorted(site.rglob(s))):
        found = pattern.findall(path.read_text(encoding="utf-8"))
        yield from (f"{path.relative_to(site)}: asks another host for {host}" for host in found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the faults of the site that is named."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if len(given) != 1:
        print("give the folder of the built pages", file=sys.stderr)
        return 2
    found = list(faults(Path(given[0])))
    for fault in found:
        print(fault, file=sys.stderr)
    if not found:
        pages = [read(path) for path in Path(given[0]).rglob("*.html")]
        print(
            f"{len(pages)} pages, {sum(page.num_formulas for page in pages)} formulas, nothing from elsewhere"
        )
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
