"""Which rows of an unlabelled file to label next: those that the model is unsure of, unlike each other.

Active learning by margin (Scheffer et al. 2001) with a draw for diversity. The file streams: of any number
of rows only some thousand candidates are kept, and eight bytes a row to know copies.

Shapes: N rows of a batch, C labels.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from textwright.bundle.learned import Keys, as_keys, read_learned
from textwright.bundle.looks import read_looks
from textwright.choose.spread import pick_spread, text_vectors, without_near_copies
from textwright.core.errors import ConfigError, DataError, TextwrightError
from textwright.core.files import writing_atomic
from textwright.core.seeds import generator
from textwright.measure.base import FloatArray
from textwright.report.messages import SPOKEN, translate
from textwright.tasks.base import Array
from textwright.tasks.predictor import Predictor
from textwright.text.clean import clean_text
from textwright.text.columns import find_text_column, label_names, profile
from textwright.text.rowlog import RowLog
from textwright.text.schema import TaskName
from textwright.text.sources import open_source
from textwright.text.sources.base import Batch, Cell
from textwright.text.split import row_hashes

COLUMNS = ("row", "text", "label", "guess", "probability", "why")
# Of so many for each row to pick the draw is made, and so many are kept as most may be copies of each other.
_DRAWN_FROM, _CANDIDATES = 2, 20
_FEWEST, _MOST = 500, 20_000
_SEPARATOR = ";"
# What a spreadsheet takes for the beginning of a formula; in a Chinese one full-width signs as well.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_BY: dict[TaskName, str] = {
    "classify": "margin and diversity",
    "multilabel": "nearness to one half and diversity",
    "score": "diversity alone, as graded answers have no probability",
}
_REASONS = {
    "learned": "the model has learned from them",
    "locked": "they are locked for its test",
    "labelled": "they have a label",
    "duplicates": "they stand in the file before",
    "empty": "they have no text",
    "unreadable": "they could not be read",
}


@dataclass(frozen=True)
class Picked:
    """What was picked: `rows` of the `n` that were read; `left_out` counts rows that were no candidates."""

    out: Path
    rows: int
    n: int
    seconds: float
    by: str
    left_out: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        return {
            "out": str(self.out),
            "rows": self.rows,
            "n": self.n,
            "seconds": round(self.seconds, 3),
            "by": self.by,
            "left_out": self.left_out,
        }

    def account(self) -> list[str]:
        """How many rows were no candidates and why, a sentence each."""
        return [
            f"{count:,} rows left out: {_REASONS[name]}" for name, count in self.left_out.items() if count
        ]


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


def pick_rows(
    predictor: Predictor,
    data: str | Path,
    out: str | Path,
    *,
    rows: int = 100,
    text: str | None = None,
    seed: int = 0,
) -> Picked:
    """Write the `rows` of `data` that are most worth labelling next to the CSV `out`, the label left empty.

    The columns are row (its number in `data`), text (cleaned), label, guess, probability and why. Unsure is
    one minus the margin between the two most probable labels; of label sets, nearness of a label to one
    half. Graded answers have no probability, and rows are drawn to be unlike each other alone. Rows that the
    model has learned from or that are locked for its test, rows with a label in `data`, and copies are left
    out. The same seed gives the same rows.

    Raises ConfigError when `out` cannot be a CSV, is there with labels or is not one of ours; DataError when
    no row is left or there is no such column.
    """
    started, target = time.monotonic(), Path(out)
    refuse_target(target, data)
    if rows < 1:
        raise ConfigError(f"--rows {rows}: expected at least 1", hint="Example: --rows 100")
    assert predictor.bundle is not None
    keys = read_learned(predictor.bundle.path)
    locked = as_keys(read_looks(predictor.bundle.path)["locked"])
    pool = _Pool(min(max(_CANDIDATES * rows, _FEWEST), max(_MOST, rows)), seed)
    reading = _Reading(predictor, data, text, keys, locked)
    for found in reading.candidates(pool.random):
        pool.add(found)
    left_out, candidates = reading.left_out, pool.best()
    if not candidates:
        told = "; ".join(f"{n:,}: {_REASONS[name]}" for name, n in left_out.items() if n)
        raise DataError(
            f"no row is left to label ({told or 'no rows at all'})",
            path=str(data),
            hint="Give a file with texts that the model has not learned from.",
        )
    picked = _spread(candidates, rows, seed)
    _write(target, picked)
    return Picked(
        target, len(picked), reading.n, time.monotonic() - started, _BY[predictor.schema.task], left_out
    )


def refuse_target(target: Path, data: str | Path) -> None:
    """Raise ConfigError unless `target` is new, or a CSV of ours in which nobody has written a label yet."""
    if target.suffix.lower() != ".csv":
        raise ConfigError(
            f"--out {target}: rows to label are written as .csv", hint="Example: --out to-label.csv"
        )
    if target.is_dir():
        raise ConfigError(
            f"--out {target}: is a folder, expected a file", hint="Give the name of a file in it."
        )
    if not target.exists():
        return
    hint = "Choose another --out, or move this file away."
    if Path(data).exists() and target.samefile(data):
        raise ConfigError(f"--out {target}: is the file that is read", hint=hint)
    try:
        filled = sum(_filled(batch) for batch in open_source(target).batches(RowLog()))
    except (TextwrightError, KeyError):
        raise ConfigError(f"--out {target}: is there, and is no file of rows to label", hint=hint) from None
    if filled:
        raise ConfigError(
            f"--out {target}: is there, and {filled:,} of its rows have been labelled", hint=hint
        )


def _filled(batch: Batch) -> int:
    if not set(COLUMNS) <= set(batch.columns):
        raise KeyError("label")
    return sum(not _is_empty(cell) for cell in batch.columns["label"])


def _is_empty(cell: Cell) -> bool:
    return not cell or (isinstance(cell, str) and not cell.strip())


class _Seen:
    """Which keys came before, in eight bytes each: sorted arrays, the smaller merged into the larger."""

    def __init__(self) -> None:
        self._parts: list[Keys] = []

    def is_new(self, keys: Keys) -> Any:
        """(N,) whether each key is met for the first time, in earlier calls and in this one."""
        first = np.zeros(len(keys), np.bool_)
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


class _Pool:
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
class _Reading:
    """A pass over the file; `left_out` counts what is no candidate."""

    predictor: Predictor
    data: str | Path
    text: str | None
    learned: Keys | None
    locked: Keys
    n: int = 0
    left_out: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_REASONS, 0))

    def candidates(self, random: np.random.Generator) -> Iterator[list[Candidate]]:
        """Candidates of each batch. Raises DataError for a file that cannot be read."""
        log, source, seen = RowLog(), open_source(self.data), _Seen()
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
            elif any(not _is_empty(cells[place]) for cells in given):
                self.left_out["labelled"] += 1
            else:
                rows.append(row)
                texts.append(text)
        return rows, texts

    def _are_news(self, texts: list[str], seen: _Seen) -> list[int]:
        """The places of texts that are neither known to the model nor copies of an earlier one."""
        if not texts:
            return []
        keys = as_keys(row_hashes(texts))
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
    outputs = np.concatenate(
        [predictor.engine.outputs(texts[i : i + 512]) for i in range(0, len(texts), 512)]
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
    return (
        _SEPARATOR.join(value)
        if isinstance(value, list)
        else value
        if isinstance(value, str)
        else f"{value:g}"
    )


def _spread(candidates: list[Candidate], count: int, seed: int) -> list[Candidate]:
    """Some of the most unsure candidates, unlike each other: near copies left out, then drawn by distance."""
    vectors = text_vectors([row.text for row in candidates])
    unlike = without_near_copies(vectors, _DRAWN_FROM * count)
    weights = np.array([candidates[i].weight for i in unlike])
    picked = pick_spread(vectors[unlike], weights, count, generator(seed, "label", "spread"))
    return [candidates[i] for i in unlike[picked]]


def _write(target: Path, picked: list[Candidate]) -> None:
    """The CSV, with the mark by which Excel knows UTF-8; our reader knows it too."""
    language = SPOKEN.get()
    with writing_atomic(target) as file:
        file.write("\N{ZERO WIDTH NO-BREAK SPACE}")
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in picked:
            sure = "" if row.probability is None else f"{row.probability:.4f}"
            why = translate(row.why, language)
            writer.writerow([row.row, safe_cell(row.text), "", safe_cell(row.guess), sure, why])


def safe_cell(text: str) -> str:
    """A text as a cell that no spreadsheet takes for a formula: a space before it, which reading strips.

    >>> safe_cell("=1+1"), safe_cell("- not bad"), safe_cell("fine")
    (' =1+1', ' - not bad', 'fine')
    """
    return f" {text}" if text.startswith(_FORMULA) else text
