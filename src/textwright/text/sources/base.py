"""What every reader of a person's text gives: columns, batches of numbered rows, and what it detected."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from textwright.text.rowlog import RowLog

Cell = str | list[str] | None
"""A list comes from list columns of JSON and Parquet (several labels); None is a missing or empty cell."""

MAX_CELL_BYTES = 100_000_000
MAX_BATCH_BYTES = 64_000_000  # a batch ends early when its rows are long, so that memory stays bounded


@dataclass(frozen=True)
class Batch:
    """Some rows: their numbers as a spreadsheet shows them, and the columns, all of equal length.

    In a table with a header the header is row 1; otherwise the first record is row 1. Records are counted,
    not physical lines.
    """

    rows: list[int]
    columns: dict[str, list[Cell]]


class Source(Protocol):
    """A readable file or folder. `notes` tells what was detected, one short sentence each."""

    path: Path
    kind: str
    columns: list[str]
    notes: list[str]

    def batches(self, log: RowLog, size: int = 4096) -> Iterator[Batch]:
        """All rows, streaming, at most `size` a batch; can be called again. Raises DataError."""
        ...


def batch_of(names: Sequence[str], rows: list[int], records: Sequence[Sequence[Cell]]) -> Batch:
    """Turn records (each as long as `names`) into columns; an empty text becomes None."""
    columns = [[None if cell == "" else cell for cell in column] for column in zip(*records, strict=True)]
    return Batch(rows, dict(zip(names, columns or [[] for _ in names], strict=True)))


def batched(
    names: Sequence[str], records: Iterable[tuple[int, Sequence[Cell]]], size: int
) -> Iterator[Batch]:
    """Gather numbered records into batches of at most `size`, fewer when they are long."""
    rows: list[int] = []
    kept: list[Sequence[Cell]] = []
    length = 0
    for row, cells in records:
        rows.append(row)
        kept.append(cells)
        length += sum(map(len, filter(None, cells)))
        if len(rows) >= size or length > MAX_BATCH_BYTES:
            yield batch_of(names, rows, kept)
            rows, kept, length = [], [], 0
    if rows:
        yield batch_of(names, rows, kept)


def as_cell(value: object) -> Cell:
    """The text of a typed value as JSON writes it; lists of plain values stay lists, the rest is JSON text.

    >>> as_cell(True), as_cell(3), as_cell(3.0), as_cell(None), as_cell([1, "a"]), as_cell({"a": 1})
    ('true', '3', '3.0', None, ['1', 'a'], '{"a": 1}')
    """
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, (list, tuple)) and not any(isinstance(item, (list, tuple, dict)) for item in value):
        return [text for item in value if isinstance(text := as_cell(item), str)]
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return _plain(value) or None


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isnan(value):
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)


def repaired_header(cells: Sequence[str], notes: list[str]) -> list[str]:
    """Column names that are stripped, not empty and not the same; each repair is told in `notes`."""
    names: list[str] = []
    for position, cell in enumerate(cells, start=1):
        stem = name = cell.strip().strip("\ufeff\u200b").strip() or f"column {position}"
        copy = 1
        while name in names:
            copy += 1
            name = f"{stem} ({copy})"
        if name != cell:
            notes.append(f"header repaired: {cell!r} -> {name!r}")
        names.append(name)
    return names
