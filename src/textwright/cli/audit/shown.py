"""What the commands of audit share: settings by --set, notes as lines, and a result as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from textwright.audit.folder import Audit
from textwright.audit.settings import AuditSettings
from textwright.cli.run import say
from textwright.core.records import Note
from textwright.core.settings import parse_assignment

Checks = Annotated[str | None, typer.Option(help="fast, all, or the ids of checks by commas (all).")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Any other setting of the audit: groups=lexicon:en, split=COL, window=256."),
]


def audit_settings(assignments: Sequence[str] | None, **flags: Any) -> AuditSettings:
    """Flags laid over --set. Raises ConfigError."""
    values = dict(map(parse_assignment, assignments or ()))
    values |= {name: value for name, value in flags.items() if value is not None}
    return AuditSettings().replaced(values, where="--set ")


def said(note: Note) -> None:
    say(f"warning: {note.text}" if note.kind == "warning" else note.text)


def table(audit: Audit) -> str:
    """Every check with its status, and the findings of each."""
    lines = [f"{audit.record['n']:,} rows audited; verdict: {audit.verdict}"]
    width = max(len(check["check"]) for check in audit.checks)
    for check in audit.checks:
        lines.append(f"{check['check']:{width}}  {check['status']:14}  {check['why']}".rstrip())
        lines += [
            f"    {finding['severity']:5}  {finding['title']}"
            for finding in audit.findings
            if finding["check"] == check["check"]
        ]
    return "\n".join(lines)
