"""The documents of files and folders, streaming: rows of tables, mails, and stretches of plain text.

A plain file says nothing of where a document of it ends. It is read in stretches of some pages, which end
with a paragraph where there is one: a stretch is what is held out to judge on as a whole, and what follows it
goes on in the same document.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from textwright.core.errors import DataError
from textwright.text.clean import clean_texts, mended
from textwright.text.columns import find_text_column, profile
from textwright.text.rowlog import RowLog
from textwright.text.sources import Source, open_source
from textwright.text.sources.base import Batch
from textwright.text.sources.folder import NOT_TEXT
from textwright.text.sources.plain import LineSource
from textwright.text.sources.stream import StreamFault

# Characters of a stretch: a hundredth of the file within these bounds, so that a share of the stretches can
# be held out of any file.
_SHORTEST, _LONGEST = 2_000, 32_000
_STRETCHES = 100
NO_TEXT = "no text"


@dataclass(frozen=True)
class Document:
    """A text that stays whole in one part; `file` numbers the file, `row` its first line, row or mail.

    `is_stretch`: a part of a plain file, every line with its end. `goes_on`: the one before is its beginning.
    """

    text: str
    file: int
    row: int
    is_stretch: bool = False
    goes_on: bool = False


@dataclass
class Documents:
    """The documents of `files`, in their order and always the same ones.

    `column` is where tables have their text; guessed for each file where none is named. Files that are no
    text are left out and counted in `skipped`, where a folder was given.
    """

    files: list[Path]
    column: str | None = None
    may_skip: frozenset[Path] = frozenset()
    skipped: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, paths: Sequence[str | Path], column: str | None = None) -> Documents:
        """All files of the paths; of a folder those below it, by name. Raises DataError where there are none.

        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "a.txt").write_text("To be,\\nor not to be.\\n")
        >>> [(d.text, d.row, d.goes_on) for d in Documents.of([folder]).read(RowLog())]
        [('To be,\\nor not to be.\\n', 1, False)]
        """
        files: list[Path] = []
        inside: list[Path] = []
        for path in map(Path, paths):
            if path.is_dir():
                inside += (found := _below(path))
                files += found
                if not found:
                    raise DataError("the folder holds no files", path=path, hint="Name files with text.")
            else:
                files.append(path)
        named = {Path(path) for path in paths}
        return cls([*dict.fromkeys(files)], column, frozenset(set(inside) - named))

    def read(self, log: RowLog) -> Iterator[Document]:
        """All documents, cleaned; what was dropped or changed stands in `log`. Raises DataError."""
        is_empty = True
        for number, path in enumerate(self.files):
            try:
                source = open_source(path, is_raw=self.column is None)
                for document in self._of(source, number, log):
                    is_empty = False
                    yield document
            except DataError as error:
                if path not in self.may_skip:
                    raise
                self.skipped[str(path)] = error.message
        if is_empty:
            raise DataError(
                f"none of {len(self.files):,} files holds text", hint="Give plain text, tables or mails."
            )
        for name, message in self.skipped.items():
            log.dropped(NOT_TEXT, 0, f"{name}: {message}")

    def _of(self, source: Source, number: int, log: RowLog) -> Iterator[Document]:
        if isinstance(source, LineSource) and source.columns == ["text"]:
            return _stretches(source, number, log)
        return self._rows(source, number, log)

    def _rows(self, source: Source, number: int, log: RowLog) -> Iterator[Document]:
        batches = source.batches(log)
        first = next(iter(batches), None)
        if first is None:
            return
        column = find_text_column(profile([first]), path=str(source.path), asked=self.column)
        for batch in chain([first], batches):
            for row, text in _texts(batch, column, log):
                yield Document(text, number, row)


def _below(folder: Path) -> list[Path]:
    """All files below a folder that are not hidden, in the order of their names."""
    found: list[Path] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        found += [Path(parent) / name for name in sorted(names) if not name.startswith(".")]
    return found


def _texts(batch: Batch, column: str, log: RowLog) -> Iterator[tuple[int, str]]:
    raw = [" ".join(cell) if isinstance(cell, list) else cell or "" for cell in batch.columns[column]]
    for row, text in zip(batch.rows, clean_texts(raw, batch.rows, log), strict=True):
        if text:
            yield row, text
        else:
            log.dropped(NO_TEXT, row)


def _stretches(source: LineSource, number: int, log: RowLog) -> Iterator[Document]:
    """A plain file as it stands, with its empty lines, cut between paragraphs or at least between lines."""
    stream = source.text.stream()
    length = min(max(_size(source.path) // _STRETCHES, _SHORTEST), _LONGEST)
    held: list[str] = []
    begun, size, goes_on = 1, 0, False
    for row, line in _lines(stream.lines(source.text.newline), source.path):
        if stream.damaged:
            line = stream.mended(line, row, log)
        text = mended(line)
        begun = begun if held else row
        held.append(text)
        size += len(text)
        if (size >= length and not text.strip()) or size >= 2 * length:
            yield Document("".join(held), number, begun, True, goes_on)
            held, size, goes_on = [], 0, True
    if size:
        yield Document("".join(held), number, begun, True, goes_on)


def _lines(lines: Iterator[str], path: Path) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, the longest in pieces that a stretch can hold."""
    row = 0
    try:
        for row, line in enumerate(lines, start=1):
            for start in range(0, len(line), 2 * _LONGEST):
                yield row, line[start : start + 2 * _LONGEST]
    except StreamFault as fault:
        raise fault.at(path, row + 1) from None


def _size(path: Path) -> int:
    """Bytes on the disk; of a pipe, whose copy has another name, nothing is known."""
    try:
        return path.stat().st_size
    except OSError:
        return _STRETCHES * _LONGEST
