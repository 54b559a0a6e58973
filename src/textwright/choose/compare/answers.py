"""The truth of a labelled file, and what a model or a file of predictions answers to each of its rows.

Shapes: N rows with a truth, C labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from textwright.core.errors import ConfigError
from textwright.core.ragged import IntArray
from textwright.core.records import Score
from textwright.tasks.base import Array
from textwright.tasks.predictor import CHUNK, Predictor
from textwright.text.columns import guess_columns, profile
from textwright.text.corpus import Asked, Corpus, read_labelled
from textwright.text.rowlog import RowLog
from textwright.text.schema import Schema
from textwright.text.sources import open_source
from textwright.text.sources.base import Source
from textwright.text.targets import Targets, cell_labels

Value = str | frozenset[str] | float | None
"""A label, a set of labels or a score; None where a file of predictions has an empty cell."""

_BATCHES_TO_GUESS = 2


@dataclass(frozen=True)
class Truth:
    """The rows of a file that have a text and a label; row i is row `places[i]` of its `num_rows` rows."""

    corpus: Corpus
    values: list[Value]
    places: IntArray
    num_rows: int

    @property
    def schema(self) -> Schema:
        return self.corpus.schema


@dataclass(frozen=True)
class Answers:
    """What one side says to each row of the truth, how that scores, and what a person should know of it."""

    name: str
    values: list[Value]
    scores: dict[str, Score]
    notes: tuple[str, ...] = ()


def read_truth(path: str | Path, models: Sequence[Predictor], asked: Asked) -> Truth:
    """Read a labelled file as the models know it, by their labels taken together; without models by a guess.

    Raises DataError where the file does not fit, ConfigError where the models answer different questions.
    """
    schema = _joined(models, asked) if models else _guessed(path, asked)
    corpus = read_labelled(path, schema.replaced({"masks": []}))  # each model reads the texts its own way
    rows = _row_numbers(path)
    return Truth(corpus, _values(corpus.targets, schema), np.searchsorted(rows, corpus.rows), len(rows))


def _joined(models: Sequence[Predictor], asked: Asked) -> Schema:
    first = models[0].schema
    if asked != Asked():
        raise ConfigError(
            "--task, --text and --label are for prediction files; a model knows its columns",
            hint="Leave them out.",
        )
    if tasks := {model.schema.task for model in models} - {first.task}:
        raise ConfigError(
            f"the models answer different questions: {first.task} and {tasks.pop()}",
            hint="Compare models of the same task.",
        )
    labels = dict.fromkeys(label for model in models for label in model.schema.labels)
    return first.replaced({"labels": list(labels)})


def _guessed(path: str | Path, asked: Asked) -> Schema:
    """Columns and labels of a file. Other than data to learn from, it may hold a label once, or only one."""
    source = open_source(path)
    head = list(islice(source.batches(RowLog()), _BATCHES_TO_GUESS))
    columns = profile(head)
    guess = guess_columns(columns, path=str(source.path), task=asked.task, text=asked.text, label=asked.label)
    schema = Schema(
        task=guess.task, text=guess.text, label=guess.label, form=guess.form, separator=guess.separator
    )
    return (
        schema
        if schema.task == "score"
        else schema.replaced({"labels": sorted(_label_names(source, schema))})
    )


def _label_names(source: Source, schema: Schema) -> set[str]:
    columns = [schema.label] if schema.label in source.columns else schema.label.split(",")
    cells = (
        row
        for batch in source.batches(RowLog())
        for row in zip(*(batch.columns[c] for c in columns), strict=True)
    )
    return {label for row in cells for label in cell_labels(row, schema) or ()}


def _row_numbers(path: str | Path) -> list[int]:
    """The rows that `predict` writes an answer for: all but empty ones, also those that cannot be read."""
    log, rows = RowLog(), []
    for batch in open_source(path).batches(log):
        rows += [*batch.rows, *_unreadable(log)]
    return sorted([*rows, *_unreadable(log)])


def _unreadable(log: RowLog) -> list[int]:
    return [r["row"] for r in log.drain() if r["action"] == "dropped" and r["reason"] != "empty row"]


def _values(targets: Targets, schema: Schema) -> list[Value]:
    """Class ids, label sets (N, C) or scores as a person names them."""
    if schema.task == "classify":
        return [schema.labels[i] for i in targets]
    if schema.task == "multilabel":
        return [frozenset(schema.labels[i] for i in np.flatnonzero(row)) for row in targets]
    return [float(score) for score in targets]


def model_answers(predictor: Predictor, name: str, truth: Truth) -> Answers:
    """Let a model answer; a label of the truth that it does not know has the probability 0."""
    task = predictor.task
    meter = task.meter(truth.schema)
    values: list[Value] = []
    for start in range(0, len(truth.corpus), CHUNK):
        rows = slice(start, start + CHUNK)
        outputs = predictor.engine.outputs([*map(predictor.read, truth.corpus.texts[rows])])
        measured, found = (of(outputs, predictor.decode) for of in (task.measured, task.answered))
        places = [truth.schema.labels.index(label) for label in predictor.schema.labels]
        answers = np.array(places)[found] if task.name == "classify" else _widened(found, places, truth)
        meter.update(truth.corpus.targets[rows], _widened(measured, places, truth), answers)
        values += _values(answers, truth.schema)
    return Answers(name, values, meter.scores(), _unknown(predictor, name, truth))


def _unknown(predictor: Predictor, name: str, truth: Truth) -> tuple[str, ...]:
    """A note on labels that the model cannot answer. Raises ConfigError when it knows none of the file."""
    if truth.schema.task == "score":
        return ()
    sets = [value if isinstance(value, frozenset) else {value} for value in truth.values]
    found = {label for labels in sets for label in labels if isinstance(label, str)}
    known = set(predictor.schema.labels)
    if not (missing := sorted(found - known)):
        return ()
    listed = ", ".join(repr(label[:40]) for label in missing[:3]) + (" ..." if len(missing) > 3 else "")
    if not found & known:
        raise ConfigError(
            f"{name}: knows none of the labels of {truth.corpus.path}: {listed}",
            hint="Compare models that were trained for the same labels.",
        )
    num_rows = sum(not known.issuperset(labels) for labels in sets)
    return (f"{name} cannot answer {listed}, which {num_rows:,} of the rows have",)


def _widened(outputs: Array, places: list[int], truth: Truth) -> Array:
    """Columns for all labels of the truth; `places` are those of the labels that the model knows."""
    labels = truth.schema.labels
    if places == [*range(len(labels))]:
        return outputs
    wide = np.zeros((len(outputs), len(labels)), outputs.dtype)
    wide[:, places] = outputs
    return wide
