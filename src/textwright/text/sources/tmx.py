"""Translation memories (TMX 1.1 to 1.4): one row a unit, one column a language."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from xml.parsers import expat

from textwright.core.errors import DataError
from textwright.text.rowlog import RowLog
from textwright.text.sources.base import MAX_CELL_BYTES, Batch, Cell, batched
from textwright.text.sources.stream import UNDECODABLE, StreamFault, TextFile, without_broken

NUM_FIRST_UNITS = 1_000  # their languages are the columns
SAME_LANGUAGE = "a second text of the same language is left out"
OTHER_LANGUAGE = "a language that the first units do not have is left out"
NO_LANGUAGE = "a text without a language is left out"
# Elements of a segment that hold codes of the original document, not text.
_CODES = frozenset(["bpt", "ept", "ph", "it", "ut"])

Unit = list[tuple[str, str]]


@dataclass
class TmxSource:
    """A translation memory; rows count its units from 1."""

    path: Path
    columns: list[str]
    notes: list[str]
    text: TextFile
    kind: str = "tmx"

    def batches(self, log: RowLog, size: int = 4096) -> Iterator[Batch]:
        """All units, streaming. Raises DataError where the file breaks."""
        yield from batched(self.columns, self._records(log), size)

    def _records(self, log: RowLog) -> Iterator[tuple[int, list[Cell]]]:
        for row, unit in enumerate(_units(self.text, log), start=1):
            cells: dict[str, Cell] = dict.fromkeys(self.columns)
            for language, text in unit:
                if not language:
                    log.changed(NO_LANGUAGE, row, text)
                elif language not in cells:
                    log.changed(OTHER_LANGUAGE, row, f"{language}: {text}")
                elif cells[language] is not None:
                    log.changed(SAME_LANGUAGE, row, f"{language}: {text}")
                else:
                    cells[language] = text or None
            yield row, list(cells.values())


def open_tmx(text: TextFile) -> TmxSource:
    """Take the languages of the first units for columns. Raises DataError when there is no unit with one."""
    units = islice(_units(text, RowLog()), NUM_FIRST_UNITS)
    columns = list(dict.fromkeys(language for unit in units for language, _ in unit if language))
    if not columns:
        hint = "Export it as TMX again, or as a table with a column a language."
        raise DataError("there is no unit with a text and its language", path=text.path, hint=hint)
    return TmxSource(text.path, columns, text.notes, text)


def _units(text: TextFile, log: RowLog) -> Iterator[Unit]:
    """The units of the file, parsed as they are read. Raises DataError with the number of the unit."""
    stream = text.stream()
    reader = _Reader()
    try:
        for part in stream.texts():
            whole = without_broken(part) if stream.damaged else part
            if whole != part:
                log.changed(UNDECODABLE, reader.num_units + 1, whole)
            yield from reader.feed(whole)
        yield from reader.feed("", is_last=True)
    except StreamFault as fault:
        raise fault.at(text.path, reader.num_units + 1) from None


@dataclass
class _Reader:
    """Fed with the text of a file, it gives the units that have ended.

    Expat itself is asked, and not ElementTree over it, since only so the declaration of an entity can be
    refused: entities that stand for others a billion times over are the old way to fill a memory.
    """

    num_units: int = 0
    _done: list[Unit] = field(default_factory=list)
    _unit: Unit = field(default_factory=list)
    _language: str = ""
    _text: list[str] | None = None  # of the segment that is open
    _length: int = 0
    _codes: int = 0  # open elements that hold codes

    def __post_init__(self) -> None:
        self._parser = expat.ParserCreate("utf-8")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.EntityDeclHandler = self._declared
        self._parser.SkippedEntityHandler = self._skipped

    def feed(self, text: str, *, is_last: bool = False) -> list[Unit]:
        try:
            self._parser.Parse(text, is_last)
        except expat.ExpatError as error:
            hint = "Export it as TMX again."
            raise StreamFault(f"not valid XML: {error}", hint=hint, after=True) from None
        done, self._done = self._done, []
        self.num_units += len(done)
        return done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        match name:
            case "tu":
                self._unit = []
            case "tuv":
                self._language = _code(attributes.get("xml:lang") or attributes.get("lang") or "")
            case "seg":
                self._text, self._length, self._codes = [], 0, 0
            case _ if name in _CODES:
                self._codes += 1

    def _end(self, name: str) -> None:
        match name:
            case "tu":
                self._done.append(self._unit)
            case "seg" if self._text is not None:
                self._unit.append((self._language, "".join(self._text)))
                self._text = None
            case _ if name in _CODES:
                self._codes -= 1

    def _characters(self, text: str) -> None:
        if self._text is None or self._codes > 0:
            return
        self._text.append(text)
        self._length += len(text)
        if self._length > MAX_CELL_BYTES:
            message = f"a text is longer than the limit of {MAX_CELL_BYTES:,} characters"
            raise StreamFault(message, hint="Split the text into shorter rows.")

    def _declared(self, name: str, *_: object) -> None:
        message = f"it declares the entity {name!r}, which is not expanded here"
        hint = "Write what it stands for in its place, and take the declaration out."
        raise StreamFault(message, hint=hint)

    def _skipped(self, name: str, is_parameter: bool) -> None:
        """One that only a DTD elsewhere explains: those that HTML has are known, others stay as written."""
        if not is_parameter:
            self._characters(html.unescape(f"&{name};"))


def _code(language: str) -> str:
    """A language as it is written most often: `EN_us` is `en-US`.

    >>> _code("EN_us"), _code("zh-hans-cn"), _code("DE")
    ('en-US', 'zh-Hans-CN', 'de')
    """
    first, *more = language.strip().replace("_", "-").split("-")
    return "-".join([first.lower(), *(p.upper() if len(p) == 2 else p.capitalize() for p in more)])
