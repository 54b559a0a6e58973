"""The packaged reviews have flaws on purpose: an audit finds them, and nothing grave in the rows without."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from textwright.audit.folder import Audit
from textwright.audit.of_data import data as audit_data
from textwright.audit.reading import read_audited
from textwright.audit.registry import CHECKS
from textwright.audit.settings import AuditSettings

FOLDER = Path(__file__).parents[2] / "src" / "textwright" / "sample"
# What no rule finds: names need a model.
UNSEEN = {"name"}


@cache
def audited(language: str) -> tuple[Audit, dict[str, Any]]:
    flaws = json.loads((FOLDER / f"flaws.{language}.json").read_text(encoding="utf-8"))
    return audit_data(FOLDER / f"reviews.{language}.csv"), flaws


def rows_of(audit: Audit, check: str) -> set[int]:
    """Row numbers as the truth file counts them: the first row below the header is 1."""
    named = [name for name in audit.rows if name.startswith(f"{check}-")]
    return {place["row"] - 1 for name in named for place in audit.rows[name]}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_planted_flaw_is_found(language: str) -> None:
    audit, flaws = audited(language)
    exact, near = rows_of(audit, "exact_twins"), rows_of(audit, "near_twins")
    assert all(max(pair) in exact for pair in flaws["exact_twins"])
    again = near | exact | rows_of(audit, "conflicts")
    assert all(set(pair) & again for pair in flaws["near_twins"])
    assert {row for pair in flaws["contradictions"] for row in pair} <= rows_of(audit, "conflicts")
    personal = {entry["row"] for entry in flaws["personal_data"] if entry["kind"] not in UNSEEN}
    assert rows_of(audit, "personal") == personal
    assert any(
        finding["check"] == "shortcuts" and finding["subject"] == flaws["shortcut"]["phrase"]
        for finding in audit.findings
    )
    # A quick classifier on 600 rows overlooks a few.
    assert len(rows_of(audit, "label_errors") & set(flaws["wrong_labels"])) >= 12


@pytest.mark.parametrize("language", ["en", "zh"])
def test_there_is_nothing_grave_in_the_clean_rows(language: str) -> None:
    _, flaws = audited(language)
    data = read_audited([FOLDER / f"reviews.{language}.csv"], AuditSettings()).data
    pairs = (*flaws["exact_twins"], *flaws["near_twins"], *flaws["contradictions"])
    bad = {row for pair in pairs for row in pair} | set(flaws["wrong_labels"])
    bad |= {*flaws["shortcut"]["rows"], *(entry["row"] for entry in flaws["personal_data"])}
    clean = data.taken([i for i in range(len(data)) if i + 1 not in bad])
    for check in (CHECKS.get(name) for name in CHECKS):
        if check.about == "data":
            assert [f.title for f in check(clean).findings if f.severity != "info"] == [], check.id
