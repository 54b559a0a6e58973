"""Findings that a person took on, with a written reason: they stop nothing, and stand on the card."""

from __future__ import annotations

import datetime
import json
from typing import Any

from textwright.audit.folder import Audit
from textwright.core.errors import AuditError
from textwright.core.files import write_atomic
from textwright.core.names import did_you_mean

ACCEPTED = "accepted.jsonl"
_LEAST_WORDS = 10  # characters of a reason; "ok" is none


def accept(audit: Audit, finding: str, because: str, who: str = "") -> dict[str, Any]:
    """Write down that a finding is accepted. Raises AuditError without a reason, and for an unknown one."""
    assert audit.path is not None
    known = [record["id"] for record in audit.findings]
    if finding not in known:
        raise AuditError(
            f"there is no finding {finding!r} in {audit.path}", hint=did_you_mean(finding, known)
        )
    if len(because.strip()) < _LEAST_WORDS:
        raise AuditError(
            f"a finding is accepted with a written reason; found {because!r}",
            hint="Say with --because TEXT why it may be so: the reason stands on the card.",
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
    path = None if audit.path is None else audit.path / ACCEPTED
    if path is None or not path.is_file():
        return {}
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    return {line["finding"]: line for line in lines}
