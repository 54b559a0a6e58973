"""What an audit came to, short enough for a card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textwright.audit.findings import SEVERITIES
from textwright.audit.folder import Audit, read_audit
from textwright.audit.release.accepted import accepted
from textwright.core.files import read_json, to_json, write_atomic

PLACE = "audit"  # the folder in that of a model
_MOST = 12  # findings on a card, the gravest first


def summary(audit: Audit) -> dict[str, Any]:
    """Findings that are at least a warning, what was accepted with which reason, the gate.

    The record has `about, name, n, textwright_version, verdict, found, answered, checks, accepted, gate`.
    """
    taken = accepted(audit)
    titles = {finding["id"]: finding["title"] for finding in audit.findings}
    grades: list[str] = [*SEVERITIES]
    open_ones = [f for f in audit.findings if f["severity"] != "info" and f["id"] not in taken]
    open_ones.sort(key=lambda finding: -grades.index(finding["severity"]))
    return {
        "about": audit.about,
        "name": ", ".join(file["name"] for file in audit.record["files"]),
        "n": audit.record["n"],
        "textwright_version": audit.record["textwright_version"],
        "verdict": audit.verdict,
        "found": [{key: f[key] for key in ("id", "severity", "title")} for f in open_ones[:_MOST]],
        "answered": sum(check["status"] in ("found", "clean") for check in audit.checks),
        "checks": len(audit.checks),
        "accepted": [{"title": titles[name], **record} for name, record in taken.items() if name in titles],
        "gate": _gate(audit),
    }


def _gate(audit: Audit) -> str | None:
    path = None if audit.path is None else audit.path / "gate.json"
    return str(read_json(path)["verdict"]) if path is not None and path.is_file() else None


def keep_with(model: Path, path: str | Path) -> dict[str, Any]:
    """Keep what an audit came to in the folder of a model, for its card. Raises AuditError."""
    found = summary(read_audit(path))
    folder = model / PLACE
    folder.mkdir(exist_ok=True)
    write_atomic(folder / f"{Path(path).resolve().name}.json", to_json(found))
    return found
