"""Folders of documents: one folder a label with a file a text, or files side by side."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from textwright.core.errors import DataError
from textwright.text.rowlog import RowLog
from textwright.text.sources.base import MAX_CELL_BYTES, Batch, Cell, batched
from textwright.text.sources.detect import SUFFIXES, refuse_binary
from textwright.text.sources.encoding import decide_encoding
from textwright.text.sources.mail import MAIL_COLUMNS, mail_cells
from textwright.text.sources.stream import UNDECODABLE, InputFile, StreamFault

TEXT_SUFFIXES = (".txt", ".text", ".eml", "")  # 20 Newsgroups and others have no suffix
NOT_TEXT = "file is not text"


@dataclass
class FolderSource:
    """The files of a folder in the order of their names; rows count them from 1.

    `files` are (label or None, path); with labels the second column is `label`, without it is `file`.
    """

    path: Path
    columns: list[str]
    notes: list[str]
    files: list[tuple[str | None, Path]] = field(repr=False)
    kind: str = "folder"

    def batches(self, log: RowLog, size: int = 4096) -> Iterator[Batch]:
        """All files, some at a time. Raises DataError when none of them is text."""
        found = False
        for batch in batched(self.columns, self._records(log), size):
            found = True
            yield batch
        if not found:
            hint = "Give .txt or .eml files."
            raise DataError("none of the files is readable text", path=self.path, hint=hint)

    def _records(self, log: RowLog) -> Iterator[tuple[int, list[Cell]]]:
        for row, (label, path) in enumerate(self.files, start=1):
            try:
                text, *fields = _read(path, row, log)
            except DataError as error:
                log.dropped(NOT_TEXT, row, f"{path.name}: {error.message}")
                continue
            fields = fields or [None] * len(MAIL_COLUMNS[1:])
            yield row, [text, label or path.name, *fields[: len(self.columns) - 2]]


def open_folder(path: Path) -> FolderSource:
    """List a folder's texts. Raises DataError when there are none."""
    folders, flat = _entries(path)
    labelled: list[tuple[str | None, Path]] = [
        (folder.name, file) for folder in folders for file in _texts(folder)
    ]
    plain: list[tuple[str | None, Path]] = [(None, file) for file in flat if _is_text(file) and file.suffix]
    if not labelled and not plain:
        raise DataError("the folder holds no texts", path=path, hint=_advice(flat))
    files = labelled or plain
    columns = ["text", "label" if labelled else "file"]
    if any(file.suffix.lower() == ".eml" for _, file in files):
        columns += MAIL_COLUMNS[1:]
    notes = [f"{len({label for label, _ in labelled}):,} folders as labels"] if labelled else []
    if labelled and flat:
        notes.append(f"{len(flat):,} files beside the folders are not read")
    return FolderSource(path, columns, notes, files)


def _entries(path: Path) -> tuple[list[Path], list[Path]]:
    """Folders and files that are not hidden, by name."""
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(
            f"cannot be read: {error.strerror}", path=path, hint="Check the permissions."
        ) from None
    seen = [entry for entry in entries if not entry.name.startswith((".", "__MACOSX"))]
    folders = [Path(entry.path) for entry in seen if entry.is_dir()]
    return folders, [Path(entry.path) for entry in seen if entry.is_file()]


def _texts(folder: Path) -> list[Path]:
    return [file for file in _entries(folder)[1] if _is_text(file)]


def _is_text(file: Path) -> bool:
    return file.suffix.lower() in TEXT_SUFFIXES


def _advice(flat: list[Path]) -> str:
    tables = [file.name for file in flat if file.suffix.lower() in (*SUFFIXES, ".gz")]
    if tables:
        return f"Name one of its files: {', '.join(tables[:5])}."
    return "Put the texts as .txt files into one folder for each label."


def _read(path: Path, row: int, log: RowLog) -> list[Cell]:
    """The text of a file, and the header fields when it is mail. Raises DataError when it is not text."""
    data = bytearray()
    try:
        for block in InputFile(path, path).blocks():
            data += block
            if len(data) > MAX_CELL_BYTES:
                raise DataError(f"longer than the limit of {MAX_CELL_BYTES:,} bytes", path=path)
    except StreamFault as fault:
        raise DataError(fault.message, path=path) from None
    if path.suffix.lower() == ".eml":
        if (cells := mail_cells(bytes(data))) is None:
            raise DataError("not a message", path=path)
        return cells
    refuse_binary(bytes(data[:65_536]), path)
    return [_decoded(bytes(data), row, log)]


def _decoded(data: bytes, row: int, log: RowLog) -> str:
    encoding = decide_encoding(data)
    try:
        text = data.decode(encoding.codec)
    except UnicodeDecodeError:
        text = data.decode(encoding.codec, "replace")
        log.changed(UNDECODABLE, row, text)
    return text.rstrip("\r\n")
