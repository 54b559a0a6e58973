"""What comes again in a stream of documents: copies, near copies, and lines that stand in many of them.

A stream that is longer than memory is gone over twice. The first time of every text a hash and a signature
are kept; then it is known which come again, and the second time these are left out. What is compared is a
document; of a stretch of plain text each of its long lines, as nothing says where its documents end.

Shapes: N texts that were compared, K hashes in a signature.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from textwright.text.clean import fold
from textwright.text.documents.reading import Document
from textwright.text.duplicates import signatures, twins_by_signature
from textwright.text.rowlog import RowLog

COPY, NEAR_COPY = "copy of another text", "nearly a copy of another text"
COMMON_LINE = "a line that stands in many texts"
# A line of plain text is compared from so many bytes on: short ones come again in any good text.
_LONG_LINE = 60
# A line of a document is boilerplate where so many documents have it, and that share of them.
_MANY, _MANY_SHARE, _SHORT_LINE = 10, 0.001, 20
# Signatures are kept of so many texts, half a gigabyte of them; line counts of so many lines.
MAX_SIGNED, MAX_LINES = 2_000_000, 5_000_000
_TEXTS_PER_CALL, _CHARACTERS_PER_CALL = 4_096, 4_000_000


@dataclass
class Survey:
    """The first pass: what was seen of each text, one after the other."""

    num_documents: int = 0
    num_signed: int = 0
    _hashes: list[NDArray[np.uint64]] = field(default_factory=list)
    _signatures: list[NDArray[np.uint32]] = field(default_factory=list)
    _lines: Counter[int] = field(default_factory=Counter)
    _held: list[str] = field(default_factory=list)
    _held_characters: int = 0

    def add(self, document: Document) -> None:
        self.num_documents += 1
        texts = compared(document)
        self._held += texts
        self._held_characters += sum(map(len, texts))
        if not document.is_stretch:
            self._count_lines(document.text)
        if len(self._held) >= _TEXTS_PER_CALL or self._held_characters >= _CHARACTERS_PER_CALL:
            self._settle()

    def found(self) -> Repeats:
        """What comes again; asked for once, as the signatures are let go."""
        self._settle()
        hashes = np.concatenate([np.zeros(0, np.uint64), *self._hashes])
        first = np.unique(hashes, return_index=True)[1]
        is_copy = np.ones(len(hashes), bool)
        is_copy[first] = False
        is_near = np.zeros(len(hashes), bool)
        if self._signatures:
            new = np.flatnonzero(~is_copy[: self.num_signed])
            group = twins_by_signature(self._taken_signatures(is_copy, len(new)))
            is_near[new[group != np.arange(len(new))]] = True
        least = max(_MANY, _MANY_SHARE * self.num_documents)
        common = frozenset(line for line, count in self._lines.items() if count >= least)
        return Repeats(is_copy, is_near, common)

    def _taken_signatures(self, is_copy: NDArray[np.bool_], num_new: int) -> NDArray[np.uint32]:
        """Those of texts that are no copies; each part is let go once it is in, so they lie there once."""
        out = np.empty((num_new, self._signatures[0].shape[1]), np.uint32)
        start = filled = 0
        self._signatures.reverse()
        while self._signatures:
            part = self._signatures.pop()
            taken = part[~is_copy[start : start + len(part)]]
            out[filled : filled + len(taken)] = taken
            start, filled = start + len(part), filled + len(taken)
        return out

    def _count_lines(self, text: str) -> None:
        if "\n" in text:
            self._lines.update({_hash(line) for line in text.split("\n") if _is_line(line)})
            if len(self._lines) > MAX_LINES:  # those seen once so far are forgotten
                self._lines = Counter({line: count for line, count in self._lines.items() if count > 1})

    def _settle(self) -> None:
        if not self._held:
            return
        self._hashes.append(np.array([_hash(text) for text in self._held], np.uint64))
        if self.num_signed < MAX_SIGNED:
            self._signatures.append(signatures(self._held))
            self.num_signed += len(self._held)
        self._held, self._held_characters = [], 0


@dataclass
class Repeats:
    """The second pass: `left` is what is left of each document, in the order of the first pass."""

    is_copy: NDArray[np.bool_]
    is_near: NDArray[np.bool_]
    common: frozenset[int] = frozenset()
    _place: int = 0
    _seen: set[int] = field(default_factory=set)

    def left(self, document: Document, log: RowLog) -> str:
        """The text without what comes again; empty where nothing is left of it."""
        if document.is_stretch:
            return "".join(self._lines_left(document, log))
        if self._comes_again(document.row, document.text, log):
            return ""
        return self._without_common(document, log) if self.common else document.text

    def _lines_left(self, document: Document, log: RowLog) -> Iterator[str]:
        for row, line in enumerate(document.text.splitlines(keepends=True), start=document.row):
            if not _is_long(line) or not self._comes_again(row, line, log):
                yield line

    def _comes_again(self, row: int, text: str, log: RowLog) -> bool:
        place, self._place = self._place, self._place + 1
        if not (self.is_copy[place] or self.is_near[place]):
            return False
        log.dropped(COPY if self.is_copy[place] else NEAR_COPY, row, text)
        return True

    def _without_common(self, document: Document, log: RowLog) -> str:
        """The first document that has such a line keeps it."""
        kept = []
        for line in document.text.split("\n"):
            if _is_line(line) and (name := _hash(line)) in self.common:
                if name in self._seen:
                    log.dropped(COMMON_LINE, document.row, line)
                    continue
                self._seen.add(name)
            kept.append(line)
        return "\n".join(kept).strip()


def compared(document: Document) -> list[str]:
    """The texts of a document that are looked for among all others."""
    if not document.is_stretch:
        return [document.text]
    return [line for line in document.text.splitlines(keepends=True) if _is_long(line)]


def _is_long(line: str) -> bool:
    return len(line) >= _LONG_LINE // 4 and len(line.encode("utf-8")) >= _LONG_LINE


def _is_line(line: str) -> bool:
    return len(line.encode("utf-8")) >= _SHORT_LINE


def _hash(text: str) -> int:
    """64 bits of how a text is compared: two texts of a billion share one by chance once in forty."""
    return int.from_bytes(hashlib.blake2b(fold(text).encode("utf-8"), digest_size=8).digest(), "little")
