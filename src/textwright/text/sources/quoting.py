"""Records of a table with quotes (RFC 4180); where the quotes are wrong it mends them or says where."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from textwright.core.errors import DataError
from textwright.text.rowlog import RowLog
from textwright.text.sources.base import MAX_CELL_BYTES
from textwright.text.sources.dialect import ONE_COLUMN, Dialect
from textwright.text.sources.stream import without_broken

END = "\uffffend of record\uffff"
STRAY = "a quote that is never closed is kept as text"
INNER = "quotes inside a cell are not doubled"


class _Feed:
    """Lines that remember what the current record used, and can be put back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.used: list[str] = []
        self._lines = lines
        self._back: list[str] = []

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = self._back.pop() if self._back else next(self._lines)
        self.used.append(line)
        return line

    def put_back(self, lines: list[str]) -> None:
        self._back.extend(reversed(lines))


class QuotedRecords:
    """Iterates over the records of `lines`; `width` is the number of columns, None until the header is known.

    The csv module is strict here, so that a stray quote cannot swallow the rows after it: where one is found,
    the rows are read again with the quote as text if they look like rows; if not, DataError names the row.
    """

    def __init__(
        self, lines: Iterator[str], dialect: Dialect, width: int | None, path: Path, log: RowLog
    ) -> None:
        self._feed = _Feed(lines)
        self._dialect, self._width, self._path, self._log = dialect, width, path, log
        self._row = 0

    def __iter__(self) -> Iterator[list[str]]:
        reader = self._reader(self._feed, strict=True)
        used = self._feed.used
        while True:
            used.clear()
            self._row += 1
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                record = self._mended(str(error))
            yield record

    def _reader(self, lines: Iterator[str], strict: bool) -> Iterator[list[str]]:
        blanks = self._dialect.skip_blanks
        return csv.reader(lines, delimiter=self._dialect.delimiter, skipinitialspace=blanks, strict=strict)

    def _mended(self, error: str) -> list[str]:
        lines = list(self._feed.used)
        at_end = "unexpected end" in error
        if "field larger" in error:
            message = f"a cell is longer than the limit of {MAX_CELL_BYTES:,} characters"
            raise self._error(message, "Look for a quote that is never closed in this row.")
        many = len(lines) > 1 or at_end
        if many and self._like_rows(lines if at_end else lines[:-1]):
            self._feed.put_back(lines[1:])
            self._log.changed(STRAY, self._row, without_broken(lines[0]))
            return self._literal(lines[0])
        guesses = [self._lenient(lines), [] if many else self._literal(lines[0])]
        if self._dialect.delimiter == ONE_COLUMN:
            guesses.reverse()  # nothing to cut, so the quotes can stay
        for cells in guesses:
            if cells and self._width in (None, len(cells)):
                self._log.changed(INNER, self._row, without_broken(lines[0]))
                return cells
        if many:
            end = "never closed" if at_end else f"closed {len(lines) - 1} lines below, inside a cell"
            raise self._error(f"a quote opens here and is {end}", "Close it, or double it inside a cell.")
        return self._literal(lines[0])

    def _error(self, message: str, hint: str) -> DataError:
        return DataError(message, path=self._path, row=self._row, hint=hint)

    def _literal(self, line: str) -> list[str]:
        return line.rstrip("\r\n").split(self._dialect.delimiter)

    def _like_rows(self, lines: list[str]) -> bool:
        """Whether the lines that a quote swallowed are rows of their own: nine in ten have all the cells."""
        cuts = (self._width or 0) - 1
        whole = sum(line.count(self._dialect.delimiter) == cuts for line in lines)
        return cuts > 0 and whole >= 0.9 * len(lines)

    def _lenient(self, lines: list[str]) -> list[str]:
        """The record as the csv module guesses it; nothing when a quote is still open at its end."""
        cells = next(self._reader(chain(lines, [END]), strict=False))
        return [] if cells and cells[-1].endswith(END) else cells
