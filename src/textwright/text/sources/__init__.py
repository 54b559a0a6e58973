"""Opens a person's text: tables, JSON, Parquet, workbooks, lines, folders, mail and translation memories."""

from __future__ import annotations

import os
import sys
import tempfile
import weakref
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO

from textwright.core.errors import ConfigError, DataError
from textwright.core.files import explained
from textwright.text.sources.base import MAX_CELL_BYTES, Batch, Cell, Source
from textwright.text.sources.delimited import open_delimited
from textwright.text.sources.detect import (
    BINARY,
    EXCEL,
    json_kind,
    refuse_binary,
    signature_kind,
    sniff_text,
    suffix_kind,
)
from textwright.text.sources.excel import open_excel
from textwright.text.sources.folder import open_folder
from textwright.text.sources.jsonlines import open_json, open_jsonlines
from textwright.text.sources.mail import open_mail
from textwright.text.sources.parquet import open_parquet
from textwright.text.sources.plain import open_lines
from textwright.text.sources.stream import InputFile, StreamFault, TextFile, open_text
from textwright.text.sources.tmx import open_tmx

__all__ = ["MAX_CELL_BYTES", "Batch", "Cell", "Source", "open_plain", "open_source"]

STANDARD_INPUT = "-"


def open_source(path: str | Path, *, header: list[str] | None = None, is_raw: bool = False) -> Source:
    """Open a file or folder of texts, whatever its format and encoding; `-` is standard input.

    `header` names the columns of a CSV, TSV or Excel table without a header row. With `is_raw` a file is only
    taken for a table, or for JSON, where its name says so: a poem may look like one. Raises DataError when
    there is nothing to read, ConfigError when `header` is given for a format that has its own names,
    MissingExtra when Excel files cannot be read here.

    >>> import tempfile
    >>> from textwright.text.rowlog import RowLog
    >>> file = Path(tempfile.mkdtemp()) / "reviews.csv"
    >>> _ = file.write_bytes("文本;标签\\n很好看;好\\n".encode("gb18030"))
    >>> source = open_source(file)
    >>> source.columns, source.notes
    (['文本', '标签'], ['encoding GB18030', "delimiter ';'"])
    >>> next(source.batches(RowLog()))
    Batch(rows=[2], columns={'文本': ['很好看'], '标签': ['好']})
    """
    path = Path(path)
    if str(path) == STANDARD_INPUT:
        return _open_stream(sys.stdin.buffer, path, header, is_raw)
    _check_readable(path)
    if path.is_dir():
        return _own_names(open_folder(path), header)
    if not path.is_file():  # a pipe, which can be read only once
        with path.open("rb") as stream:
            return _open_stream(stream, path, header, is_raw)
    return _open_file(InputFile(path, path), header, is_raw)


def open_plain(path: Path) -> TextFile:
    """A file as plain text, whatever its name says. Raises DataError when it is a folder, empty or binary."""
    _check_readable(path)
    if not path.is_file():
        raise DataError("this is not a file", path=path, hint="Name a file of plain text.")
    file = InputFile(path, path)
    head = file.head()
    refuse_binary(head, path)
    return open_text(file, head)


def _check_readable(path: Path) -> None:
    try:
        path.stat()
        if path.is_file():
            with path.open("rb") as file:
                file.read(1)
    except FileNotFoundError:
        raise DataError("there is no such file", path=path, hint=_nearest(path)) from None
    except PermissionError:
        raise DataError("no permission to read it", path=path, hint="Change its permissions.") from None
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be opened: {error}", path=path, hint="Check the path.") from None


def _nearest(path: Path) -> str:
    folder = path.parent
    try:
        names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError:
        return f"The folder {folder} cannot be read either."
    near = get_close_matches(path.name, names, n=1, cutoff=0.5)
    if near:
        return f"Did you mean {folder / near[0]}?"
    return f"The folder has: {', '.join(names[:5])}." if names else "The folder is empty."


def _open_stream(stream: BinaryIO, shown: Path, header: list[str] | None, is_raw: bool) -> Source:
    return _open_file(_spooled(iter(lambda: stream.read(1 << 20), b""), shown), header, is_raw)


def _spooled(blocks: Iterator[bytes], shown: Path) -> InputFile:
    """A temporary copy that can be read again and again; it goes when the last source that holds it goes."""
    handle, name = tempfile.mkstemp(prefix="textwright-")
    path = Path(name)
    file = InputFile(path, shown)
    weakref.finalize(file, path.unlink, missing_ok=True)
    with explained(path), os.fdopen(handle, "wb") as copy:
        try:
            copy.writelines(blocks)
        except StreamFault as fault:
            raise fault.at(shown, 1) from None
    return file


def _open_file(file: InputFile, header: list[str] | None, is_raw: bool) -> Source:
    shown, packed = file.shown, file.is_packed
    if shown.suffix.lower() == ".gz" and not packed:
        raise DataError(
            "the name ends in .gz, the content is not gzip", path=shown, hint="Rename it or copy it again."
        )
    head = file.head()
    if not head:
        raise DataError("the file is empty", path=shown, hint="Check the export.")
    kind = suffix_kind(shown) or signature_kind(head)
    if kind in BINARY:
        file = _spooled(file.blocks(), shown) if packed else file
        return open_excel(file, kind, header) if kind in EXCEL else _own_names(open_parquet(file), header)
    refuse_binary(head, shown)
    return _open_text(file, head, kind or ("txt" if is_raw else None), header)


def _open_text(file: InputFile, head: bytes, kind: str | None, header: list[str] | None) -> Source:
    text = open_text(file, head)
    if text.whole and not text.head.strip():
        raise DataError("the file is empty", path=text.path, hint="Check the export.")
    kind = kind or ("csv" if header else sniff_text(text.head, text.whole))
    kind = json_kind(text.head) if kind == "json" else kind
    match kind:
        case "csv" | "tsv":
            return open_delimited(text, kind, header)
        case "jsonl":
            return _own_names(open_jsonlines(text), header)
        case "json":
            return _own_names(open_json(text), header)
        case "eml" | "mbox":
            return _own_names(open_mail(file, kind), header)
        case "tmx":
            return _own_names(open_tmx(text), header)
        case _:
            return _own_names(open_lines(text), header)


def _own_names(source: Source, header: list[str] | None) -> Source:
    if header is None:
        return source
    raise ConfigError(
        f"{source.path}: this is a {source.kind} source, which has the columns {', '.join(source.columns)}",
        hint="Leave the header out: it is for CSV, TSV and Excel tables without one.",
    )
