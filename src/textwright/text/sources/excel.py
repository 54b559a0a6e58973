"""Workbooks: .xlsx, .xls and .ods, the first sheet that has rows, read whole by calamine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textwright.core.errors import DataError, MissingExtra
from textwright.text.rowlog import RowLog
from textwright.text.sources.base import Batch, Cell, as_cell, batched, repaired_header
from textwright.text.sources.stream import InputFile


@dataclass
class ExcelSource:
    """A sheet in memory; rows are numbered as in the sheet."""

    path: Path
    kind: str
    columns: list[str]
    notes: list[str]
    first_row: int
    records: Sequence[Sequence[object]] = field(repr=False)

    def batches(self, log: RowLog, size: int = 4096) -> Iterator[Batch]:
        """All rows below the header that have a cell."""
        yield from batched(self.columns, self._rows(log), size)

    def _rows(self, log: RowLog) -> Iterator[tuple[int, list[Cell]]]:
        for row, record in enumerate(self.records, start=self.first_row):
            cells = [_cell(value) for value in record[: len(self.columns)]]
            if any(cells):
                yield row, cells
            else:
                log.dropped("empty row", row)


def open_excel(file: InputFile, kind: str, header: list[str] | None) -> ExcelSource:
    """Read the first sheet with rows. Raises DataError when there is none, MissingExtra without calamine."""
    notes: list[str] = []
    records = _records(file, notes)
    top = next((index for index, record in enumerate(records) if any(map(_cell, record))), len(records))
    if header is None:
        cells = [str(_cell(value) or "") for value in records[top]] if top < len(records) else []
        names = repaired_header(_without_empty_end(cells, records[top + 1 :]), notes)
        top += 1
    else:
        names = list(header)
        _check_width(records[top] if top < len(records) else [], names, file.shown, top + 1)
    if not any(_cell(value) for record in records[top:] for value in record):
        raise DataError("there are no rows below the header", path=file.shown, hint="Check the first sheet.")
    return ExcelSource(file.shown, kind, names, notes, top + 1, records[top:])


def _records(file: InputFile, notes: list[str]) -> list[list[object]]:
    try:
        import python_calamine
    except ImportError:
        raise MissingExtra("reading Excel files", extra="files") from None
    try:
        with python_calamine.CalamineWorkbook.from_path(str(file.path)) as book:
            for name in book.sheet_names:
                sheet: Any = book.get_sheet_by_name(name)
                records: list[list[object]] = sheet.to_python(skip_empty_area=False)
                if any(_cell(value) for record in records for value in record):
                    if len(book.sheet_names) > 1:
                        notes.append(f"sheet {name!r} of {len(book.sheet_names)}")
                    return records
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        message = f"not a readable workbook: {str(error)[:120]}"
        raise DataError(message, path=file.shown, hint="Save it again, without a password.") from None
    raise DataError("all sheets are empty", path=file.shown, hint="Check the export.")


def _without_empty_end(cells: list[str], below: list[list[object]]) -> list[str]:
    """Columns at the right that have neither a name nor a value are only formatting."""
    width = len(cells)
    while width and not cells[width - 1] and not any(_cell(record[width - 1]) for record in below):
        width -= 1
    return cells[:width]


def _check_width(record: Sequence[object], names: list[str], path: Path, row: int) -> None:
    if len(record) != len(names):
        message = f"the first row has {len(record)} cells, the header given has {len(names)} names"
        raise DataError(message, path=path, row=row, hint="Give one name for each column.")


def _cell(value: object) -> Cell:
    """A workbook has no whole numbers of its own: 3.0 is what a person typed as 3."""
    return as_cell(int(value) if isinstance(value, float) and value.is_integer() else value)
