"""Tables in text: CSV and TSV, with any usual delimiter, ragged rows and broken quotes accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from textwright.core.errors import DataError
from textwright.text.rowlog import RowLog
from textwright.text.sources.base import Batch, batch_of, repaired_header
from textwright.text.sources.dialect import Dialect, detect_dialect, wide_cells
from textwright.text.sources.quoting import QuotedRecords
from textwright.text.sources.stream import TextFile, TextStream, without_broken

EMPTY_ROW = "empty row"
TOO_FEW = "row has fewer cells than the header"
TOO_MANY = "row has more cells than the header"


@dataclass
class DelimitedSource:
    """A CSV or TSV file. `header_row` is the number of the row with the names, 0 when there is none."""

    path: Path
    kind: str
    columns: list[str]
    notes: list[str]
    text: TextFile
    dialect: Dialect
    header_row: int

    def batches(self, log: RowLog, size: int = 4096) -> Iterator[Batch]:
        """All rows, streaming. Raises DataError where the file breaks."""
        stream = self.text.stream()
        for row, chunk in _chunks(self.text, stream, self.dialect, len(self.columns), size, log):
            skipped = max(0, self.header_row - row + 1)
            batch = self._batch(stream, row + skipped, chunk[skipped:], log)
            if batch.rows:
                yield batch

    def _batch(self, stream: TextStream, first: int, records: list[list[str]], log: RowLog) -> Batch:
        rows = list(range(first, first + len(records)))
        if stream.damaged:
            numbered = zip(rows, records, strict=True)
            records = [[stream.mended(cell, row, log) for cell in cells] for row, cells in numbered]
        if any(length != len(self.columns) for length in set(map(len, records))):
            fitted = [(row, self._fit(cells, row, log)) for row, cells in zip(rows, records, strict=True)]
            rows = [row for row, cells in fitted if cells]
            records = [cells for _, cells in fitted if cells]
        return batch_of(self.columns, rows, records)

    def _fit(self, cells: list[str], row: int, log: RowLog) -> list[str]:
        """The row made as wide as the header; an empty list when it is dropped."""
        width = len(self.columns)
        if len(cells) == width:
            return cells
        if len(cells) < 2 and not "".join(cells).strip():
            log.dropped(EMPTY_ROW, row)
            return []
        if len(cells) < width:
            log.changed(TOO_FEW, row, self.dialect.delimiter.join(cells))
            return cells + [""] * (width - len(cells))
        if any(cell.strip() for cell in cells[width:]):
            log.dropped(TOO_MANY, row, self.dialect.delimiter.join(cells))
            return []
        return cells[:width]


def open_delimited(text: TextFile, kind: str, header: list[str] | None) -> DelimitedSource:
    """Find delimiter and header of a table. Raises DataError when it has no rows."""
    dialect = detect_dialect(text.head, kind, len(header) if header else None, text.whole)
    text.notes.append(dialect.note)
    if dialect.delimiter == "\t" and not dialect.quoted and '"' in text.head:
        text.notes.append("quotes are part of the text")
    rows = _first_rows(text, dialect, len(header) if header else None)
    if header is None:
        row, cells = next(rows, (0, []))
        names = repaired_header([without_broken(cell) for cell in cells], text.notes)
        if next(islice(_first_rows(text, dialect, len(names)), 1, None), None) is None:
            raise DataError("there is a header and no row below it", path=text.path, hint="Check the export.")
        return DelimitedSource(text.path, kind, names, text.notes, text, dialect, row)
    row, cells = next(rows, (1, []))
    if len(cells) != len(header):
        message = f"the first row has {len(cells)} cells, the header given has {len(header)} names"
        raise DataError(message, path=text.path, row=row, hint="Give one name for each column.")
    return DelimitedSource(text.path, kind, list(header), text.notes, text, dialect, 0)


def _first_rows(text: TextFile, dialect: Dialect, width: int | None) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, with their numbers, read one at a time."""
    for row, (cells,) in _chunks(text, text.stream(), dialect, width, 1, RowLog()):
        if any(cell.strip() for cell in cells):
            yield row, cells


def _chunks(
    text: TextFile, stream: TextStream, dialect: Dialect, width: int | None, size: int, log: RowLog
) -> Iterator[tuple[int, list[list[str]]]]:
    """Records with the number of the first of them, the header among them."""
    lines = stream.lines("" if dialect.quoted else text.newline)
    if dialect.excel_line:
        lines = islice(lines, 1, None)
    if dialect.quoted:
        records = iter(QuotedRecords(lines, dialect, width, stream.file.shown, log))
        return stream.chunks(records, size, wide_cells)
    return stream.chunks(_split(lines, dialect.delimiter), size)


def _split(lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    for line in lines:
        text = line.rstrip("\r\n")
        yield text.split(delimiter) if text else []
