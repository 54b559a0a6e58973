"""`audit diff`: two audits side by side, before and after something was mended."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textwright.audit.findings import SEVERITIES
from textwright.audit.folder import TABLES, Audit, read_audit
from textwright.audit.release.ratchet import is_score
from textwright.core.errors import AuditError
from textwright.core.files import publish_folder, to_json
from textwright.core.records import Note
from textwright.report.auditdiff import render_audit_diff

RECORD, PAGE = "diff.json", "report.html"


@dataclass(frozen=True)
class Diff:
    """Findings that are gone, new and kept, by their ids, and every number of both with its interval. What is
    `gone` may not have been `checked` again.

    `groups` are the metrics by group of two audits of models. `apart` of a number says whether the two
    intervals have no value in common, which is more than chance.
    """

    a: dict[str, Any]
    b: dict[str, Any]
    gone: list[dict[str, Any]]
    new: list[dict[str, Any]]
    kept: list[dict[str, Any]]
    numbers: list[dict[str, Any]]
    groups: list[dict[str, Any]]

    @property
    def verdict(self) -> str:
        """One sentence."""
        unchecked = sum(not one["checked"] for one in self.gone)
        return Note(
            f"findings gone: {len(self.gone) - unchecked:,}, new: {len(self.new):,}, "
            f"left: {len(self.kept):,}, not checked again: {unchecked:,}; "
            f"the gravest was {self.a['verdict']} and is {self.b['verdict']}"
        ).text

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {**vars(self), "verdict": self.verdict}


def diff(a: str | Path, b: str | Path, out: str | Path | None = None) -> Diff:
    """Compare the folders of two audits of the same kind, the earlier first.

    `out`, if any, gets a folder with diff.json and report.html. Raises AuditError, also where there is
    something else at `out`.

    >>> import textwright.audit  # doctest: +SKIP
    >>> textwright.audit.diff("reviews-audit", "reviews-audit-2").verdict  # doctest: +SKIP
    'findings gone: 2, new: 0, left: 1, not checked again: 0; the gravest was high and is info'
    """
    if out is not None:
        _refuse_foreign(Path(out))
    before, after = read_audit(a), read_audit(b)
    if before.about != after.about:
        raise AuditError(
            f"{a} is an audit of {before.about}, {b} one of {after.about}", hint="Compare two of one kind."
        )
    ours = {finding["id"]: finding for finding in before.findings}
    theirs = {finding["id"]: finding for finding in after.findings}
    ran = {check["check"] for check in after.checks if check["status"] in ("found", "clean")}
    found = Diff(
        _head(before),
        _head(after),
        [{**_line(one), "checked": one["check"] in ran} for id_, one in ours.items() if id_ not in theirs],
        [_line(one) for id_, one in theirs.items() if id_ not in ours],
        [_both(one, theirs[id_]) for id_, one in ours.items() if id_ in theirs],
        [*_numbers(before, after)],
        [*_groups(before, after)],
    )
    if out is not None:
        _write(found, Path(out))
    return found


def _refuse_foreign(out: Path) -> None:
    if out.exists() and not (out.is_dir() and {path.name for path in out.iterdir()} <= {RECORD, PAGE}):
        raise AuditError(f"{out}: there is something else here", hint="Choose another --out.")


def _write(found: Diff, out: Path) -> None:
    def fill(folder: Path) -> None:
        (folder / RECORD).write_text(to_json(found.to_json()), encoding="utf-8")
        page = render_audit_diff(found.to_json())
        (folder / PAGE).write_text(page, encoding="utf-8", errors="replace")

    publish_folder(out, fill)


def _head(audit: Audit) -> dict[str, Any]:
    record = audit.record
    files = [{key: one[key] for key in ("name", "sha256")} for one in record["files"]]
    head = {"path": str(audit.path), "about": audit.about, "n": record["n"], "verdict": audit.verdict}
    return {**head, "files": files, "patches": record["settings"].get("patches")}


def _line(finding: Mapping[str, Any]) -> dict[str, Any]:
    return {key: finding[key] for key in ("id", "severity", "title", "num_rows", "evidence")}


def _both(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    step = SEVERITIES.index(theirs["severity"]) - SEVERITIES.index(ours["severity"])
    change = "same" if step == 0 else "graver" if step > 0 else "milder"
    return {"id": ours["id"], "change": change, "before": _line(ours), "after": _line(theirs)}


def _numbers(before: Audit, after: Audit) -> Iterator[dict[str, Any]]:
    """Every number that both have."""
    ours, theirs = ({check["check"]: check["numbers"] for check in audit.checks} for audit in (before, after))
    for check, numbers in ours.items():
        for name, value in numbers.items():
            other = theirs.get(check, {}).get(name)
            if _is_number(value) and _is_number(other):
                yield {"number": f"{check}.{name}", **_compared(_as_score(value), _as_score(other))}


def _groups(before: Audit, after: Audit) -> Iterator[dict[str, Any]]:
    """Of audits of models, rows of tables with a name, a value and an interval: metrics by group."""
    if before.about != "model":
        return
    ours, theirs = (dict(_measured(audit)) for audit in (before, after))
    for key, value in ours.items():
        if key in theirs:
            table, name = key
            yield {"table": table, "name": name, **_compared(value, theirs[key])}


def _measured(audit: Audit) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    assert audit.path is not None
    for path in sorted((audit.path / TABLES).glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if {"name", "value", "low", "high"} <= {*row}:
                    numbers = {key: _float(row[key]) for key in ("value", "low", "high")}
                    yield (path.stem, str(row["name"])), numbers


def _float(cell: Any) -> float | None:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None


def _is_number(value: Any) -> bool:
    return (isinstance(value, int | float) and not isinstance(value, bool)) or is_score(value)


def _as_score(value: Any) -> dict[str, Any]:
    if is_score(value):
        return {key: value[key] for key in ("value", "low", "high")}
    return {"value": value, "low": None, "high": None}


def _compared(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Both, and whether their intervals are apart; None where either has none."""
    ends = [one[key] for one in (before, after) for key in ("low", "high")]
    is_known = all(isinstance(end, int | float) for end in ends)
    apart = bool(ends[1] < ends[2] or ends[3] < ends[0]) if is_known else None
    return {"before": before, "after": after, "apart": apart}
