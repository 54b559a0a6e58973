"""The offset of one label that keeps a promise on validation, or comes nearest to it.

Shapes: N rows of validation, C labels, M offsets that give different answers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textwright.measure.base import BoolArray, FloatArray, IntArray
from textwright.measure.bootstrap import ratio, wilson
from textwright.tasks.offsets import Field
from textwright.tasks.promise import Promise

# Between two rows that are nearer than this no offset is set: sums would not tell them apart.
_GAP = 1e-9
_SAME = 1e-12
# How many of the offsets that keep a promise of F1 are compared by the metric.
_MAX_COMPARED = 100


@dataclass(frozen=True)
class Outcome:
    """The offsets (C,), whether the promise is kept, what is reached of it (None where no row has the label),
    and that in a sentence.
    """

    offsets: FloatArray
    kept: bool
    reached: float | None
    said: str


@dataclass(frozen=True)
class _Cuts:
    """All offsets (M,) of a label that differ in what is answered, from few answers to many."""

    offsets: FloatArray
    answers: IntArray
    values: FloatArray


def keep(field: Field, offsets: FloatArray, label: int, promise: Promise) -> Outcome:
    """Move the offset of `label` where `promise` is not kept.

    Of the offsets that keep it: for precision that with the most answers, and so the highest recall; for
    recall the nearest, and so the fewest wrong answers; for F1 that with the highest metric. Where none does,
    that with the highest value and at least one answer.
    """
    if not field.has(label).any():
        said = f"{promise} cannot be checked: no row of validation has the label"
        return Outcome(offsets, False, None, said)
    reached, num_answers = _reached(field, offsets, label, promise)
    if reached < promise.value - _SAME:
        cuts = _cuts(field, offsets, label, promise)
        kept = np.flatnonzero(cuts.values >= promise.value - _SAME)
        place = _picked(field, offsets, label, promise, cuts, kept) if len(kept) else _nearest(cuts)
        offsets = offsets.copy()
        offsets[label] = cuts.offsets[place]
        reached, num_answers = _reached(field, offsets, label, promise)
    is_kept = reached >= promise.value - _SAME
    said = _said(promise, reached, num_answers, int(field.has(label).sum()), is_kept)
    return Outcome(offsets, is_kept, reached, said)


def _reached(field: Field, offsets: FloatArray, label: int, promise: Promise) -> tuple[float, int]:
    """The value with these offsets, and how many answers have the label."""
    answers = field.answers(offsets)
    answered: BoolArray = answers == label if answers.ndim == 1 else answers[:, label] > 0
    has = field.has(label)
    hits, num_answers = int((answered & has).sum()), int(answered.sum())
    return float(_value(promise, np.array(hits), np.array(num_answers), int(has.sum()))), num_answers


def _value(promise: Promise, hits: IntArray, answers: IntArray, num_rows: int) -> FloatArray:
    if promise.metric == "precision":
        return ratio(hits, answers)
    return (
        ratio(hits, np.array(num_rows)) if promise.metric == "recall" else ratio(2 * hits, answers + num_rows)
    )


def _cuts(field: Field, offsets: FloatArray, label: int, promise: Promise) -> _Cuts:
    critical, has = field.critical(offsets, label), field.has(label)
    order = np.argsort(critical, kind="stable")
    levels = np.append(critical[order], critical[order[-1]] + 2)
    ends = np.flatnonzero(np.diff(levels) > _GAP)
    hits, answers = has[order].cumsum()[ends], ends + 1
    between = (levels[ends] + levels[ends + 1]) / 2
    return _Cuts(between, answers, _value(promise, hits, answers, int(has.sum())))


def _picked(
    field: Field, offsets: FloatArray, label: int, promise: Promise, cuts: _Cuts, kept: IntArray
) -> int:
    if promise.metric == "precision":
        return int(kept[-1])
    if promise.metric == "recall":
        return int(kept[0])
    compared = kept[np.linspace(0, len(kept) - 1, min(len(kept), _MAX_COMPARED)).round().astype(np.int64)]
    values = field.values(offsets, label, cuts.offsets[compared])
    best = np.flatnonzero(values >= values.max() - _SAME)
    nearest = np.abs(cuts.offsets[compared[best]] - offsets[label]).argmin()
    return int(compared[best[nearest]])


def _nearest(cuts: _Cuts) -> int:
    """Of the highest values that with the most answers."""
    return int(np.flatnonzero(cuts.values >= cuts.values.max() - _SAME)[-1])


def _said(promise: Promise, reached: float, num_answers: int, num_rows: int, is_kept: bool) -> str:
    name, asked = f"{promise.metric}({promise.label})", f"{promise.value:.10g}"
    counted = {
        "precision": f"{num_answers:,} answers",
        "recall": f"{num_rows:,} rows",
        "f1": f"{num_answers:,} answers and {num_rows:,} rows",
    }[promise.metric]
    found = f"{reached:.3f}"
    if promise.metric != "f1":
        n = num_answers if promise.metric == "precision" else num_rows
        low, high = wilson(reached * n, n)
        found += f" [{low:.3f}, {high:.3f}]"
    if is_kept:
        return f"{name} {found} on {counted} of validation: the promise of {asked} is kept there"
    return f"{name} {found} on {counted} of validation is the nearest that can be had: {asked} is not kept"
