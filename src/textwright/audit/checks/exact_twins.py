"""Rows whose text is that of an earlier row, but for case, width, blanks and punctuation."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from textwright.audit.base import Check, Planted, Targets, drawn
from textwright.audit.findings import Evidence, Finding, Fix, Result, Severity
from textwright.audit.subject import AuditData
from textwright.core.seeds import generator
from textwright.measure.bootstrap import rows_score

WARN, INFO = 0.05, 0.005


def run(data: AuditData) -> Result:
    first: dict[tuple[str, str], int] = {}
    copies = [i for i, key in enumerate(keys(data)) if key[0] and first.setdefault(key, i) != i]
    share = rows_score(len(copies), len(data))
    numbers = {"rows": len(data), "copies": len(copies), "share": share.to_json()}
    if not copies:
        return Result.of([], numbers)
    rows = np.array(copies, np.int64)
    severity: Severity = "warn" if share.value > WARN else "info"
    finding = Finding(
        "exact_twins",
        severity,
        f"{len(copies):,} of {len(data):,} rows are copies of an earlier row",
        evidence=Evidence("share", share.value, len(data), share.low, share.high),
        rows=rows,
        why="copies count twice in training, and one in train and one in test makes scores too good",
        fixes=(Fix("drop", "drop the copies and keep the first of each", safe=True),),
    )
    return Result.of([finding], numbers)


def keys(data: AuditData) -> list[tuple[str, str]]:
    """What must be equal: the folded text, of pairs with the target, and the part and labels it stands with.

    Copies across parts are leaks, and copies with other labels are conflicts: each has a check of its own.
    """
    targets = data.others or [""] * len(data)
    labels = data.labels or [()] * len(data)
    return [
        (text, "\0".join((target, part, *sorted(own))))
        for text, target, part, own in zip(data.folded, targets, data.parts, labels, strict=True)
    ]


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """Copies of a share of the rows, written with other blanks and capitals, behind the last row."""
    rng = generator(seed, "exact_twins")
    originals = drawn(data, rate, seed, "exact_twins")
    copied = data.taken(originals)
    noisy = {i: _noisy(text, rng) for i, text in enumerate(copied.texts)}
    planted = data.appended(copied.with_texts(noisy))
    return Planted(planted, rows=np.arange(len(data), len(planted)), also=originals)


def _noisy(text: str, rng: np.random.Generator) -> str:
    kind = rng.integers(3)
    if kind == 0:
        return text.upper() + "  "
    return f" {text}" if kind == 1 else f"{text}\u3000"


def null(data: AuditData, seed: int) -> AuditData:
    """One row of each text."""
    first: dict[str, int] = defaultdict(int)
    kept = []
    for i, text in enumerate(data.folded):
        first[text] += 1
        if first[text] == 1:
            kept.append(i)
    return data.taken(kept)


CHECK = Check(
    id="exact_twins",
    family="twins",
    says="rows that are copies of an earlier row",
    run=run,
    plant=plant,
    null=null,
    targets=Targets(recall=1.0, precision=1.0),
)
