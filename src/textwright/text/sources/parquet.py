"""Parquet files, a part of a row group at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textwright.core.errors import DataError
from textwright.text.rowlog import RowLog
from textwright.text.sources.base import MAX_CELL_BYTES, Batch, Cell, as_cell, repaired_header
from textwright.text.sources.stream import UNDECODABLE, InputFile

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass
class ParquetSource:
    """A Parquet file; rows count its records from 1."""

    path: Path
    columns: list[str]
    notes: list[str]
    file: InputFile
    kind: str = "parquet"

    def batches(self, log: RowLog, size: int = 4096) -> Iterator[Batch]:
        """All records, streaming. Raises DataError where the file breaks."""
        row = 1
        with _opened(self.file) as parquet:
            parts = parquet.iter_batches(batch_size=size)
            while True:
                with _explained(self.path, row):
                    part = next(parts, None)
                    columns = [_cells(array, row, self.path, log) for array in part.columns] if part else []
                if part is None:
                    return
                rows = list(range(row, row + part.num_rows))
                yield Batch(rows, dict(zip(self.columns, columns, strict=True)))
                row += part.num_rows


def open_parquet(file: InputFile) -> ParquetSource:
    """Read the columns' names. Raises DataError when the file is none, or has no rows."""
    notes: list[str] = []
    with _opened(file) as parquet:
        with _explained(file.shown, None):
            names = repaired_header(parquet.schema_arrow.names, notes)
        if not parquet.metadata.num_rows or not names:
            raise DataError("there are no rows", path=file.shown, hint="Check the export.")
    return ParquetSource(file.shown, names, notes, file)


@contextmanager
def _opened(file: InputFile) -> Iterator[Any]:
    import pyarrow.parquet as pq

    with _explained(file.shown, None):
        parquet = pq.ParquetFile(file.path)
    with parquet:
        yield parquet


@contextmanager
def _explained(path: Path, row: int | None) -> Iterator[None]:
    """Say where Arrow gave up; `row` is the first of the batch being read."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        what = "not a readable Parquet file" if row is None else "the Parquet file is damaged from about here"
        message = f"{what}: {_line(error)}"
        raise DataError(message, path=path, row=row, hint="Export or download it again.") from None


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0][:120]


def _cells(array: pa.Array, first: int, path: Path, log: RowLog) -> list[Cell]:
    """The column as text; a number as it is written, a 32-bit one with its own digits."""
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        array = array.cast(pa.large_binary())
    if pa.types.is_large_binary(array.type) or pa.types.is_binary(kind):
        return _decoded(array.to_pylist(), first, path, log)
    if pa.types.is_float16(kind) or pa.types.is_float32(kind):
        return [
            as_cell(None if value is None else float(str(value)))
            for value in array.to_numpy(zero_copy_only=False)
        ]
    if pa.types.is_timestamp(kind):
        array = array.cast(pa.string())  # nanoseconds do not fit into Python's datetime
    return [as_cell(value) for value in array.to_pylist()]


def _decoded(values: list[bytes | None], first: int, path: Path, log: RowLog) -> list[Cell]:
    cells: list[Cell] = []
    for row, value in enumerate(values, start=first):
        if value is not None and len(value) > MAX_CELL_BYTES:
            message = f"a cell is longer than the limit of {MAX_CELL_BYTES:,} bytes"
            raise DataError(message, path=path, row=row, hint="Split the text into shorter rows.")
        try:
            cells.append(value.decode("utf-8") if value else None)
        except UnicodeDecodeError:
            text = (value or b"").decode("utf-8", "replace")
            log.changed(UNDECODABLE, row, text)
            cells.append(text)
    return cells
