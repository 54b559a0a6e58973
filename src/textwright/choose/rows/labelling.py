"""Which rows of an unlabelled file to label next: those that the model is unsure of, unlike each other.

Active learning by margin (Scheffer et al. 2001) with a draw for diversity. The file streams: of any number
of rows only some thousand candidates are kept, and eight bytes a row to know copies.

Shapes: N rows of a batch, C labels.
"""

from __future__ import annotations

import csv
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from textwright.bundle.learned import as_keys, read_learned
from textwright.bundle.looks import read_looks
from textwright.choose.rows.spread import pick_spread, text_vectors, without_near_copies
from textwright.choose.rows.unlabelled import REASONS, Candidate, Pool, Reading, is_empty
from textwright.core.errors import ConfigError, DataError, TextwrightError
from textwright.core.files import writing_atomic
from textwright.core.seeds import generator
from textwright.report.messages import SPOKEN, translate
from textwright.tasks.predictor import Predictor
from textwright.text.rowlog import RowLog
from textwright.text.schema import TaskName
from textwright.text.sources import open_source
from textwright.text.sources.base import Batch

COLUMNS = ("row", "text", "label", "guess", "probability", "why")
# Of so many for each row to pick the draw is made, and so many are kept as most may be copies of each other.
_DRAWN_FROM, _CANDIDATES = 2, 20
_FEWEST, _MOST = 500, 20_000
# What a spreadsheet takes for the beginning of a formula; in a Chinese one full-width signs as well.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_BY: dict[TaskName, str] = {
    "classify": "margin and diversity",
    "multilabel": "nearness to one half and diversity",
    "score": "diversity alone, as graded answers have no probability",
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
        return [f"{count:,} rows left out: {REASONS[name]}" for name, count in self.left_out.items() if count]


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
    pool = Pool(min(max(_CANDIDATES * rows, _FEWEST), max(_MOST, rows)), seed)
    reading = Reading(predictor, data, text, keys, locked)
    for found in reading.candidates(pool.random):
        pool.add(found)
    left_out, candidates = reading.left_out, pool.best()
    if not candidates:
        told = "; ".join(f"{n:,}: {REASONS[name]}" for name, n in left_out.items() if n)
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
    return sum(not is_empty(cell) for cell in batch.columns["label"])


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
