"""Texts without labels, for what learns from text alone: read in bounded memory, never a row to judge on.

Shapes: N rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from textwright.core.errors import DataError
from textwright.core.ragged import IntArray
from textwright.text.clean import clean_texts
from textwright.text.columns import find_text_column, profile
from textwright.text.corpus import fingerprint
from textwright.text.duplicates import cross_twins
from textwright.text.rowlog import RowLog
from textwright.text.schema import Schema
from textwright.text.sources import open_source
from textwright.text.sources.base import Batch
from textwright.text.split import Mask, row_hashes
from textwright.text.terms import masked

# What is read at most: finding twins looks at every character some sixty times, 0.2 s a million of them.
MAX_TEXTS, MAX_CHARACTERS = 200_000, 50_000_000
_MOST = 0.5


@dataclass(frozen=True)
class Unlabelled:
    """Texts (N) of a file, each from its row; what was left out stands in the log."""

    path: str
    texts: list[str]
    rows: IntArray
    log: RowLog

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def fingerprint(self) -> str:
        """A hash of the texts, in order."""
        return fingerprint(self.texts)


def read_unlabelled(
    path: str | Path,
    schema: Schema,
    locked: Sequence[str],
    held_out: Sequence[str],
    known: Sequence[str],
    seed: int,
) -> Unlabelled:
    """Read the texts of any file; labels that it may have are not looked at.

    `schema` is that of the labelled data: its column is taken where there is one of its name, and its masks
    are put on. Left out are twins of `locked` texts and of those `held_out` to choose on, by the rule for
    rows to train on; texts that are `known` with a label; copies; and what is beyond 200,000 texts or 50
    million characters. Raises DataError when there is no column of text, or no text is left.
    """
    log = RowLog()
    texts, rows = _read(path, schema.text, log)
    texts = [masked(text, schema.masks) for text in texts]
    reasons: list[str] = [""] * len(texts)
    seen = set(row_hashes(known))
    for place, name in enumerate(row_hashes(texts)):
        reasons[place] = "copy of another row" if name in seen else ""
        seen.add(name)
    for reason, others in (("twin of a validation row", held_out), ("twin of a test row", locked)):
        twins = twins_of(others, texts, seed) if others and texts else np.zeros(len(texts), np.bool_)
        for place in np.flatnonzero(twins).tolist():
            reasons[place] = reason  # that of the test comes last: of several reasons it is the gravest
    kept = [place for place, reason in enumerate(reasons) if not reason]
    for reason, row in zip(reasons, rows, strict=True):
        if reason:
            log.dropped(reason, row)
    if not kept:
        raise DataError(
            "no text is left that is not labelled, locked or held out already",
            path=str(path),
            hint="Give a file with other texts.",
        )
    return Unlabelled(str(path), [texts[i] for i in kept], np.array(rows)[kept], log)


def twins_of(locked: Sequence[str], texts: Sequence[str], seed: int) -> Mask:
    """Which of `texts` (N,) are twins of locked ones; where most are (a template), exact ones only."""
    near = cross_twins(locked, texts, seed=seed)
    names = set(row_hashes(locked))
    exact = np.array([name in names for name in row_hashes(texts)], np.bool_)
    return exact if near.mean() > _MOST else near | exact


def _read(path: str | Path, preferred: str, log: RowLog) -> tuple[list[str], list[int]]:
    source = open_source(path)
    batches = source.batches(log)
    first = next(iter(batches), None)
    if first is None:
        raise DataError("there are no rows", path=source.path, hint="Check the export.")
    column = find_text_column(profile([first]), path=str(source.path), preferred=preferred)
    texts: list[str] = []
    rows: list[int] = []
    num_characters = 0
    for text, row in _cells(chain([first], batches), column, log):
        if len(texts) >= MAX_TEXTS or num_characters >= MAX_CHARACTERS:
            log.dropped("beyond what is read of texts without labels, and all after it", row)
            break
        texts.append(text)
        rows.append(row)
        num_characters += len(text)
    return texts, rows


def _cells(batches: Iterable[Batch], column: str, log: RowLog) -> Iterable[tuple[str, int]]:
    for batch in batches:
        raw = [" ".join(cell) if isinstance(cell, list) else cell or "" for cell in batch.columns[column]]
        for text, row in zip(clean_texts(raw, batch.rows, log), batch.rows, strict=True):
            if text.strip():
                yield text, row
            else:
                log.dropped("no text", row)
