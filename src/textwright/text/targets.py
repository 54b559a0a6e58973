"""Label cells to targets: class ids, label sets or scores; every fault names its row and column."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from textwright.core.errors import DataError
from textwright.core.names import did_you_mean
from textwright.text.schema import Schema
from textwright.text.sources.base import Cell

Targets = NDArray[np.int64] | NDArray[np.uint8] | NDArray[np.float64]
Labels = list[str]


def cell_labels(cells: Sequence[Cell], schema: Schema) -> Labels | None:
    """The labels that the cells of one row name; None when the row has none of its own (an empty cell)."""
    if schema.form == "indicators":
        names = [name.strip() for name in schema.label.split(",")]
        return (
            None
            if any(cell is None for cell in cells)
            else [n for n, cell in zip(names, cells, strict=True) if _is_yes(cell)]
        )
    cell = cells[0]
    if isinstance(cell, list):
        return _distinct(cell)
    if cell is None or not cell.strip():
        return [] if schema.form in ("list", "separated") and cell is not None else None
    if schema.form == "separated":
        return _distinct(cell.split(schema.separator or ","))
    return [cell.strip()]


def _distinct(parts: Sequence[str]) -> Labels:
    return list(dict.fromkeys(filter(None, map(str.strip, parts))))


def _is_yes(cell: Cell) -> bool:
    return isinstance(cell, str) and cell.strip().lower() in ("1", "1.0", "true", "yes", "y", "x", "是")


def parse_score(cell: str, *, path: str, row: int, column: str) -> float:
    """A finite number, or a DataError that names the cell."""
    try:
        value = float(cell)
    except ValueError:
        hint = "Scores are plain numbers such as 3.5; for named classes use --task classify."
        raise DataError(
            f"expected a number, found {cell[:40]!r}", path=path, row=row, column=column, hint=hint
        ) from None
    if not math.isfinite(value):
        raise DataError(
            f"the score is {cell[:40]!r}",
            path=path,
            row=row,
            column=column,
            hint="Remove the row or give it a finite score.",
        )
    return value


def learn_labels(rows: Sequence[Labels], numbers: Sequence[int], schema: Schema, path: str) -> list[str]:
    """All labels in a fixed order: numbers by value, others by name.

    Raises DataError where nothing can be learned: no label, one only, a label with one row, a label a row.
    """
    counts = Counter(label for labels in rows for label in labels)
    column = schema.label
    if len(counts) == 0:
        raise DataError(
            "no row has a label", path=path, column=column, hint="Name another column with --label COL."
        )
    if len(counts) == 1 and schema.task == "classify":
        only = next(iter(counts))
        raise DataError(
            f"all {len(rows):,} rows have the one label {only!r}, so there is nothing to tell apart",
            path=path,
            column=column,
            hint="Add rows of another class, or name another column with --label COL.",
        )
    if len(counts) > 20 and len(counts) > len(rows) / 3:
        examples = ", ".join(repr(label[:30]) for label in list(counts)[:3])
        raise DataError(
            f"{len(counts):,} different labels in {len(rows):,} rows ({examples} ...) are nearly one a row",
            path=path,
            column=column,
            hint="Name the right column with --label COL; for numbers on a scale use --task score.",
        )
    _refuse_single_rows(rows, numbers, counts, path, column)
    return sorted(counts, key=_natural)


def _refuse_single_rows(
    rows: Sequence[Labels], numbers: Sequence[int], counts: Counter[str], path: str, column: str
) -> None:
    single = [label for label, count in counts.items() if count == 1]
    if not single:
        return
    row = next(number for labels, number in zip(rows, numbers, strict=True) if single[0] in labels)
    what = f"the label {single[0][:40]!r} has this one row only"
    more = len(single) - 1
    hint = "Add rows of it, merge it with another label, or remove it: one row cannot be learned and checked."
    raise DataError(
        f"{what} (and {more} more such labels)" if more else what,
        path=path,
        row=row,
        column=column,
        hint=hint,
    )


def _natural(label: str) -> tuple[int, float, str]:
    try:
        value = float(label)
    except ValueError:
        return (1, 0.0, label)
    return (0, value, label) if math.isfinite(value) else (1, 0.0, label)


def class_ids(rows: Iterable[Labels], numbers: Iterable[int], schema: Schema, path: str) -> NDArray[np.int64]:
    """(N,) the id of each row's label."""
    id_of = {label: i for i, label in enumerate(schema.labels)}
    find = _finder(id_of, schema, path)
    ids = [
        find(_only(labels, number, schema, path), number)
        for labels, number in zip(rows, numbers, strict=True)
    ]
    return np.array(ids, dtype=np.int64)


def _only(labels: Labels, number: int, schema: Schema, path: str) -> str:
    """The one label of a row."""
    if len(labels) > 1:
        found = ", ".join(repr(label[:30]) for label in labels[:3])
        message = f"{len(labels)} labels ({found}), expected one"
        hint = "Leave one, or use --task multilabel."
        raise DataError(message, path=path, row=number, column=schema.label, hint=hint)
    return labels[0]


def label_sets(
    rows: Sequence[Labels], numbers: Iterable[int], schema: Schema, path: str
) -> NDArray[np.uint8]:
    """(N, C) one where the row has the label."""
    id_of = {label: i for i, label in enumerate(schema.labels)}
    find = _finder(id_of, schema, path)
    out = np.zeros((len(rows), len(id_of)), dtype=np.uint8)
    for i, (labels, number) in enumerate(zip(rows, numbers, strict=True)):
        for label in labels:
            out[i, find(label, number)] = 1
    return out


def _finder(id_of: dict[str, int], schema: Schema, path: str) -> Callable[[str, int], int]:
    def find(label: str, number: int) -> int:
        if label not in id_of:
            raise DataError(
                f"the label {label[:40]!r} is not one the model knows",
                path=path,
                row=number,
                column=schema.label,
                hint=did_you_mean(label, id_of),
            )
        return id_of[label]

    return find
