"""The page of two audits side by side, before and after something was mended: `audit diff A B --out DIR`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import PurePath
from typing import Any

from textwright.report.auditcharts import MOST, Figure, compared_dots
from textwright.report.messages import SPOKEN
from textwright.report.page import both, environment
from textwright.report.words import Language, record_key

Record = Mapping[str, Any]
_LEGEND = (("d0", "audit.diff.after"), ("beside", "audit.diff.before"))
_ENDS = ("value", "low", "high")


def render_audit_diff(record: Record, language: Language | None = None) -> str:
    """The whole page of what `audit diff` prints as JSON; it opens in `language`, if given."""
    a, b = record["a"], record["b"]
    name = f"{PurePath(a['path']).name} → {PurePath(b['path']).name}"
    findings = [
        *(_line(one, "gone" if one["checked"] else "unchecked") for one in record["gone"]),
        *(_line(one, "new") for one in record["new"]),
        *(_line(one["after"], one["change"], one["before"]["num_rows"]) for one in record["kept"]),
    ]
    gone, new, kept = (len(record[key]) for key in ("gone", "new", "kept"))
    unchecked = sum(not one["checked"] for one in record["gone"])
    verdicts = [both(record_key(one["verdict"])) for one in (a, b)]
    return (
        environment()
        .get_template("audit_diff.html")
        .render(
            r={"name": name},
            title="audit.diff.page",
            language=language or SPOKEN.get(),
            sections=["audit.findings", "audit.measured"],
            verdict=[
                both("audit.diff.counts", gone=gone - unchecked, new=new, kept=kept, unchecked=unchecked)
            ],
            a=a,
            b=b,
            verdicts=verdicts,
            findings=findings,
            figures=[*_numbers(record["numbers"]), *_groups(record["groups"])],
            numbers=[*_changed(record)],
        )
    )


def _changed(record: Record) -> Iterator[dict[str, Any]]:
    """Numbers that changed; of those by group, of which there are many, the ones that are apart."""
    for one in record["numbers"]:
        if one["before"]["value"] != one["after"]["value"]:
            yield {"name": one["number"], **one}
    for one in record["groups"]:
        if one["apart"]:
            yield {**one, "name": f"{one['table']}, {one['name']}"}


def _line(finding: Record, change: str, before: int | None = None) -> dict[str, Any]:
    return {
        **finding,
        "change": record_key(change),
        "grade": record_key(finding["severity"]),
        "before": before,
    }


def _numbers(numbers: Sequence[Record]) -> list[Figure]:
    """Shares that have an interval both times, those that changed most first."""
    known = [{"name": one["number"], **one} for one in numbers if _is_whole(one) and _is_share(one)]
    return _drawn(known, "audit.diff.numbers", {})


def _groups(groups: Sequence[Record]) -> list[Figure]:
    """A figure for each table of metrics by group."""
    found = []
    for table, rows in groupby(groups, key=lambda one: str(one["table"])):
        known = [one for one in rows if _is_whole(one)]
        found += _drawn(known, "audit.diff.groups", {"name": table})
    return found


def _drawn(known: Sequence[Record], key: str, values: Mapping[str, Any]) -> list[Figure]:
    moved = [one for one in known if one["before"]["value"] != one["after"]["value"]]
    moved.sort(key=lambda one: -abs(one["after"]["value"] - one["before"]["value"]))
    rows = [{"name": one["name"], **one["after"]} for one in moved[:MOST]]
    chart = compared_dots(rows, [one["before"]["value"] for one in moved[:MOST]])
    return [Figure(key, chart, values, _LEGEND)] if chart else []


def _is_whole(one: Record) -> bool:
    return None not in [one[side][end] for side in ("before", "after") for end in _ENDS]


def _is_share(one: Record) -> bool:
    return all(0 <= one[side][end] <= 1 for side in ("before", "after") for end in _ENDS)
