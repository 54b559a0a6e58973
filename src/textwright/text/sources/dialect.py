"""How the cells of a table are set apart: delimiter, quotes, and blanks after a delimiter."""

from __future__ import annotations

import csv
import io
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice

from textwright.text.sources.base import MAX_CELL_BYTES

DELIMITERS = (",", ";", "\t", "|")
ONE_COLUMN = "\uffff"  # a noncharacter: never in a text, so a table of one column is never cut
SAMPLE_CHARACTERS = 1_000_000
SAMPLE_ROWS = 500
CELL = re.compile(r'("[^"]*(?:""[^"]*)*"|[^\t\r\n"]*)(\t|\r?\n|\r|\Z)')
EXCEL_LINE = re.compile(r"(?i)sep=([,;\t|])\r?\n")
NEEDS_QUOTES = re.compile(r'["\t\r\n]')
NAMES = {"\t": "tab", ONE_COLUMN: "none (one column)"}

_LIMIT_LOCK = threading.Lock()


@contextmanager
def wide_cells() -> Iterator[None]:
    """Let the csv module read cells up to our limit; its own limit is one for the whole process."""
    with _LIMIT_LOCK:
        before = csv.field_size_limit(MAX_CELL_BYTES)
        try:
            yield
        finally:
            csv.field_size_limit(before)


@dataclass(frozen=True)
class Dialect:
    """`excel_line`: the file begins with Excel's `sep=;` line, which is no row."""

    delimiter: str
    quoted: bool = True
    skip_blanks: bool = False
    excel_line: bool = False

    @property
    def note(self) -> str:
        return f"delimiter {NAMES.get(self.delimiter) or repr(self.delimiter)}"

    def sample(self, text: str, whole: bool) -> list[list[str]]:
        """The first rows that are not empty; a last row that may be cut is left out."""
        with wide_cells():
            rows = list(islice(self._rows(text[:SAMPLE_CHARACTERS]), SAMPLE_ROWS))
        if len(rows) > 1 and not (whole and len(text) <= SAMPLE_CHARACTERS):
            rows.pop()
        return [row for row in rows if row]

    def _rows(self, text: str) -> Iterator[list[str]]:
        lines = io.StringIO(text, newline="")
        if self.excel_line:
            next(lines)
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quoting=csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE,
            skipinitialspace=self.skip_blanks,
        )

    def evenness(self, text: str, width: int | None, whole: bool) -> tuple[float, int]:
        """The share of rows as wide as the first (or as `width`), and that width; (0, 1) for one column."""
        rows = self.sample(text, whole)
        width = width or (len(rows[0]) if rows else 1)
        if width < 2:
            return 0.0, 1
        return sum(len(row) == width for row in rows) / max(1, len(rows)), width


def detect_dialect(text: str, kind: str, width: int | None, whole: bool) -> Dialect:
    """The dialect of a table from its beginning; `width` is the number of columns when it is known."""
    if excel := EXCEL_LINE.match(text):
        return Dialect(excel[1], excel_line=True)
    order = sorted(DELIMITERS, key=lambda delimiter: delimiter != "\t") if kind == "tsv" else DELIMITERS
    scores = {delimiter: Dialect(delimiter).evenness(text, width, whole) for delimiter in order}
    delimiter = max(order, key=lambda option: scores[option])
    if kind == "tsv" and "\t" in text.lstrip("\r\n").partition("\n")[0]:
        delimiter = "\t"  # the name says so, and text may hold any number of commas
    elif scores[delimiter][0] == 0:
        return Dialect(ONE_COLUMN) if width in (None, 1) else detect_dialect(text, kind, None, whole)
    found = Dialect(delimiter)
    if delimiter == "\t":
        whole = whole and len(text) <= SAMPLE_CHARACTERS
        return replace(found, quoted=_quotes_enclose_cells(text[:SAMPLE_CHARACTERS], whole))
    if f'{delimiter} "' in text[:SAMPLE_CHARACTERS]:
        spaced = replace(found, skip_blanks=True)
        gain = spaced.evenness(text, width, whole)[0] - scores[delimiter][0]
        opened = [cell for row in found.sample(text, whole) for cell in row if cell.startswith(' "')]
        enclosed = [cell.rstrip().endswith('"') for cell in opened]
        if gain > 0 or (gain == 0 and enclosed and all(enclosed)):
            return spaced
    return found


def _quotes_enclose_cells(text: str, whole: bool) -> bool:
    """Whether a table with tabs uses quotes as RFC 4180 does, or has them as part of its text.

    They are marks only if every quote belongs to a whole quoted cell, and the quoted cells either need it
    (a tab, a new line or a quote inside) or are quoted throughout their column.
    """
    seen: dict[int, set[bool]] = {}  # column -> whether cells are quoted without need, whether some are bare
    position = column = row = 0
    while position < len(text):
        match = CELL.match(text, position)
        if match is None:
            cut = not whole and '"' not in text[position + 1 :].replace('""', "")
            return cut and row > 0
        cell, end = match.groups()
        if row and cell and not NEEDS_QUOTES.search(cell, 1, len(cell) - 1):
            seen.setdefault(column, set()).add(cell.startswith('"'))
        position, column, row = match.end(), 0 if end != "\t" else column + 1, row + (end != "\t")
    return '"' in text and all(len(kinds) == 1 for kinds in seen.values())
