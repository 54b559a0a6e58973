"""Rows to test on that have a twin among the rows to learn from, and the score without them.

The score is that of a quick classifier that learns from the first part and answers the last: on all rows, and
on the rows without a twin. The second is the one to publish.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from textwright.audit.base import Check, Planted, Targets, drawn
from textwright.audit.checks.near_twins import edit
from textwright.audit.checks.near_twins import null as without_twins
from textwright.audit.findings import Evidence, Finding, Fix, Result, Severity
from textwright.audit.subject import TEST, TRAIN, AuditData
from textwright.core.ragged import IntArray
from textwright.core.records import Score
from textwright.core.seeds import generator
from textwright.measure.bootstrap import make_score, resampled_cells, rows_score
from textwright.tasks.quick import quick_classifier

WARN, HIGH = 0.005, 0.02
_GAIN = "gain_by_leaks"
_MOST_PARTS = 12  # of the matrix of twins between parts
_NONE: frozenset[str] = frozenset()
_LEAST_ROWS = 30  # of either part, to score on


def run(data: AuditData) -> Result:
    findings, numbers, tables, scored = [], {}, [], []
    names = list(dict.fromkeys(data.parts))
    learned = TRAIN if TRAIN in names else names[0]
    for part in (name for name in names if name != learned):
        rows, twins = leaked(data, learned, part)
        total = data.parts.count(part)
        share = rows_score(len(rows), total)
        numbers[f"share_{part}"] = share.to_json()
        tables += [
            {"part": part, **data.place(int(a)), "like": data.place(int(b))["row"]}
            for a, b in zip(rows, twins, strict=True)
        ]
        scores = _scores(data, learned, part, rows)
        numbers |= {f"{name}_{part}": score.to_json() for name, score in scores.items()}
        scored += [
            {"name": f"{part}: {name}", **score.to_json()} for name, score in scores.items() if name != _GAIN
        ]
        if len(rows):
            severity: Severity = "high" if share.value > HIGH else "warn" if share.value > WARN else "info"
            findings.append(
                Finding(
                    "leaks",
                    severity,
                    f"{len(rows):,} of {total:,} rows of {part} have a twin in {learned}",
                    subject=part,
                    evidence=Evidence("share", share.value, total, share.low, share.high),
                    rows=rows,
                    why="a model knows these rows already: scores on them say nothing of new texts",
                    limits="twins are found by their characters: a paraphrase or a translation is none",
                    fixes=(
                        Fix(
                            "move",
                            "take their twins out of the rows to learn from",
                            safe=True,
                            params={"rows": sorted({int(row) for row in twins})},
                        ),
                    ),
                    details={name: score.to_json() for name, score in scores.items()},
                )
            )
    drawn_tables = {"overlap": _overlap(data, names), "scores": scored, "pairs": tables}
    return Result.of(findings, numbers, {name: rows for name, rows in drawn_tables.items() if rows})


def _overlap(data: AuditData, names: Sequence[str]) -> list[dict[str, Any]]:
    """Of every two parts: the rows of one that have a twin in the other, by the rule of `leaked`."""
    exact: defaultdict[str, set[str]] = defaultdict(set)
    near: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for text, part in zip(data.folded, data.parts, strict=True):
        if text:
            exact[text].add(part)
    for a, b in data.near.links.tolist():
        for own, other in ((a, b), (b, a)):
            near[data.folded[own], data.parts[own]].add(data.parts[other])
    rows = Counter(
        (part, other)
        for text, part in zip(data.folded, data.parts, strict=True)
        for other in exact.get(text, _NONE) | near.get((text, part), _NONE)
    )
    sizes, shown = Counter(data.parts), names[:_MOST_PARTS]
    return [
        {"part": a, "other": b, "rows": rows[a, b], "share": round(rows[a, b] / sizes[a], 6)}
        for a in shown
        for b in shown
        if a != b
    ]


def leaked(data: AuditData, learned: str, part: str) -> tuple[IntArray, IntArray]:
    """The rows of `part` with a twin in `learned`, and one such twin of each."""
    parts = np.array(data.parts)
    first: dict[str, int] = {}
    for row in np.flatnonzero(parts == learned).tolist():
        if data.folded[row]:
            first.setdefault(data.folded[row], row)
    found: dict[int, int] = {}
    for row in np.flatnonzero(parts == part).tolist():
        if data.folded[row] in first:
            found[row] = first[data.folded[row]]
    same = {row: first.get(data.folded[row], row) for row in np.unique(data.near.links).tolist()}
    for a, b in data.near.links.tolist():
        for own, other in ((a, b), (b, a)):
            if parts[own] == part and parts[other] == learned:
                found.setdefault(own, same[other])
    # Copies of a row of this part are leaked as it is.
    by_text = {data.folded[row]: twin for row, twin in found.items()}
    for row in np.flatnonzero(parts == part).tolist():
        if data.folded[row] in by_text:
            found.setdefault(row, by_text[data.folded[row]])
    rows = sorted(found)
    return np.array(rows, np.int64), np.array([found[row] for row in rows], np.int64)


def _scores(data: AuditData, learned: str, part: str, rows: IntArray) -> dict[str, Score]:
    """Accuracy of a quick classifier on all rows of a part, on those without a twin, and the difference."""
    if data.task != "classify" or not data.has("labels"):
        return {}
    parts, ids = np.array(data.parts), data.label_ids
    train = np.flatnonzero((parts == learned) & (ids >= 0))
    test = np.flatnonzero((parts == part) & (ids >= 0))
    if min(len(train), len(test) - len(rows)) < _LEAST_ROWS or len(np.unique(ids[train])) < 2:
        return {}
    answers = quick_classifier(_texts(data, train), ids[train], data.label_names, data.seed)
    right = answers(_texts(data, test)).argmax(axis=1) == ids[test]
    return clean_scores(right, np.isin(test, rows), data.seed)


def _texts(data: AuditData, rows: IntArray) -> Sequence[str]:
    return [data.texts[i] for i in rows.tolist()]


def clean_scores(right: np.ndarray, is_leaked: np.ndarray, seed: int = 0) -> dict[str, Score]:
    """Accuracy with all rows (N,), without the leaked ones, and what these make of it, with intervals.

    >>> found = clean_scores(np.array([True] * 9 + [False]), np.array([True] * 5 + [False] * 5))
    >>> found["accuracy"].value, found["clean_accuracy"].value
    (0.9, 0.8)
    """
    cells = np.array(
        [
            (right & leak).sum() if good else (~right & leak).sum()
            for good in (1, 0)
            for leak in (is_leaked, ~is_leaked)
        ]
    )
    drawn_cells = np.concatenate(
        [*resampled_cells(cells.astype(np.int64), 2_000, generator(seed, "audit", "leaks"))]
    ).astype(np.float64)

    def shares(counts: np.ndarray) -> tuple[Any, Any]:
        good, good_clean, _, bad_clean = counts.T
        with np.errstate(invalid="ignore", divide="ignore"):
            return (good + good_clean) / counts.sum(axis=-1), good_clean / (good_clean + bad_clean)

    whole, clean = shares(cells.astype(np.float64))
    wholes, cleans = shares(drawn_cells)
    n = len(right)
    return {
        "accuracy": make_score(float(whole), wholes, n),
        "clean_accuracy": make_score(float(clean), cleans, int((~is_leaked).sum())),
        _GAIN: make_score(float(whole - clean), wholes - cleans, n, "lower"),
    }


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """Rows of a test part copied into the train part, half of them edited a little."""
    rng = generator(seed, "leaks")
    halved = halves(data, seed)
    test = np.flatnonzero(np.array(halved.parts) == TEST)
    rows = test[drawn(data.taken(test), rate, seed, "leaks")]
    copied = halved.taken(rows)
    texts = {i: edit(text, 0.03, rng) for i, text in enumerate(copied.texts) if i % 2}
    moved = copied.with_texts(texts)
    planted = halved.appended(moved.in_part(TRAIN))
    return Planted(planted, rows=rows)


def halves(data: AuditData, seed: int) -> AuditData:
    """Rows without twins in two parts at random."""
    clean = without_twins(data, seed)
    is_test = generator(seed, "leaks", "halves").random(len(clean)) < 0.5
    return clean.in_parts([TEST if test else TRAIN for test in is_test])


CHECK = Check(
    id="leaks",
    family="twins",
    says="rows to test on that have a twin among the rows to learn from, and the score without them",
    run=run,
    plant=plant,
    null=halves,
    needs=frozenset({"parts"}),
    targets=Targets(recall=0.98, precision=0.99),
)
