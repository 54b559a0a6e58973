"""The page of an audit, from its records: the verdict, every finding with its evidence, every check.

No text of a person's data is on it but the redacted previews that the checks made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from markupsafe import Markup

from textwright.core.plainyaml import load_yaml
from textwright.report.auditcharts import Figure, audit_figures
from textwright.report.messages import SPOKEN
from textwright.report.page import both, environment
from textwright.report.words import Language, record_key

Record = Mapping[str, Any]
GRADES = ("block", "high", "warn", "info")
_MOST_LISTED, _MOST_SHOWN, _MOST_OPEN = 40, 60, 5
# What findings of a check have in common, and is said once.
_COMMON = ("why", "limits", "selftest")


def render_audit(
    record: Record,
    findings: Sequence[Record],
    tables: Mapping[str, Sequence[Record]],
    language: Language | None = None,
) -> str:
    """The whole page; `language` is the one that it opens in, if not that of the command line."""
    ordered = sorted(findings, key=lambda finding: GRADES.index(finding["severity"]))
    checks = [{**check, "is": record_key(check["status"])} for check in record["checks"]]
    says = {check["check"]: check["says"] for check in checks}
    numbers = {check["check"]: check.get("numbers", {}) for check in checks}
    own = {name: _tables_of(name, tables) for name in says}
    found = list(dict.fromkeys(finding["check"] for finding in ordered))
    return (
        environment()
        .get_template("audit.html")
        .render(
            r={"name": _name(record), "record": record},
            title="audit.page",
            language=language or SPOKEN.get(),
            sections=["audit.findings", "audit.checks", "audit.measured", "audit.rules", "audit.method"],
            verdict=list(_verdict(checks, ordered)),
            found=[
                _block(name, says[name], ordered, audit_figures(name, own[name], numbers[name]))
                for name in found
            ],
            checks=checks,
            measured=[
                {
                    "check": name,
                    "says": says[name],
                    "figures": [] if name in found else audit_figures(name, rows, numbers[name]),
                    "tables": [_table(f"{name}.{table}", lines) for table, lines in rows.items()],
                }
                for name, rows in own.items()
                if rows
            ],
            rules=rules({check["check"]: check["is"] for check in checks}),
        )
    )


def _name(record: Record) -> str:
    return str(record.get("model") or ", ".join(file["name"] for file in record["files"]))


def _verdict(checks: Sequence[Record], findings: Sequence[Record]) -> Iterator[Markup]:
    """A sentence each: how grave, how many checks had an answer, what a clean page does not say."""
    counts = Counter(finding["severity"] for finding in findings)
    if counts:
        yield both("audit.grave", "", **{grade: counts[grade] for grade in GRADES})
    else:
        yield both("audit.clean")
    status = Counter(check["status"] for check in checks)
    answered = status["found"] + status["clean"]
    yield both(
        "audit.answered",
        answered=answered,
        all=len(checks),
        few=status["too few rows"],
        none=status["not applicable"],
    )
    yield both("audit.caution")


def _rows(finding: Record) -> str:
    """The first row numbers of a finding, as they stand in the file."""
    places = [
        f"{place['file'] + 1}: {place['row']:,}" if "file" in place else f"{place['row']:,}"
        for place in finding["rows"][:_MOST_LISTED]
    ]
    more = finding["num_rows"] - len(places)
    return ", ".join(places) + (f" (+{more:,})" if more > 0 else "")


def _tables_of(check: str, tables: Mapping[str, Sequence[Record]]) -> dict[str, Sequence[Record]]:
    return {name.partition(".")[2]: rows for name, rows in tables.items() if name.partition(".")[0] == check}


def _block(check: str, says: str, ordered: Sequence[Record], figures: Sequence[Figure]) -> dict[str, Any]:
    """The findings of one check, what they have in common, and its figures; many are folded away."""
    own = [f for f in ordered if f["check"] == check]
    common = {key: _usual([f[key] for f in own]) for key in _COMMON}
    shown = [
        {
            **f,
            **{key: "" for key, usual in common.items() if f[key] == usual},
            "shown": _rows(f),
            "grade": record_key(f["severity"]),
        }
        for f in own
    ]
    return {
        "check": check,
        "says": says,
        **common,
        "figures": figures,
        "open": shown[:_MOST_OPEN],
        "folded": shown[_MOST_OPEN:],
    }


def _usual(values: Sequence[Any]) -> Any:
    return max(values, key=values.count)


def _table(name: str, rows: Sequence[Record]) -> dict[str, Any]:
    """A table with its head."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return {
        "name": name,
        "columns": columns,
        "rows": [[_cell(row.get(column)) for column in columns] for row in rows[:_MOST_SHOWN]],
        "more": max(len(rows) - _MOST_SHOWN, 0),
    }


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value or "")


@cache
def _rules() -> dict[str, dict[str, str]]:
    path = resources.files("textwright").joinpath("report", "words", "rules.yaml")
    found: dict[str, dict[str, str]] = load_yaml(path.read_text(encoding="utf-8"))
    return found


def rules(answers: Mapping[str, str]) -> list[dict[str, Any]]:
    """Laws and standards, what they ask for, and which checks of this audit are evidence for it.

    >>> rules({"near_twins": "audit.is.clean"})[0]["checks"]
    [('near_twins', 'audit.is.clean')]
    """
    return [
        {
            "rule": Markup('<span class="en" lang="en">{}</span><span class="zh" lang="zh">{}</span>').format(
                rule["en"], rule["zh"]
            ),
            "checks": [(name, answers[name]) for name in rule["checks"].split() if name in answers],
        }
        for rule in _rules().values()
    ]
