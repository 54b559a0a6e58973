"""Pairs of texts from tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from textwright.core.errors import DataError
from textwright.text.clean import clean_texts
from textwright.text.rowlog import RowLog
from textwright.text.sources import open_source


@dataclass(frozen=True)
class Names:
    source: tuple[str, ...]
    target: tuple[str, ...]


TRANSLATION = Names(("source",), ("target",))
SUMMARIES = Names(("text",), ("summary",))


@dataclass(frozen=True)
class Asked:
    """The columns that a person named; None is found by its name."""

    source: str | None = None
    target: str | None = None


@dataclass(frozen=True)
class Pair:
    source: str
    target: str
    row: int
    file: int = 0


def read_pairs(paths: Sequence[Path], asked: Asked, log: RowLog, *, names: Names = TRANSLATION) -> list[Pair]:
    found = []
    for number, path in enumerate(paths):
        source = open_source(path)
        a, b = asked.source or names.source[0], asked.target or names.target[0]
        if a not in source.columns or b not in source.columns:
            raise DataError(f"no columns {a}, {b}", path=path)
        for batch in source.batches(log):
            sides = (clean_texts([str(c or "") for c in batch.columns[n]], batch.rows, log) for n in (a, b))
            for row, one, other in zip(batch.rows, *sides, strict=True):
                if one and other:
                    found.append(Pair(one, other, row, number))
    return found
