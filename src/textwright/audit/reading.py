"""A person's files as data to audit: every row as it stands, also those that a training would drop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import get_args

import numpy as np

from textwright.audit.settings import AuditSettings
from textwright.audit.subject import TEST, TRAIN, AuditData, Labels
from textwright.core.errors import DataError
from textwright.core.names import did_you_mean
from textwright.tasks.rewriting.guess import task_of_pairs
from textwright.text.columns import find_text_column, guess_columns, label_names, profile
from textwright.text.pairs.reading import NAMES, Asked, cells_of_sides, find_sides
from textwright.text.rowlog import RowLog
from textwright.text.schema import Schema, TaskName
from textwright.text.sources import open_source
from textwright.text.sources.base import Batch, Cell, Source
from textwright.text.targets import cell_labels

_HEAD = 5_000


@dataclass(frozen=True)
class Read:
    """Data to audit, what reading said, and what reading itself dropped or repaired."""

    data: AuditData
    schema: Schema | None
    notes: tuple[str, ...]
    log: RowLog


def read_audited(
    paths: Sequence[str | Path], settings: AuditSettings, *, parts: Sequence[str] = (TRAIN, TEST)
) -> Read:
    """Read files that belong together; each is a part of its own unless a column says otherwise.

    Raises DataError where a file cannot be read or lacks a column that was named.
    """
    found = [
        _read_file(str(path), part, settings)
        for path, part in zip(paths, parts if len(paths) > 1 else [TRAIN], strict=False)
    ]
    data = found[0].data
    for number, more in enumerate(found[1:], 1):
        own = replace(more.data, file=np.full(len(more.data), number))
        data = replace(data.appended(own), rows=np.concatenate([data.rows, own.rows]))
    data = replace(data, files=tuple(str(path) for path in paths), window=settings.window)
    if settings.patches:
        from textwright.audit.patches.overlaid import overlaid  # which reads data as well

        data = overlaid(data, settings.patches)
    return Read(data, found[0].schema, tuple(note for one in found for note in one.notes), found[0].log)


def _read_file(path: str, part: str, settings: AuditSettings) -> Read:
    pairs = task_of_pairs(path, settings.task, {"source": settings.source, "target": settings.target})
    if pairs is not None:
        return _read_pairs(path, part, settings, pairs)
    log = RowLog()
    source, head, batches = _open(path, log)
    schema, notes = _schema(source, head, settings)
    text = schema.text if schema else find_text_column(profile(head), path=path, asked=settings.text)
    names = label_names(schema.label, source.columns) if schema else []
    kept = _Kept(source, settings)
    texts: list[str] = []
    labels: list[Labels] = []
    rows: list[int] = []
    for batch in batches:
        texts += [_as_text(cell) for cell in batch.columns[text]]
        rows += batch.rows
        if schema:
            cells = zip(*(batch.columns[name] for name in names), strict=True)
            labels += [tuple(cell_labels(list(row), schema) or ()) for row in cells]
        kept.add(batch)
    task = schema.task if schema else "text"
    scores = np.array([_score(label) for label in labels]) if task == "score" else None
    data = AuditData(
        task,
        texts,
        np.array(rows, np.int64),
        labels=[] if task in ("score", "text") else labels,
        scores=scores,
        parts=kept.parts or [part] * len(texts),
        columns=kept.columns,
        seed=settings.seed,
        groups_from=settings.groups_from,
    )
    _refuse_empty(data, path)
    return Read(data, schema, (*source.notes, *notes), log)


def _schema(
    source: Source, head: list[Batch], settings: AuditSettings
) -> tuple[Schema | None, tuple[str, ...]]:
    """How labels stand in the file; None where it holds texts alone."""
    columns = profile(head)
    wants_none = settings.task == "text" or (len(columns) == 1 and settings.label is None)
    if wants_none:
        return None, ()
    task = next((name for name in get_args(TaskName) if name == settings.task), None)
    try:
        guess = guess_columns(
            columns, path=str(source.path), task=task, text=settings.text, label=settings.label
        )
    except DataError:
        if settings.label is not None or task is not None:
            raise
        find_text_column(columns, path=str(source.path), asked=settings.text)
        return None, ("no column looks like a label: the texts are audited alone (--label COL to name one)",)
    schema = Schema(
        task=guess.task, text=guess.text, label=guess.label, form=guess.form, separator=guess.separator
    )
    return schema, guess.reasons


def _read_pairs(path: str, part: str, settings: AuditSettings, task: str) -> Read:
    log = RowLog()
    source, sides, notes = find_sides(
        open_source(path), Asked(source=settings.source, target=settings.target), NAMES[task]
    )
    kept = _Kept(source, settings)
    texts: list[str] = []
    others: list[str] = []
    rows: list[int] = []
    for batch in source.batches(log):
        left, right = cells_of_sides(batch, sides)
        texts += left
        others += right
        rows += batch.rows
        kept.add(batch)
    data = AuditData(
        task,
        texts,
        np.array(rows, np.int64),
        others=others,
        parts=kept.parts or [part] * len(texts),
        columns=kept.columns,
        seed=settings.seed,
        groups_from=settings.groups_from,
    )
    _refuse_empty(data, path)
    return Read(data, None, (*source.notes, *notes), log)


class _Kept:
    """Cells of the columns that were asked for beside text and label."""

    def __init__(self, source: Source, settings: AuditSettings) -> None:
        known = source.columns
        self._uses: dict[str, str] = {}
        wanted = {f"annotator {name}": name for name in settings.annotators}
        wanted |= {f"group {name}": name for name in settings.groups_from if name in known}
        wanted |= {
            "origin": settings.origin or "",
            "licence": settings.licence or "",
            "part": settings.split or "",
        }
        for use, name in wanted.items():
            if name and name not in known:
                found = ", ".join(map(repr, known))
                raise DataError(
                    f"there is no column {name!r}; found {found}",
                    path=str(source.path),
                    hint=did_you_mean(name, known),
                )
            if name:
                self._uses[use] = name
        self._cells: dict[str, list[str]] = {use: [] for use in self._uses}

    def add(self, batch: Batch) -> None:
        for use, name in self._uses.items():
            self._cells[use] += [_as_text(cell) for cell in batch.columns[name]]

    @property
    def parts(self) -> list[str]:
        return self._cells.get("part", [])

    @property
    def columns(self) -> dict[str, list[str]]:
        return {use: cells for use, cells in self._cells.items() if use != "part"}


def _open(path: str, log: RowLog) -> tuple[Source, list[Batch], Iterator[Batch]]:
    source = open_source(path)
    batches = source.batches(log)
    head: list[Batch] = []
    for batch in batches:
        head.append(batch)
        if sum(len(part.rows) for part in head) >= _HEAD:
            break
    return source, head, chain(head, batches)


def _refuse_empty(data: AuditData, path: str) -> None:
    if not any(text.strip() for text in data.texts):
        raise DataError("no row has a text", path=path, hint="Name the column with --text COL.")


def _as_text(cell: Cell) -> str:
    return " ".join(cell) if isinstance(cell, list) else cell or ""


def _score(labels: Labels) -> float:
    try:
        return float(labels[0])
    except (IndexError, ValueError):
        return float("nan")
