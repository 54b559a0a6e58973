"""What a file of predictions answers to each row of the truth, and how that scores.

Shapes: N rows with a truth, C labels.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from textwright.choose.compare.answers import Answers, Truth, Value
from textwright.core.errors import DataError
from textwright.core.records import Score
from textwright.tasks.base import TASKS, Array
from textwright.tasks.predictor import CHUNK
from textwright.text.clean import fold
from textwright.text.rowlog import RowLog
from textwright.text.schema import Schema
from textwright.text.sources import open_source
from textwright.text.sources.base import Cell, Source
from textwright.text.targets import parse_score

COLUMNS = {
    "classify": ("prediction", "label"),
    "multilabel": ("prediction", "labels", "label"),
    "score": ("prediction", "score"),
}
# What can be scored without probabilities.
_OF_ANSWERS = ("accuracy", "macro_f1", "micro_f1", "precision", "recall", "mcc")
_OTHER = "(no label of the truth)"


def file_answers(path: Path, truth: Truth) -> Answers:
    """Read answers from a table: a row for each row of the truth's file, in the same order.

    Raises DataError when there are more or fewer, when the texts (where there are any) are not the same, when
    no column holds answers, and for a score that is no number. A label that the truth does not know is wrong.
    """
    source = open_source(path)
    column = _answer_column(source, COLUMNS[truth.schema.task])
    shown = truth.schema.text if truth.schema.text in source.columns else "text"
    rows, cells, texts = [], [], []
    for batch in source.batches(RowLog()):
        rows += batch.rows
        cells += batch.columns[column]
        texts += batch.columns.get(shown, [])
    _require_same_rows(source, rows, truth)
    _require_same_texts(source, rows, texts, truth)
    answers = [_value(cells[i], truth.schema, source.path, rows[i], column) for i in truth.places]
    return Answers(str(path), answers, _scores(answers, truth), _notes(answers, path, truth))


def _answer_column(source: Source, wanted: Sequence[str]) -> str:
    for name in wanted:
        if name in source.columns:
            return name
    found, names = ", ".join(map(repr, source.columns)), " or ".join(map(repr, wanted))
    near = [(column, name) for name in wanted for column in get_close_matches(name, source.columns, n=1)]
    renames = [f"Did you mean {column!r}? Rename it to {name!r}." for column, name in near]
    hint = renames[0] if renames else f"Name the column of the answers {wanted[0]!r}."
    raise DataError(f"there is no column {names}; found {found}", path=source.path, hint=hint)


def _require_same_rows(source: Source, rows: list[int], truth: Truth) -> None:
    if len(rows) != truth.num_rows:
        message = f"it has {len(rows):,} rows of answers, {truth.corpus.path} has {truth.num_rows:,} rows"
        raise DataError(message, path=source.path, hint="Give one answer for each row, in the same order.")


def _require_same_texts(source: Source, rows: list[int], texts: list[Cell], truth: Truth) -> None:
    """Answers in another order would be scored as wrong: where both files have texts, they must agree."""
    if not texts:
        return
    for place, number, text in zip(truth.places, truth.corpus.rows, truth.corpus.texts, strict=True):
        given = texts[place]
        if isinstance(given, str) and given != text and fold(given) != fold(text):
            message = (
                f"{given[:40]!r} is not the text of row {number:,} of {truth.corpus.path}: {text[:40]!r}"
            )
            hint = "Put the answers in the same order, or leave the texts out."
            raise DataError(message, path=source.path, row=rows[place], hint=hint)


def _value(cell: Cell, schema: Schema, path: Path, row: int, column: str) -> Value:
    if schema.task == "score":
        return parse_score(cell if isinstance(cell, str) else "", path=str(path), row=row, column=column)
    if schema.task == "classify":
        return cell.strip() if isinstance(cell, str) else None
    # `predict` writes a semicolon between the labels of a CSV, whatever the file it read has.
    marks = f"[;{re.escape(schema.separator or ';')}]"
    parts = cell if isinstance(cell, list) else re.split(marks, cell or "")
    return frozenset(part.strip() for part in parts if part.strip())


def _scores(answers: list[Value], truth: Truth) -> dict[str, Score]:
    """What can be said without probabilities; all labels that the truth does not know count as one."""
    task, schema, targets = TASKS.get(truth.schema.task), truth.schema, truth.corpus.targets
    if schema.task == "score":
        meter = task.meter(schema)
        meter.update(targets, np.array(answers, dtype=np.float64))
        return meter.scores()
    meter = task.meter(schema.replaced({"labels": [*schema.labels, _OTHER]}))
    id_of = {label: i for i, label in enumerate(schema.labels)}
    for start in range(0, len(answers), CHUNK):
        rows = slice(start, start + CHUNK)
        no_other = [(0, 0), (0, 1)] if schema.task == "multilabel" else 0
        meter.update(np.pad(targets[rows], no_other), _one_hot(answers[rows], id_of))
    return {name: score for name, score in meter.scores().items() if name in _OF_ANSWERS}


def _one_hot(answers: list[Value], id_of: dict[Any, int]) -> Array:
    """(N, C + 1); the last column is for what the truth does not know."""
    out = np.zeros((len(answers), len(id_of) + 1))
    for row, answer in enumerate(answers):
        for label in answer if isinstance(answer, frozenset) else [answer]:
            out[row, id_of.get(label, len(id_of))] = 1
    return out


def _notes(answers: list[Value], path: Path, truth: Truth) -> tuple[str, ...]:
    """A warning when no answer can be right: labels are then spelled in another way."""
    if truth.schema.task != "classify" or not set(truth.schema.labels).isdisjoint(answers):
        return ()
    found = f"it says {answers[0]!r}, the truth {truth.values[0]!r}"
    return (f"{path}: no answer is a label of the truth ({found})",)
