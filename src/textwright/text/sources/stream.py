"""Bytes to lines of text, streaming: gzip, decoding that survives broken bytes, limits that name rows."""

from __future__ import annotations

import codecs
import io
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar

from textwright.core.errors import DataError
from textwright.text.rowlog import RowLog
from textwright.text.sources.base import MAX_BATCH_BYTES, MAX_CELL_BYTES
from textwright.text.sources.encoding import ASCII, Encoding, decide_encoding

BLOCK = 1 << 18
HEAD_BYTES = 4_000_000
TAIL_BYTES = 1_000_000
GZIP_MAGIC = b"\x1f\x8b"
BROKEN = re.compile("[\ud800-\udfff]+")  # bytes that could not be decoded travel as lone surrogates
UNDECODABLE = "undecodable bytes replaced"

T = TypeVar("T")


class StreamFault(Exception):
    """The bytes break off or are no text. `after`: it happens after the last whole row, not in the next."""

    def __init__(self, message: str, *, hint: str, after: bool = False) -> None:
        super().__init__(message)
        self.message, self.hint, self.after = message, hint, after

    def at(self, path: Path, row: int) -> DataError:
        """The error to show when `row` was being read."""
        row -= self.after
        message = f"{self.message} after this row" if self.after and row else self.message
        return DataError(message, path=path, row=row or None, hint=self.hint)


@dataclass(frozen=True)
class InputFile:
    """A file on disk, compressed or not. `shown` is its name in messages: a copied pipe has another one."""

    path: Path
    shown: Path

    def blocks(self) -> Iterator[bytes]:
        """The content in pieces, decompressed. Raises StreamFault."""
        try:
            with self.path.open("rb") as file:
                packed = file.read(2) == GZIP_MAGIC
                file.seek(0)
                yield from _gunzipped(file) if packed else iter(lambda: file.read(BLOCK), b"")
        except zlib.error:
            hint = "Copy or download the file again."
            raise StreamFault("the gzip data is damaged", hint=hint, after=True) from None
        except OSError as error:
            hint = "Check the disk and the permissions."
            raise StreamFault(f"cannot be read: {error.strerror or error}", hint=hint, after=True) from None

    @property
    def is_packed(self) -> bool:
        with self.path.open("rb") as file:
            return file.read(2) == GZIP_MAGIC

    def head(self) -> bytes:
        """The first four million bytes, or all. A fault further on is left to the reading of rows."""
        data = bytearray()
        try:
            for block in self.blocks():
                data += block
                if len(data) >= HEAD_BYTES:
                    break
        except StreamFault as fault:
            if not data:
                raise fault.at(self.shown, 1) from None
        return bytes(data)

    def tail(self) -> bytes:
        """Whole lines from the end of a long file that can be sought in; otherwise nothing."""
        with self.path.open("rb") as file:
            size = file.seek(0, io.SEEK_END)
            if size <= HEAD_BYTES or self.is_packed:
                return b""
            file.seek(max(HEAD_BYTES, size - TAIL_BYTES))
            return file.read().partition(b"\n")[2]


def _gunzipped(file: BinaryIO) -> Iterator[bytes]:
    """Like gzip.open, but hands out all that can be read before it reports a cut."""
    decoder, inside, data = zlib.decompressobj(31), False, b""
    while data := data or file.read(BLOCK // 16):
        data = data if inside else data.lstrip(b"\0")  # members may be padded with zeros
        inside = inside or bool(data)
        if block := decoder.decompress(data):
            yield block
        data = decoder.unused_data
        if decoder.eof:
            decoder, inside = zlib.decompressobj(31), False
    if inside:
        raise StreamFault("the gzip data is cut off", hint="Copy or download the file again.", after=True)


@dataclass
class TextStream:
    """One pass over the text of a file. `damaged` turns true at the first byte that cannot be decoded."""

    file: InputFile
    encoding: Encoding
    notes: list[str]
    damaged: bool = False
    bytes_read: int = 0

    def lines(self, newline: str = "\n") -> Iterator[str]:
        """Lines with their ends; with `newline` "" a lone carriage return is one, too. Raises StreamFault."""
        held: list[str] = []
        held_bytes = seen = 0
        ends = io.IncrementalNewlineDecoder(None, translate=False)  # never cuts "\r\n" in two
        for text in self.texts():
            block_bytes, seen = self.bytes_read - seen, self.bytes_read
            lines = io.StringIO(ends.decode(text), newline=newline).readlines()
            last = lines.pop() if lines and not lines[-1].endswith("\n") else ""
            if lines:
                _check_length(held_bytes + len(lines[0]))
                lines[0] = "".join(held) + lines[0]
                held, held_bytes = [], 0
                yield from lines
            if last:
                held.append(last)
                held_bytes += len(last) if lines else block_bytes
                _check_length(held_bytes)
        yield from io.StringIO("".join(held) + ends.decode("", final=True), newline=newline)

    def texts(self) -> Iterator[str]:
        """The text in pieces, cut anywhere. Raises StreamFault."""
        decoder = _decoder(self.encoding)
        blocks = self.file.blocks()
        for block in blocks:
            self.bytes_read += len(block)
            if self.encoding is ASCII and not block.isascii():
                more = next(blocks, b"")
                self.bytes_read += len(more)
                block += more
                decoder = self._decided_late(block)
            yield from _up_to_nul(self._decode(decoder, block))
        yield from _up_to_nul(self._decode(decoder, b"", final=True))

    def _decided_late(self, block: bytes) -> codecs.IncrementalDecoder:
        """All was ASCII up to here, which says nothing: decide where the first other character appears."""
        self.encoding = decide_encoding(block)
        note = f"encoding {self.encoding.name}"
        self.notes[:] = [note if old == f"encoding {ASCII.name}" else old for old in self.notes]
        return _decoder(self.encoding)

    def _decode(self, decoder: codecs.IncrementalDecoder, block: bytes, final: bool = False) -> str:
        state = decoder.getstate()
        try:
            return decoder.decode(block, final)
        except UnicodeDecodeError:
            self.damaged = True
            decoder.setstate(state)
            decoder.errors = self.encoding.tolerant
            text = decoder.decode(block)
            return text + "\udcff" if final and decoder.getstate()[0] else text

    def mended(self, cell: str, row: int, log: RowLog) -> str:
        """The cell with U+FFFD for what could not be decoded; a change is logged."""
        text = without_broken(cell)
        if text != cell:
            log.changed(UNDECODABLE, row, text)
        return text

    def chunks(
        self, records: Iterator[T], size: int, guard: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> Iterator[tuple[int, list[T]]]:
        """Lists of at most `size` records with the number of their first row; `guard` is held while reading.

        Raises DataError with the row when the stream breaks.
        """
        row = 1
        while True:
            chunk: list[T] = []
            limit = self.bytes_read + MAX_BATCH_BYTES
            try:
                with guard():
                    while len(chunk) < size and self.bytes_read < limit:
                        before = len(chunk)
                        chunk.extend(islice(records, min(8, size - before)))
                        if len(chunk) == before:
                            break
            except StreamFault as fault:
                raise fault.at(self.file.shown, row + len(chunk)) from None
            if not chunk:
                return
            yield row, chunk
            row += len(chunk)


@dataclass
class TextFile:
    """A text file whose encoding is decided. `head` is its beginning; `whole` tells that it is all of it."""

    file: InputFile
    encoding: Encoding
    head: str
    whole: bool
    notes: list[str] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return self.file.shown

    @property
    def newline(self) -> str:
        """What `lines` takes: only very old files end lines with a lone carriage return."""
        return "\n" if "\n" in self.head else ""

    def stream(self) -> TextStream:
        return TextStream(self.file, self.encoding, self.notes)


def open_text(file: InputFile, head: bytes) -> TextFile:
    """Decide the encoding of a file from its head and tail."""
    encoding = decide_encoding(head, file.tail())
    text = codecs.getincrementaldecoder(encoding.codec)("replace").decode(head)
    return TextFile(file, encoding, text, len(head) < HEAD_BYTES, [f"encoding {encoding.name}"])


def without_broken(text: str) -> str:
    """The text with U+FFFD for lone surrogates, so that it can be written and tokenized."""
    return BROKEN.sub("\ufffd", text)


def _decoder(encoding: Encoding) -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder(encoding.codec)("strict")


def _up_to_nul(text: str) -> Iterator[str]:
    if "\0" not in text:
        yield text
        return
    yield text[: text.index("\0")]  # the rows before it come first, so that the error names the right one
    raise StreamFault(
        "a NUL byte: this is not text", hint="Export the data as text again, or remove the byte."
    )


def _check_length(size: int) -> None:
    if size > MAX_CELL_BYTES:
        message = f"a line is longer than the limit of {MAX_CELL_BYTES:,} bytes"
        raise StreamFault(message, hint="Split the text into shorter rows.")
