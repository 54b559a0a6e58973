"""Every check of an audit finds the fault that it plants, and nothing where there is none.

The self-test measures this at length; here each check runs once a language on few rows.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

from textwright.audit.base import Check, Planted
from textwright.audit.findings import Result
from textwright.audit.folder import make_audit
from textwright.audit.proof.made import clean_for, languages_of
from textwright.audit.registry import CHECKS
from textwright.audit.running import Ran
from textwright.audit.settings import AuditSettings
from textwright.report.auditcharts import CHARTS
from textwright.report.audited import render_audit

ROWS = 600


@pytest.mark.parametrize("name", list(CHECKS))
def test_a_planted_fault_is_found_and_drawn_in_both_languages(name: str) -> None:
    check = CHECKS.get(name)
    for language in languages_of(check):
        planted = check.plant(check.null(clean_for(check, language, rows=ROWS), 0), check.rates[1], 1)
        result = check(planted.data)
        assert result.status == "found", (language, result)
        least = 0.9 if check.targets.recall is None else check.targets.recall
        assert recall(result.flagged, result.subjects, planted) >= least, language
        page = drawn(check, result, planted)
        assert 'role="img"' in page or name not in CHARTS
        assert not re.search(r">(nan|inf|None)<|[\"' ](nan|inf)[\"' ]", page)


@pytest.mark.parametrize("name", list(CHECKS))
def test_there_is_nothing_where_nothing_was_planted(name: str) -> None:
    check = CHECKS.get(name)
    for language in languages_of(check):
        result = check(check.null(clean_for(check, language, rows=ROWS, seed=5), 5))
        assert result.status in ("clean", "not applicable"), (language, result.findings)


@pytest.mark.parametrize("name", list(CHECKS))
def test_an_entry_is_whole(name: str) -> None:
    check = CHECKS.get(name)
    assert check.id == name
    assert check.says[0].islower() and not check.says.endswith(".")
    assert 0 < check.rates[0] <= check.rates[1]


def drawn(check: Check, result: Result, planted: Planted) -> str:
    """The page of an audit by this check alone."""
    ran = Ran(check, result, 0.1)
    found = make_audit("data", planted.data, [ran], AuditSettings(), {})
    return render_audit(found.record, found.findings, found.tables)


def recall(flagged: np.ndarray, subjects: frozenset[str], planted: Planted) -> float:
    if planted.subjects:
        return len(planted.subjects & subjects) / len(planted.subjects)
    return float(np.isin(planted.rows, flagged).mean())
