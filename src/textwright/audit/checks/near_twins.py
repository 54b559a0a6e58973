"""Rows whose text is nearly that of an earlier row: most of their character n-grams are the same.

Bigrams for Chinese, with a Jaccard similarity of 0.55 at least, and trigrams for other scripts, with 0.5.
Each row is compared with the row that is kept of its cluster, so that there are no chains. A template with
one word changed is a near twin as well: a person decides.
"""

from __future__ import annotations

import numpy as np

from textwright.audit.base import Check, Planted, Targets, drawn
from textwright.audit.findings import Evidence, Finding, Fix, Result, Severity
from textwright.audit.subject import NEAR, AuditData
from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.measure.bootstrap import rows_score
from textwright.text.duplicates import jaccard

WARN, HIGH = 0.02, 0.10
_SHOWN = 20


def run(data: AuditData) -> Result:
    kept = kept_rows(data)
    rows = np.flatnonzero((kept != np.arange(len(data))) & ~exact(data))
    share = rows_score(len(rows), len(data))
    numbers = {"rows": len(data), "near_twins": len(rows), "share": share.to_json()}
    if not len(rows):
        return Result.of([], numbers)
    severity: Severity = "high" if share.value > HIGH else "warn" if share.value > WARN else "info"
    pairs = [{**data.place(int(i)), "like": data.place(int(kept[i]))["row"]} for i in rows]
    finding = Finding(
        "near_twins",
        severity,
        f"{len(rows):,} of {len(data):,} rows are nearly an earlier row",
        evidence=Evidence("share", share.value, len(data), share.low, share.high),
        rows=rows,
        why="near copies count twice, and make scores too good where one is learned and one is tested on",
        limits="a template in which one word is another one looks like this too: read some before you drop",
        fixes=(Fix("drop", "drop the near copies and keep the first of each"),),
        details={"like": [pair["like"] for pair in pairs[:_SHOWN]]},
    )
    return Result.of([finding], numbers, {"pairs": pairs})


def exact(data: AuditData) -> np.ndarray:
    """Rows whose folded text is that of an earlier row (N,)."""
    first: dict[str, int] = {}
    return np.array([first.setdefault(text, i) != i for i, text in enumerate(data.whole)], np.bool_)


def kept_rows(data: AuditData) -> IntArray:
    """For each row (N,) the earlier one that is kept in its place, or itself."""
    twins = data.near
    kept = np.arange(len(data))
    order = np.argsort(twins.links[:, 1], kind="stable")
    for first, second in twins.links[order].tolist():
        if kept[second] != second:
            continue
        head = int(kept[first])
        if head == first or _alike(data, head, second):
            kept[second] = head
    return kept


def _alike(data: AuditData, a: int, b: int) -> bool:
    one, other = data.whole[a], data.whole[b]
    if one == other:
        return True
    size = NEAR.size(other)
    return bool(size) and NEAR.size(one) == size and jaccard(one, other, size) >= NEAR.threshold(size)


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """Copies of a share of the rows with one character in twenty changed, behind the last row."""
    rng = generator(seed, "near_twins")
    originals = drawn(data, rate, seed, "near_twins")
    copied = data.taken(originals)
    edited = {i: edit(text, 0.05, rng) for i, text in enumerate(copied.texts)}
    planted = data.appended(copied.with_texts(edited))
    return Planted(planted, rows=np.arange(len(data), len(planted)), also=originals)


def edit(text: str, share: float, rng: np.random.Generator) -> str:
    """A text with a share of its characters replaced, left out or doubled, at least one."""
    marks = list(text)
    places = rng.choice(len(marks), max(1, round(share * len(marks))), replace=False)
    for place in places.tolist():
        kind = int(rng.integers(3))
        other = text[int(rng.integers(len(text)))]
        marks[place] = other if kind == 0 else "" if kind == 1 else marks[place] + other
    return "".join(marks)


def null(data: AuditData, seed: int) -> AuditData:
    """One row of each cluster."""
    kept = kept_rows(data)
    return data.taken(np.flatnonzero((kept == np.arange(len(data))) & ~exact(data)))


CHECK = Check(
    id="near_twins",
    family="twins",
    says="rows that are nearly an earlier row",
    run=run,
    plant=plant,
    null=null,
    targets=Targets(recall=0.98, precision=0.99),
)
