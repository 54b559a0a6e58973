"""Pairs that teach something wrong, by the rules with which a training drops them: listed, not dropped."""

from __future__ import annotations

from collections import defaultdict
from typing import Literal

import numpy as np

from textwright.audit.base import PAIRED, Check, Planted, Targets, drawn
from textwright.audit.checks.near_twins import null as without_twins
from textwright.audit.findings import Evidence, Finding, Fix, Result, Severity
from textwright.audit.subject import AuditData
from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.measure.bootstrap import rows_score
from textwright.text.pairs.cleaning import PairRules, clean_pairs
from textwright.text.pairs.reading import Pair
from textwright.text.rowlog import RowLog

WARN, HIGH = 0.01, 0.10


def run(data: AuditData) -> Result:
    by_reason = faults(data)
    rows = np.array(sorted(row for found in by_reason.values() for row in found), np.int64)
    share = rows_score(len(rows), len(data))
    numbers = {"rows": len(data), "bad": len(rows), "share": share.to_json()}
    tables = {
        "reasons": [{"reason": reason, "rows": len(found)} for reason, found in by_reason.items()],
        "rows": [
            {**data.place(row), "reason": reason} for reason, found in by_reason.items() for row in found
        ],
    }
    findings = [_finding(data, reason, found) for reason, found in by_reason.items()]
    return Result.of(findings, numbers, tables if findings else {})


def faults(data: AuditData) -> dict[str, list[int]]:
    """The rows that each rule drops, the most frequent rule first; twins are for other checks."""
    kind: Literal["translate", "summarize"] = "summarize" if data.task == "summarize" else "translate"
    log = RowLog(max_listed=len(data) + 1, max_details=0)
    pairs = [
        Pair(source, target, row)
        for row, (source, target) in enumerate(zip(data.texts, data.others, strict=True))
    ]
    clean_pairs(pairs, log, PairRules(duplicates=False, near_duplicates=False), kind=kind)
    found: dict[str, list[int]] = defaultdict(list)
    for record in log.records():
        found[record["reason"]].append(record["row"])
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def _finding(data: AuditData, reason: str, rows: list[int]) -> Finding:
    share = rows_score(len(rows), len(data))
    severity: Severity = "high" if share.value > HIGH else "warn" if share.value > WARN else "info"
    return Finding(
        "bad_pairs",
        severity,
        f"{len(rows):,} of {len(data):,} pairs teach something wrong: {reason}",
        subject=reason,
        evidence=Evidence("share", share.value, len(data), share.low, share.high),
        rows=np.array(rows, np.int64),
        why="a model learns to make such targets; a training drops these rows, and counts them",
        fixes=(Fix("drop", "drop these pairs", safe=False),),
    )


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """In a share of the pairs a copy for a target, none, that of twelve others, or its beginning alone."""
    rng = generator(seed, "bad_pairs")
    rows = drawn(data, rate, seed, "bad_pairs")
    targets = {int(row): _spoiled(data, int(row), n % 4, rng) for n, row in enumerate(rows)}
    return Planted(data.with_others(targets), rows=rows)


def _spoiled(data: AuditData, row: int, kind: int, rng: np.random.Generator) -> str:
    if kind == 0:
        return data.texts[row]
    if kind == 1:
        return ""
    others: IntArray = rng.choice(len(data), 12)
    joined = "".join(data.others[i] for i in others.tolist())
    return joined if kind == 2 else data.others[row][:2]


def null(data: AuditData, seed: int) -> AuditData:
    """Pairs that no rule drops."""
    clean = without_twins(data, seed)
    bad = {row for rows in faults(clean).values() for row in rows}
    return clean.taken([row for row in range(len(clean)) if row not in bad])


CHECK = Check(
    id="bad_pairs",
    family="pairs",
    says="pairs whose sides do not go together: empty, copied, of odd length, another language or number",
    run=run,
    plant=plant,
    null=null,
    tasks=PAIRED,
    targets=Targets(recall=0.9, precision=0.95),
)
