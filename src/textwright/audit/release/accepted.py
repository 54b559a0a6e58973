"""Findings that a person took on, with a written reason: they stop nothing, and stand on the card."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textwright.audit.folder import Audit, read_audit
from textwright.audit.reasons import is_reason
from textwright.core.errors import AuditError
from textwright.core.files import write_atomic
from textwright.core.names import did_you_mean
from textwright.report.records import read_lines

ACCEPTED = "accepted.jsonl"


def accept(
    paths: str | Path | Sequence[str | Path], finding: str, because: str, who: str = ""
) -> dict[str, Any]:
    """Write down that a finding of one of these audits is accepted, in the folder of that audit.

    Raises AuditError without a reason, and for a finding that none of them has.

    >>> import textwright.audit  # doctest: +SKIP
    >>> textwright.audit.accept("reviews-audit", "leaks-1f03b2", "greetings, and meant")  # doctest: +SKIP
    """
    audits = [read_audit(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    known = {record["id"]: one for one in audits for record in one.findings}
    audit = known.get(finding)
    if audit is None or audit.path is None:
        where = ", ".join(str(one.path) for one in audits)
        raise AuditError(f"there is no finding {finding!r} in {where}", hint=did_you_mean(finding, known))
    if not is_reason(because):
        raise AuditError(
            f"a finding is accepted with a written reason; found {because!r}",
            hint="Say with --because TEXT, in 10 characters at least, or 5 Chinese ones, why it may be so: "
            "the reason stands on the card.",
        )
    record = {
        "finding": finding,
        "because": because.strip(),
        "who": who,
        "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    lines = [*accepted(audit).values(), record]
    text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    write_atomic(audit.path / ACCEPTED, text)
    return record


def accepted(audit: Audit) -> dict[str, dict[str, Any]]:
    """What was accepted, by the id of the finding; the last word on each counts."""
    if audit.path is None:
        return {}
    return {line["finding"]: line for line in read_lines(audit.path / ACCEPTED)}
