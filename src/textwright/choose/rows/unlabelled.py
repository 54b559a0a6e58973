"""Rows of an unlabelled file that may be labelled: read in a stream, known ones left out, the unsure kept.

Shapes: N rows of a batch, C labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from textwright.bundle.learned import Keys, as_keys
from textwright.core.seeds import generator
from textwright.measure.base import BoolArray, FloatArray
from textwright.tasks.base import Array
from textwright.tasks.predictor import Predictor
from textwright.text.clean import clean_text
from textwright.text.columns import find_text_column, label_names, profile
from textwright.text.rowlog import RowLog
from textwright.text.sources import open_source
from textwright.text.sources.base import Batch, Cell
from textwright.text.split import row_hashes

# Texts that are answered at once.
_CHUNK = 512
_SEPARATOR = ";"
REASONS = {
    "learned": "the model has learned from them",
    "locked": "they are locked for its test",
    "labelled": "they have a label",
    "duplicates": "they stand in the file before",
    "empty": "they have no text",
    "unreadable": "they could not be read",
}


@dataclass(frozen=True)
class Candidate:
    """A row that may be labelled: its number in the file, how unsure the model is, and what it says.

    `unsure` (0 to 1) decides which rows are candidates, `weight` how likely a candidate is picked.
    """

    row: int
    text: str
    unsure: float
    guess: str
    probability: float | None
    why: str
    weight: float


def is_empty(cell: Cell) -> bool:
    """Whether nothing but blanks stands in a cell."""
    return not cell or (isinstance(cell, str) and not cell.strip())


class Seen:
    """Which keys came before, in eight bytes each: sorted arrays, the smaller merged into the larger."""

    def __init__(self) -> None:
        self._parts: list[Keys] = []

    def is_new(self, keys: Keys) -> BoolArray:
        """(N,) whether each key is met for the first time, in earlier calls and in this one."""
        first: BoolArray = np.zeros(len(keys), np.bool_)
        first[np.unique(keys, return_index=True)[1]] = True
        for part in self._parts:
            place = np.minimum(np.searchsorted(part, keys), len(part) - 1)
            first &= part[place] != keys
        if first.any():
            self._parts.append(np.sort(keys[first]))
        while len(self._parts) > 1 and len(self._parts[-2]) <= 2 * len(self._parts[-1]):
            last = self._parts.pop()
            self._parts[-1] = np.sort(np.concatenate([self._parts[-1], last]))
        return first


class Pool:
    """The most unsure candidates of a stream, at most twice `size` of them in memory."""

    def __init__(self, size: int, seed: int) -> None:
        self.random = generator(seed, "label", "candidates")
        self._size = size
        self._kept: list[Candidate] = []

    def add(self, found: list[Candidate]) -> None:
        self._kept += found
        if len(self._kept) > 2 * self._size:
            self._kept = self.best()

    def best(self) -> list[Candidate]:
        """The most unsure first; among equals the earlier row."""
        return sorted(self._kept, key=lambda row: (-row.unsure, row.row))[: self._size]


@dataclass
class Reading:
    """A pass over the file; `left_out` counts what is no candidate."""

    predictor: Predictor
    data: str | Path
    text: str | None
    learned: Keys | None
    locked: Keys
    n: int = 0
    left_out: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))

    def candidates(self, random: np.random.Generator) -> Iterator[list[Candidate]]:
        """Candidates of each batch. Raises DataError for a file that cannot be read."""
        log, source, seen = RowLog(), open_source(self.data), Seen()
        schema, column = self.predictor.schema, None
        for batch in source.batches(log):
            if column is None:
                columns = profile([batch])
                column = find_text_column(
                    columns, path=str(source.path), asked=self.text, preferred=schema.text
                )
            self._count_lost(log)
            self.n += len(batch.rows)
            rows, texts = self._texts(batch, column)
            keep = self._are_news(texts, seen)
            rows, texts = [rows[i] for i in keep], [texts[i] for i in keep]
            if texts:
                yield _asked(self.predictor, rows, texts, random)
        self._count_lost(log)

    def _count_lost(self, log: RowLog) -> None:
        lost = [r for r in log.drain() if r["action"] == "dropped" and r["reason"] != "empty row"]
        self.left_out["unreadable"] += len(lost)
        self.n += len(lost)

    def _texts(self, batch: Batch, column: str) -> tuple[list[int], list[str]]:
        """Rows with a text and without a label."""
        labels = [
            name for name in label_names(self.predictor.schema.label, [*batch.columns]) if name != column
        ]
        given = [batch.columns[name] for name in labels if name in batch.columns]
        rows, texts = [], []
        for place, (row, cell) in enumerate(zip(batch.rows, batch.columns[column], strict=True)):
            text = clean_text(" ".join(cell) if isinstance(cell, list) else cell or "")
            if not text:
                self.left_out["empty"] += 1
            elif any(not is_empty(cells[place]) for cells in given):
                self.left_out["labelled"] += 1
            else:
                rows.append(row)
                texts.append(text)
        return rows, texts

    def _are_news(self, texts: list[str], seen: Seen) -> list[int]:
        """The places of texts that are neither known to the model nor copies of an earlier one."""
        if not texts:
            return []
        keys = as_keys(row_hashes([*map(self.predictor.read, texts)]))
        is_new = seen.is_new(keys)
        is_learned = np.zeros(len(keys), np.bool_) if self.learned is None else np.isin(keys, self.learned)
        is_locked = np.isin(keys, self.locked)
        self.left_out["duplicates"] += int((~is_new).sum())
        self.left_out["learned"] += int((is_new & is_learned).sum())
        self.left_out["locked"] += int((is_new & is_locked & ~is_learned).sum())
        return np.flatnonzero(is_new & ~is_learned & ~is_locked).tolist()


def _asked(
    predictor: Predictor, rows: list[int], texts: list[str], random: np.random.Generator
) -> list[Candidate]:
    """What the model says of some rows."""
    task, schema = predictor.task, predictor.schema
    read = [*map(predictor.read, texts)]
    outputs = np.concatenate(
        [predictor.engine.outputs(read[i : i + _CHUNK]) for i in range(0, len(read), _CHUNK)]
    )
    answers = task.answers(outputs, schema, predictor.decode, False)
    if schema.task == "score":
        # Nothing says which score is sure: chance decides which rows are candidates, and all weigh the same.
        return [
            Candidate(row, text, float(chance), _guess(answer), None, "unlike the other rows picked", 1.0)
            for row, text, answer, chance in zip(rows, texts, answers, random.random(len(rows)), strict=True)
        ]
    told = _unsure(task.measured(outputs, predictor.decode), schema.labels, schema.task == "multilabel")
    return [
        Candidate(row, text, unsure, _guess(answer), probability, why, unsure)
        for row, text, answer, (unsure, probability, why) in zip(rows, texts, answers, told, strict=True)
    ]


def _unsure(shares: Array, labels: list[str], is_set: bool) -> list[tuple[float, float | None, str]]:
    """How unsure each row (N, C) is, the probability of its answer, and why it may be worth a label."""
    if is_set:
        near = np.abs(shares - 0.5).argmin(axis=1)
        nearest = shares[np.arange(len(shares)), near]
        return [
            (1 - 2 * abs(float(p) - 0.5), None, f"least sure of {labels[i]!r}, which has {p:.2f}")
            for i, p in zip(near, nearest, strict=True)
        ]
    order = np.argsort(-shares, axis=1, kind="stable")[:, :2]
    pairs: FloatArray = np.take_along_axis(shares, order, axis=1).astype(np.float64)
    return [
        (1 - float(first - second), float(first), f"the next likely label is {labels[i]!r} with {second:.2f}")
        for i, (first, second) in zip(order[:, 1], pairs, strict=True)
    ]


def _guess(answer: dict[str, Any]) -> str:
    value = next(answer[key] for key in ("label", "labels", "score") if key in answer)
    if isinstance(value, list):
        return _SEPARATOR.join(value)
    return value if isinstance(value, str) else f"{value:g}"
