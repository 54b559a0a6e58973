"""The folder of an audit: what was audited, what was found, in records that outlive this version.

audit.json      what was audited (files with hashes, columns, settings), every check with its status, verdict
findings.jsonl  a line a finding
rows.jsonl      the rows of each finding, all of them
tables/         what checks measured, as CSV
report.html     for people; README.md and README.zh.md are the data card
patches/        changes of the data, see `patches`
accepted.jsonl  findings that a person took on, with the reason
gate.json       the last verdict
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from textwright.audit.running import Ran, finding_record, verdict
from textwright.audit.settings import AuditSettings
from textwright.audit.subject import AuditData
from textwright.core.errors import AuditError
from textwright.core.files import publish_folder, read_json, readable_name, sha256, to_json
from textwright.report.records import read_lines

FORMAT = 1
# What a person said of findings, and the next audit in this place must not forget.
KEPT = ("accepted.jsonl", "reviews.jsonl")
RECORD, FINDINGS, ROWS, TABLES, PATCHES = "audit.json", "findings.jsonl", "rows.jsonl", "tables", "patches"


@dataclass(frozen=True)
class Audit:
    """What an audit found, in memory: the same as its folder."""

    about: str
    record: dict[str, Any]
    findings: list[dict[str, Any]]
    rows: dict[str, list[dict[str, Any]]]
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    path: Path | None = None

    @property
    def verdict(self) -> str:
        return str(self.record["verdict"])

    @property
    def checks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.record["checks"]
        return found

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {
            **self.record,
            "findings": self.findings,
            "out": None if self.path is None else str(self.path),
        }


def make_audit(
    about: str, data: AuditData, ran: Sequence[Ran], settings: AuditSettings, more: dict[str, Any]
) -> Audit:
    """The records of what ran."""
    found = [(finding, one.check) for one in ran for finding in one.result.findings]
    record = {
        "format": FORMAT,
        "about": about,
        "textwright_version": version("textwright"),
        "task": data.task,
        "language": data.language,
        "n": len(data),
        "labels": data.label_names,
        "parts": {name: data.parts.count(name) for name in dict.fromkeys(data.parts)},
        "files": [
            {"name": readable_name(path), "path": str(Path(path).resolve()), "sha256": _hash(Path(path))}
            for path in data.files
        ],
        "settings": settings.model_dump(mode="json"),
        "verdict": verdict(ran),
        "checks": [one.to_json() for one in ran],
        **more,
    }
    return Audit(
        about,
        record,
        [finding_record(finding, check, data) for finding, check in found],
        {finding.id: [data.place(int(i)) for i in finding.rows] for finding, _ in found},
        {f"{one.check.id}.{name}": rows for one in ran for name, rows in one.result.tables.items() if rows},
    )


def _hash(path: Path) -> str | None:
    return sha256(path) if path.is_file() else None


def write_audit(audit: Audit, out: Path, pages: Mapping[str, str]) -> None:
    """Publish the folder in one step. What stands there already is replaced when it is an audit of before."""
    refuse_foreign(out)

    kept = {name: (out / name).read_bytes() for name in KEPT if (out / name).is_file()}

    def fill(folder: Path) -> None:
        for name, content in kept.items():
            (folder / name).write_bytes(content)
        (folder / RECORD).write_text(to_json(audit.record), encoding="utf-8")
        _lines(folder / FINDINGS, audit.findings)
        _lines(
            folder / ROWS,
            [{"finding": name, **row} for name, rows in audit.rows.items() for row in rows],
        )
        for name, page in pages.items():
            (folder / name).write_text(page, encoding="utf-8", errors="replace")
        if audit.tables:
            (folder / TABLES).mkdir()
        for name, rows in audit.tables.items():
            (folder / TABLES / f"{name}.csv").write_text(_csv(rows), encoding="utf-8")

    publish_folder(out, fill)


def refuse_foreign(out: Path) -> None:
    """Raise AuditError where `out` holds anything that no audit wrote, or patches that a person may need."""
    if not out.exists():
        return
    if not out.is_dir() or (any(out.iterdir()) and not (out / RECORD).exists()):
        raise AuditError(f"{out}: there is something else here", hint="Choose another --out.")
    if (out / PATCHES).exists():
        raise AuditError(
            f"{out}: this audit has patches, which a new one would take away", hint="Choose another --out."
        )


def read_audit(path: str | Path) -> Audit:
    """An audit from its folder. Raises AuditError."""
    folder = Path(path)
    if not (folder / RECORD).is_file():
        raise AuditError(
            f"{folder}: this is no folder of an audit", hint="Make one with textwright audit data."
        )
    record = read_json(folder / RECORD)
    if record.get("format", 0) > FORMAT:
        raise AuditError(f"{folder}: this audit is of a newer version", hint="Update textwright.")
    rows: dict[str, list[dict[str, Any]]] = {}
    for line in read_lines(folder / ROWS):
        rows.setdefault(line.pop("finding"), []).append(line)
    return Audit(record["about"], record, [*read_lines(folder / FINDINGS)], rows, path=folder)


def _lines(path: Path, records: Sequence[dict[str, Any]]) -> None:
    # Halves of pairs of code units become the escapes that JSON has for them.
    lines = "".join(f"{json.dumps(r, ensure_ascii=False)}\n" for r in records)
    path.write_text(lines, encoding="utf-8", errors="backslashreplace")


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    out = io.StringIO()
    names = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
