"""JSON: one object a line, streaming; and documents (a list of objects, an object of lists), read whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from textwright.core.errors import DataError
from textwright.text.rowlog import RowLog
from textwright.text.sources.base import Batch, Cell, as_cell, batched
from textwright.text.sources.stream import (
    BROKEN,
    UNDECODABLE,
    StreamFault,
    TextFile,
    TextStream,
    without_broken,
)

MAX_DOCUMENT_BYTES = 1_000_000_000
MAX_BAD_SHARE = 0.1
NUM_FIRST_ROWS = 1000  # their keys are the columns
NOT_JSON = "not valid JSON"
NOT_OBJECT = "not a JSON object"
UNKNOWN_KEY = "a key that the first rows do not have is left out"
TOO_DEEP = "nested too deeply"
BROKEN_ESCAPE = "broken Unicode escape replaced"

Record = Mapping[str, Any]


@dataclass
class JsonLinesSource:
    """A file with one JSON object a line; rows are line numbers."""

    path: Path
    columns: list[str]
    notes: list[str]
    text: TextFile
    kind: str = "jsonl"

    def batches(self, log: RowLog, size: int = 4096) -> Iterator[Batch]:
        """All objects, streaming. Raises DataError when a tenth of the lines is no JSON object."""
        yield from batched(self.columns, self._records(log, size), size)

    def _records(self, log: RowLog, size: int) -> Iterator[tuple[int, list[Cell]]]:
        stream = self.text.stream()
        bad: list[int] = []
        num_lines = 0
        for first, lines in stream.chunks(stream.lines(self.text.newline), size):
            for row, line in enumerate(lines, start=first):
                if line.isspace():
                    log.dropped("empty row", row)
                    continue
                num_lines += 1
                cells = self._cells(stream.mended(line, row, log) if stream.damaged else line, row, log)
                if cells:
                    yield row, cells
                else:
                    bad.append(row)
        if bad and len(bad) >= MAX_BAD_SHARE * num_lines:
            message = f"{len(bad):,} of {num_lines:,} lines are no JSON objects; this is the first"
            hint = "Write one complete JSON object a line."
            raise DataError(message, path=self.path, row=bad[0], hint=hint)

    def _cells(self, line: str, row: int, log: RowLog) -> list[Cell]:
        """The cells of a line; an empty list when it is dropped."""
        record, fault = _parsed(line)
        if fault:
            log.dropped(fault, row, line)
            return []
        return _cells(record, row, self.columns, BROKEN_ESCAPE if _escapes(line) else "", log)


@dataclass
class JsonSource:
    """A JSON document, held in memory; rows count its objects from 1."""

    path: Path
    columns: list[str]
    notes: list[str]
    records: Sequence[Record] = field(repr=False)
    fragile: str = ""  # why rows may hold lone surrogates, when they may
    kind: str = "json"

    def batches(self, log: RowLog, size: int = 4096) -> Iterator[Batch]:
        """All objects."""
        cells = (
            (row, _cells(record, row, self.columns, self.fragile, log))
            for row, record in enumerate(self.records, start=1)
        )
        yield from batched(self.columns, filter(itemgetter(1), cells), size)


def open_jsonlines(text: TextFile) -> JsonLinesSource:
    """Take the columns from the first rows. Raises DataError when the first is no JSON object."""
    stream = text.stream()
    names: dict[str, None] = {}
    for first, lines in islice(stream.chunks(stream.lines(text.newline), NUM_FIRST_ROWS), 1):
        for row, line in enumerate(lines, start=first):
            if line.isspace():
                continue
            line = without_broken(line)
            record, fault = _parsed(line)
            if fault and not names:
                hint = "Write one JSON object a line; a file that is one JSON document is named .json."
                raise DataError(f"{fault}: {line[:60].strip()!r}", path=text.path, row=row, hint=hint)
            names.update(dict.fromkeys(map(without_broken, record)))
    if not names:
        hint = 'Write lines like {"text": "...", "label": "..."}.'
        raise DataError("no object has a key", path=text.path, hint=hint)
    return JsonLinesSource(text.path, list(names), text.notes, text)


def open_json(text: TextFile) -> JsonSource:
    """Read a whole document. Raises DataError when it is too large, not valid, or not a table."""
    stream = text.stream()
    document = _document(stream, text.path)
    try:
        value = json.loads(document, parse_constant=_constant)
    except RecursionError:
        hint = "Write a list of objects."
        raise DataError("the JSON is nested too deeply", path=text.path, hint=hint) from None
    except ValueError as error:
        raise DataError(f"not valid JSON: {error}", path=text.path, hint="Check the export.") from None
    records = _records(value, text.path)
    names = list(dict.fromkeys(without_broken(key) for record in records for key in record))
    if not names:
        raise DataError("there are no rows", path=text.path, hint="Check the export.")
    fragile = UNDECODABLE if stream.damaged else BROKEN_ESCAPE if _escapes(document) else ""
    return JsonSource(text.path, names, text.notes, records, fragile)


def _document(stream: TextStream, path: Path) -> str:
    parts: list[str] = []
    try:
        for line in stream.lines():
            parts.append(line)
            if stream.bytes_read > MAX_DOCUMENT_BYTES:
                message = f"larger than {MAX_DOCUMENT_BYTES:,} bytes, and a JSON document is read whole"
                raise DataError(message, path=path, hint="Convert it to JSON lines (.jsonl), which streams.")
    except StreamFault as fault:
        raise DataError(fault.message, path=path, hint=fault.hint) from None
    return "".join(parts)


def _parsed(line: str) -> tuple[Record, str]:
    """The object on a line, or an empty one and what is wrong."""
    try:
        value = json.loads(line, parse_constant=_constant)
    except (ValueError, RecursionError):
        return {}, NOT_JSON
    return (value, "") if isinstance(value, dict) else ({}, NOT_OBJECT)


def _constant(name: str) -> str | None:
    return None if name == "NaN" else name


def _records(value: object, path: Path) -> Sequence[Record]:
    """The rows of a document in any of the usual layouts."""
    if isinstance(value, dict):
        tables = [
            item for item in value.values() if isinstance(item, list) and item and isinstance(item[0], dict)
        ]
        lists = {key: item for key, item in value.items() if isinstance(item, list)}
        if len(tables) == 1:
            value = tables[0]
        elif lists and len(lists) == len(value):
            return _rows_of_columns(lists, path)
    if isinstance(value, list):
        wrong = next((row for row, item in enumerate(value, start=1) if not isinstance(item, dict)), None)
        if wrong is None:
            return value
        raise DataError("not a JSON object", path=path, row=wrong, hint='Write objects like {"text": "..."}.')
    hint = 'Write a list of objects; from pandas: to_json(path, orient="records").'
    raise DataError("the JSON document is no table", path=path, hint=hint)


def _rows_of_columns(lists: dict[str, list[object]], path: Path) -> Sequence[Record]:
    lengths = {key: len(column) for key, column in lists.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{key!r} {length:,}" for key, length in lengths.items())
        raise DataError(
            f"the lists differ in length: {found}", path=path, hint="Give every list one value a row."
        )
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


def _cells(record: Record, row: int, columns: list[str], fragile: str, log: RowLog) -> list[Cell]:
    """The cells of an object; an empty list when it is dropped, too deep to be written as text."""
    try:
        if fragile:
            record = _mended(record, row, fragile, log)
        cells = [as_cell(record.get(name)) for name in columns]
    except RecursionError:
        log.dropped(TOO_DEEP, row)
        return []
    if unknown := record.keys() - columns:
        log.changed(UNKNOWN_KEY, row, ", ".join(sorted(unknown)))
    return cells


def _escapes(text: str) -> bool:
    """Whether there are escapes of surrogates, which may be lone ones."""
    return "\\ud" in text or "\\uD" in text


def _mended(record: Record, row: int, reason: str, log: RowLog) -> Record:
    """The record without lone surrogates, which no tokenizer and no file takes."""
    text = json.dumps(record, ensure_ascii=False)
    if not BROKEN.search(text):
        return record
    log.changed(reason, row, without_broken(text))
    mended: Record = json.loads(without_broken(text))
    return mended
