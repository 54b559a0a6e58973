"""Labels that are far rarer than others."""

from __future__ import annotations

import math

import numpy as np

from textwright.audit.base import LABELLED, Check, Planted, Targets
from textwright.audit.findings import Evidence, Finding, Fix, Result, not_applicable, too_few
from textwright.audit.subject import AuditData
from textwright.core.seeds import generator
from textwright.measure.bootstrap import rows_score, wilson

RAREST = 0.1  # of what each label would have if all were as frequent (cleanlab's rule)
MIN_ROWS = 30


def run(data: AuditData) -> Result:
    names = data.label_names
    sizes = {name: 0 for name in names}
    for labels in data.labels:
        for label in labels:
            sizes[label] += 1
    total = sum(sizes.values())
    if total < MIN_ROWS:
        return too_few(f"{total:,} labels are too few to compare: it takes {MIN_ROWS}")
    if len(names) < 2:
        return not_applicable("all rows have the same label")
    shares = np.array([*sizes.values()]) / total
    entropy = float(-(shares * np.log(shares)).sum() / math.log(len(names)))
    numbers = {
        "labels": len(names),
        "ratio": sizes[names[0]] / sizes[names[-1]],
        "entropy": entropy,
        "rarest": sizes[names[-1]],
    }
    floor = RAREST / len(names)
    table = []
    for name in names:
        low, high = wilson(sizes[name], total)
        cells = {"name": name, "value": sizes[name] / total, "low": low, "high": high}
        table.append({**cells, "rows": sizes[name]})
    rare = [name for name in names if sizes[name] / total < floor]
    wanted = math.ceil(floor * total)
    findings = [_finding(name, sizes[name], total, wanted, floor, data) for name in reversed(rare)]
    return Result.of(findings, numbers, {"labels": table})


def _finding(name: str, size: int, total: int, wanted: int, floor: float, data: AuditData) -> Finding:
    share = rows_score(size, total)
    return Finding(
        "imbalance",
        "warn",
        f"{name} is rare: {size:,} of {total:,} labels",
        subject=name,
        evidence=Evidence("share", share.value, total, share.low, share.high, baseline=floor),
        rows=np.array([i for i, labels in enumerate(data.labels) if name in labels], np.int64),
        why="a model hardly learns a label with few rows, and its score on them is mostly chance",
        limits="labels may be rare in the world as well: then look at the score of each label",
        fixes=(
            Fix(
                "collect",
                f"collect about {max(wanted - size, 1):,} more rows of it",
                params={"label": name, "rows": max(wanted - size, 1)},
            ),
        ),
    )


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """One label is left with a share of the rows that it would have if all were as frequent."""
    rng = generator(seed, "imbalance")
    label = data.label_names[int(rng.integers(len(data.label_names)))]
    own = [i for i, labels in enumerate(data.labels) if label in labels]
    left = max(1, round(rate * len(data) / len(data.label_names)))
    gone = set(rng.permutation(own)[left:].tolist())
    return Planted(data.taken([i for i in range(len(data)) if i not in gone]), subjects=frozenset({label}))


def null(data: AuditData, seed: int) -> AuditData:
    """The data themselves, whose labels are about as frequent as each other."""
    return data


CHECK = Check(
    id="imbalance",
    family="labels",
    says="labels that are far rarer than others",
    run=run,
    plant=plant,
    null=null,
    tasks=LABELLED,
    needs=frozenset({"labels"}),
    targets=Targets(recall=1.0),
)
