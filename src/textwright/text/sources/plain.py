"""Plain text, one a line; lines with fastText's `__label__` prefix give their labels too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from textwright.text.rowlog import RowLog
from textwright.text.sources.base import Batch, Cell
from textwright.text.sources.stream import TextFile

LABELS = re.compile(r"\s*(?:__label__\S*(?:\s+|$))*")
PREFIX = "__label__"


@dataclass
class LineSource:
    """A text file; every line that is not empty is a row, numbered as in an editor."""

    path: Path
    columns: list[str]
    notes: list[str]
    text: TextFile
    kind: str = "txt"

    def batches(self, log: RowLog, size: int = 4096) -> Iterator[Batch]:
        """All lines, streaming. Raises DataError where the file breaks."""
        stream = self.text.stream()
        for first, lines in stream.chunks(stream.lines(self.text.newline), size):
            texts = [line.rstrip("\r\n") for line in lines]
            kept = [(row, text) for row, text in enumerate(texts, start=first) if text and not text.isspace()]
            rows = [row for row, _ in kept]
            for row in sorted(set(range(first, first + len(lines))).difference(rows)):
                log.dropped("empty row", row)
            if stream.damaged:
                kept = [(row, stream.mended(text, row, log)) for row, text in kept]
            if kept:
                yield Batch(rows, self._columns([text for _, text in kept]))

    def _columns(self, texts: list[str]) -> dict[str, list[Cell]]:
        if len(self.columns) == 1:
            return {"text": [*texts]}
        pairs = [_labelled(text) for text in texts]
        return {"text": [text or None for text, _ in pairs], "label": [label or None for _, label in pairs]}


def open_lines(text: TextFile) -> LineSource:
    """Lines of text, or of fastText when nine in ten of the first lines begin with a label."""
    first = [line for line in text.head[:1_000_000].split("\n")[:1000] if line.strip()]
    marked = sum(line.lstrip().startswith(PREFIX) for line in first)
    if not first or marked < 0.9 * len(first):
        return LineSource(text.path, ["text"], text.notes, text)
    text.notes.append("labels in fastText's form")
    return LineSource(text.path, ["text", "label"], text.notes, text)


def _labelled(line: str) -> tuple[str, Cell]:
    """Text and label; several labels are a list, none is None."""
    match = LABELS.match(line)
    start = match.end() if match else 0
    labels = [word.removeprefix(PREFIX) for word in line[:start].split()]
    one = labels[0] if labels else None
    return line[start:], labels if len(labels) > 1 else one
