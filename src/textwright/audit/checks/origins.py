"""Where rows come from, and under which licence: unknown ones, and some that do not go with the others."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import numpy as np

from textwright.audit.base import Check, Planted, drawn
from textwright.audit.findings import Evidence, Finding, Fix, Result, too_few
from textwright.audit.subject import AuditData
from textwright.core.ragged import IntArray
from textwright.measure.bootstrap import rows_score

MIN_ROWS = 30
_UNKNOWN_EN = ("unknown", "none", "null", "na", "n/a", "nan", "?", "-", "unspecified", "undefined", "tbd")
_UNKNOWN_ZH = ("未知", "不详", "不明", "无", "未注明", "待定")
UNKNOWN = frozenset({*_UNKNOWN_EN, *_UNKNOWN_ZH})
_OPEN = "cc0-1.0"
# What a licence forbids or asks for, by how it is written. A reading aid, no legal advice.
TERMS: dict[str, re.Pattern[str]] = {
    "no commercial use": re.compile(r"(?i)(?<![a-z])nc(?![a-z])|non-?commercial|非商"),
    "same licence": re.compile(r"(?i)(?<![a-z])(sa|gpl|agpl|lgpl)(?![a-z])|share-?alike|相同方式"),
    "no changes": re.compile(r"(?i)(?<![a-z])nd(?![a-z])|no-?deriv|禁止演绎"),
    "research only": re.compile(r"(?i)research|academic|研究|学术"),
}


def run(data: AuditData) -> Result:
    if len(data) < MIN_ROWS:
        return too_few(f"{len(data):,} rows are too few: it takes {MIN_ROWS}")
    findings: list[Finding] = []
    numbers: dict[str, object] = {"rows": len(data)}
    tables = {}
    for use in ("origin", "licence"):
        for cells in data.named(use).values():
            kept = [cell.strip() for cell in cells]
            counts = Counter(kept)
            order = sorted(counts, key=lambda name: (-counts[name], name))
            tables[use] = [_row(name, counts[name], len(data)) for name in order]
            numbers[use] = len(order)
            unknown = np.array([i for i, cell in enumerate(kept) if is_unknown(cell)], np.int64)
            if len(unknown):
                findings.append(_unknown(use, unknown, len(data)))
            if use == "licence":
                findings += _bound(kept, len(data))
    return Result.of(findings, numbers, tables)


def is_unknown(cell: str) -> bool:
    """Whether a cell names nothing.

    >>> is_unknown(" "), is_unknown("Unknown"), is_unknown("MIT"), is_unknown("不详")
    (True, True, False, True)
    """
    return not cell.strip() or cell.strip().casefold() in UNKNOWN


def terms_of(licence: str) -> list[str]:
    """What a licence forbids or asks for, of those that bind a model made from the rows.

    >>> terms_of("CC BY-NC-SA 4.0"), terms_of("Apache-2.0")
    (['no commercial use', 'same licence'], [])
    """
    return [name for name, pattern in TERMS.items() if pattern.search(licence)]


def _row(name: str, rows: int, total: int) -> dict[str, object]:
    share = rows_score(rows, total)
    return {
        "name": name or "(empty)",
        "value": share.value,
        "low": share.low,
        "high": share.high,
        "rows": rows,
        "terms": "" if is_unknown(name) else ", ".join(terms_of(name)),
    }


def _unknown(use: str, rows: IntArray, total: int) -> Finding:
    share = rows_score(len(rows), total)
    evidence = Evidence("share", share.value, total, share.low, share.high)
    fixes = (Fix("drop", "find out, or leave these rows out"),)
    if use == "licence":
        return Finding(
            "origins",
            "high",
            f"{len(rows):,} of {total:,} rows have no known licence",
            subject="licence",
            evidence=evidence,
            rows=rows,
            why="what nobody has allowed to use may have to be taken out, and the model with it",
            fixes=fixes,
        )
    return Finding(
        "origins",
        "warn",
        f"{len(rows):,} of {total:,} rows have no known origin",
        subject="origin",
        evidence=evidence,
        rows=rows,
        why="nobody can ask or check where these rows come from",
        fixes=fixes,
    )


def _bound(licences: list[str], total: int) -> list[Finding]:
    """Rows whose licence binds the whole, by what it asks for."""
    known = {name: [] if is_unknown(name) else terms_of(name) for name in set(licences)}
    findings = []
    for term in TERMS:
        rows = np.array([i for i, name in enumerate(licences) if term in known[name]], np.int64)
        if not len(rows):
            continue
        share = rows_score(len(rows), total)
        findings.append(
            Finding(
                "origins",
                "info" if len(rows) == total else "warn",
                f"{len(rows):,} of {total:,} rows have a licence that asks for: {term}",
                subject=term,
                evidence=Evidence("share", share.value, total, share.low, share.high),
                rows=rows,
                why="terms of one part bind what is made of all parts",
                limits="read off the name of the licence: a reading aid, no legal advice",
                fixes=(Fix("drop", "leave these rows out where the terms do not suit"),),
            )
        )
    return findings


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """A share of the licences is empty or unknown."""
    rows = drawn(data, rate, seed, "origins")
    cells = [*data.columns["licence"]]
    for place, row in enumerate(rows.tolist()):
        cells[row] = ("", "unknown", "不详")[place % 3]
    columns = {**data.columns, "licence": cells}
    return Planted(replace(data, columns=columns), rows=rows, subjects=frozenset({"licence"}))


def null(data: AuditData, seed: int) -> AuditData:
    """Every row of one origin, under a licence that asks for nothing."""
    columns = {**data.columns, "origin": ["own"] * len(data), "licence": [_OPEN] * len(data)}
    return replace(data, columns=columns)


CHECK = Check(
    id="origins",
    family="origin",
    says="rows without a known origin or licence, and licences that bind the whole",
    run=run,
    plant=plant,
    null=null,
    needs=frozenset({"origins"}),
)
