"""Rows of the same text, or nearly the same, that have different labels: one of them must be wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np

from textwright.audit.base import LABELLED, Check, Planted, Targets, drawn
from textwright.audit.checks.near_twins import edit, kept_rows
from textwright.audit.checks.near_twins import null as without_twins
from textwright.audit.findings import Evidence, Finding, Fix, Result
from textwright.audit.subject import AuditData, Labels
from textwright.core.seeds import generator
from textwright.measure.bootstrap import rows_score


def run(data: AuditData) -> Result:
    clusters = _clusters(data)
    rows = np.array([row for members in clusters for row in members], np.int64)
    share = rows_score(len(rows), len(data))
    numbers: dict[str, Any] = {"clusters": len(clusters), "rows": len(rows), "share": share.to_json()}
    if not clusters:
        return Result.of([], numbers)
    tables = {
        "clusters": [
            {
                "cluster": number,
                **data.place(row),
                "label": ", ".join(data.labels[row]),
                "same text": data.folded[row] == data.folded[members[0]],
            }
            for number, members in enumerate(clusters, 1)
            for row in members
        ]
    }
    finding = Finding(
        "conflicts",
        "high",
        f"{len(clusters):,} texts stand in {len(rows):,} rows with different labels",
        evidence=Evidence("share", share.value, len(data), share.low, share.high),
        rows=rows,
        why="a model cannot learn both, and one of the labels is wrong or depends on what is not in the text",
        fixes=(
            Fix(
                "merge",
                "keep one row of each, with the label that most of them have",
                params=_kept(data, clusters),
            ),
        ),
    )
    return Result.of([finding], numbers, tables)


def _clusters(data: AuditData) -> list[list[int]]:
    """Rows by the text that is kept of them, where they do not all have the same labels."""
    by_text: dict[int, list[int]] = defaultdict(list)
    first: dict[str, int] = {}
    kept = kept_rows(data)
    for row, text in enumerate(data.folded):
        if text and data.labels[row]:
            same = first.setdefault(text, row)
            by_text[int(kept[same])].append(row)
    return [rows for rows in by_text.values() if len({_key(data.labels[row]) for row in rows}) > 1]


def _key(labels: Labels) -> Labels:
    return tuple(sorted(labels))


def _kept(data: AuditData, clusters: list[list[int]]) -> dict[str, Any]:
    """The row to keep of each cluster: the first with the labels that most of its rows have, if most do."""
    keep, undecided = [], []
    for rows in clusters:
        counts = Counter(_key(data.labels[row]) for row in rows).most_common()
        if len(counts) > 1 and counts[0][1] == counts[1][1]:
            undecided.append(rows)
        else:
            keep.append(next(row for row in rows if _key(data.labels[row]) == counts[0][0]))
    return {"keep": keep, "undecided": undecided}


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """Copies of a share of the rows under another label, half of them edited a little."""
    rng = generator(seed, "conflicts")
    originals = drawn(data, rate, seed, "conflicts")
    copied = data.taken(originals)
    texts = {i: edit(text, 0.03, rng) for i, text in enumerate(copied.texts) if i % 2}
    names = data.label_names
    labels: list[Labels] = []
    for own in copied.labels:
        others = [name for name in names if name not in own]
        labels.append((others[int(rng.integers(len(others)))],))
    planted = data.appended(copied.with_texts(texts).relabelled(labels))
    rows = np.concatenate([originals, np.arange(len(data), len(planted))])
    return Planted(planted, rows=rows)


def null(data: AuditData, seed: int) -> AuditData:
    return without_twins(data, seed)


CHECK = Check(
    id="conflicts",
    family="twins",
    says="the same text with different labels",
    run=run,
    plant=plant,
    null=null,
    tasks=LABELLED,
    needs=frozenset({"labels"}),
    targets=Targets(recall=0.95, precision=0.99),
)
