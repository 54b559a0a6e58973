"""Runs checks on data, and keeps what they found."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from textwright.audit.base import Check
from textwright.audit.figures import figures
from textwright.audit.findings import MAX_ROWS, SEVERITIES, Finding, Result, not_applicable
from textwright.audit.subject import AuditData
from textwright.core.records import Note

Say = Callable[[Note], None]


@dataclass(frozen=True)
class Ran:
    """A check, what it answered, and how long it took."""

    check: Check
    result: Result
    seconds: float

    def to_json(self) -> dict[str, Any]:
        return {
            "check": self.check.id,
            "family": self.check.family,
            "says": self.check.says,
            "status": self.result.status,
            "why": self.result.why,
            "findings": len(self.result.findings),
            "numbers": self.result.numbers,
            "seconds": round(self.seconds, 3),
        }


def run_checks(checks: Sequence[Check], data: AuditData, say: Say = lambda note: None) -> list[Ran]:
    """All of them, in order."""
    found = []
    for check in checks:
        started = time.monotonic()
        result = _off(check) or check(data)
        found.append(Ran(check, result, time.monotonic() - started))
        if result.status == "found":
            for finding in result.findings:
                say(Note(f"{finding.severity}: {finding.title}", "warning" if is_grave(finding) else "said"))
    return found


def _off(check: Check) -> Result | None:
    """Why a check does not run: its null control failed in the packaged self-test."""
    if not figures().get(check.id, {}).get("is_noisy"):
        return None
    return not_applicable("it is switched off: in its self-test it found faults where there are none")


def is_grave(finding: Finding) -> bool:
    return SEVERITIES.index(finding.severity) >= SEVERITIES.index("high")


def verdict(ran: Sequence[Ran]) -> str:
    """The gravest severity of all findings; `clean` where there are none."""
    found = [SEVERITIES.index(f.severity) for one in ran for f in one.result.findings]
    return SEVERITIES[max(found)] if found else "clean"


def finding_record(finding: Finding, check: Check, data: AuditData) -> dict[str, Any]:
    """A line of findings.jsonl: see docs/how-to/audit.md."""
    return {
        "id": finding.id,
        "check": finding.check,
        "family": check.family,
        "severity": finding.severity,
        "title": finding.title,
        "subject": finding.subject,
        "evidence": None if finding.evidence is None else finding.evidence.to_json(),
        "num_rows": len(finding.rows),
        "rows": [data.place(int(i)) for i in finding.rows[:MAX_ROWS]],
        "previews": [*finding.previews[:MAX_ROWS]],
        "why": finding.why,
        "limits": finding.limits,
        "fixes": [fix.to_json() for fix in finding.fixes],
        "details": finding.details,
        "selftest": figures().get(finding.check),
        "status": "open",
        "seed": data.seed,
    }
