"""Labels that are likely wrong: a classifier that did not see the row is sure of another one.

Confident learning (Northcutt et al. 2021, arXiv:1911.00068) says how many; the rows are those whose own label
has the lowest chance.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from textwright.audit.base import Check, Planted, Targets, drawn
from textwright.audit.findings import Evidence, Finding, Fix, Result, Severity, not_applicable, too_few
from textwright.audit.shared import labelled
from textwright.audit.subject import AuditData, FloatArray, Labels
from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.measure.bootstrap import rows_score
from textwright.measure.confident import wrong_labels

WARN, HIGH = 0.03, 0.08
MIN_ROWS, MIN_OF_CLASS = 100, 10
SHOWN = 200


def run(data: AuditData) -> Result:
    rows = labelled(data)
    if len(rows) < MIN_ROWS:
        return too_few(f"{len(rows):,} rows have a text and one label: it takes {MIN_ROWS}")
    counts = np.bincount(data.label_ids[rows], minlength=len(data.label_names))
    if np.count_nonzero(counts >= MIN_OF_CLASS) < 2:
        return not_applicable(f"fewer than two labels have {MIN_OF_CLASS} rows")
    rows, chances = data.out_of_fold
    classes = data.label_ids[rows]
    # A label that is hardly ever given is not learned: of its rows nothing can be said.
    known = counts >= MIN_OF_CLASS
    is_known = known[classes]
    rows, chances, classes = rows[is_known], np.where(known, chances[is_known], 0.0), classes[is_known]
    worst, joint = wrong_labels(classes, chances)
    likely = np.asarray(chances[worst]).argmax(axis=1)
    noise = rows_score(len(worst), len(rows))
    pairs = _pairs(data.label_names, classes[worst], likely, joint)
    numbers = {
        "rows": len(rows),
        "likely_wrong": len(worst),
        "noise": noise.to_json(),
        "agree": float(np.mean(chances.argmax(axis=1) == classes)),
        "labels_left_out": [name for name, ok in zip(data.label_names, known, strict=True) if not ok],
    }
    tables = {
        "pairs": pairs,
        "rows": [
            {
                **data.place(int(rows[i])),
                "label": data.label_names[classes[i]],
                "suggested": data.label_names[other],
                "chance": round(float(chances[i, classes[i]]), 4),
            }
            for i, other in zip(worst[:SHOWN].tolist(), likely[:SHOWN].tolist(), strict=True)
        ],
    }
    if noise.value < WARN:
        return Result.of([], numbers, tables)
    suggested = {
        str(row): data.label_names[k] for row, k in zip(rows[worst].tolist(), likely.tolist(), strict=True)
    }
    return Result.of(
        [_finding(noise.value, noise.low, noise.high, len(rows), rows[worst], pairs, suggested)],
        numbers,
        tables,
    )


def _finding(
    share: float,
    low: float,
    high: float,
    total: int,
    rows: IntArray,
    pairs: list[dict[str, Any]],
    suggested: dict[str, str],
) -> Finding:
    severity: Severity = "high" if share >= HIGH else "warn"
    first = pairs[0]
    return Finding(
        "label_errors",
        severity,
        f"about {len(rows):,} of {total:,} labels are likely wrong, most often {first['label']} where "
        f"{first['suggested']} fits better",
        evidence=Evidence("noise", share, total, low, high),
        rows=rows,
        why="a model learns wrong labels as it learns right ones, and a test with wrong labels misjudges it",
        limits="found by a bag of words that learned from other rows: people agree with about half of such "
        "rows, so look at them, the worst first",
        fixes=(
            Fix(
                "relabel",
                "look at these rows, and change the labels that are wrong",
                params={"suggested": suggested},
            ),
        ),
        details={"pair": [first["label"], first["suggested"]]},
    )


def _pairs(names: list[str], given: IntArray, likely: IntArray, joint: FloatArray) -> list[dict[str, Any]]:
    """Two labels each, the pair with the most rows first, with what the confident joint expects of it."""
    counts = Counter(zip(given.tolist(), likely.tolist(), strict=True))
    order = sorted(counts, key=lambda pair: (-counts[pair], pair))
    return [
        {
            "label": names[a],
            "suggested": names[b],
            "rows": counts[a, b],
            "expected": round(float(joint[a, b]), 1),
        }
        for a, b in order
    ]


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """A share of the labels becomes another one, any of the others."""
    rng = generator(seed, "label_errors")
    rows = drawn(data, rate, seed, "label_errors")
    labels: list[Labels] = [*data.labels]
    for row in rows.tolist():
        others = [name for name in data.label_names if (name,) != labels[row]]
        labels[row] = (others[int(rng.integers(len(others)))],)
    return Planted(data.relabelled(labels), rows=rows)


def null(data: AuditData, seed: int) -> AuditData:
    """The data themselves, of which every label is right."""
    return data


CHECK = Check(
    id="label_errors",
    family="labels",
    says="labels that are likely wrong, by a classifier that did not see the row",
    run=run,
    plant=plant,
    null=null,
    tasks=frozenset({"classify"}),
    needs=frozenset({"labels"}),
    cost="slow",
    rates=(0.05, 0.2),
    targets=Targets(recall=0.65, precision=0.6),
)
