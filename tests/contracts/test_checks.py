"""Every check of an audit finds the fault that it plants, and nothing where there is none.

The self-test measures this at length; here each check runs once a language on few rows.
"""

from __future__ import annotations

import numpy as np
import pytest

from textwright.audit.base import LABELLED, PAIRED, Check, Planted
from textwright.audit.proof.made import made, made_pairs
from textwright.audit.registry import CHECKS
from textwright.audit.subject import AuditData

ROWS = 600
OF_DATA = [name for name in CHECKS if CHECKS.get(name).about == "data"]


def clean(check: Check, language: str, seed: int = 0) -> AuditData:
    """Rows without faults that the check is for."""
    if not check.tasks & LABELLED and check.tasks & PAIRED:
        return made_pairs(rows=ROWS, seed=seed)
    return made(language, rows=ROWS, seed=seed)  # type: ignore[arg-type]


def languages(check: Check) -> list[str]:
    return [name for name in ("en", "zh") if not check.languages or name in check.languages]


@pytest.mark.parametrize("name", OF_DATA)
def test_a_planted_fault_is_found_in_both_languages(name: str) -> None:
    check = CHECKS.get(name)
    for language in languages(check):
        planted = check.plant(check.null(clean(check, language), 0), check.rates[1], 1)
        result = check(planted.data)
        assert result.status == "found", (language, result)
        assert recall(result.flagged, result.subjects, planted) >= 0.9, language


@pytest.mark.parametrize("name", OF_DATA)
def test_there_is_nothing_where_nothing_was_planted(name: str) -> None:
    check = CHECKS.get(name)
    for language in languages(check):
        result = check(check.null(clean(check, language, seed=5), 5))
        assert result.status in ("clean", "not applicable"), (language, result.findings)


@pytest.mark.parametrize("name", list(CHECKS))
def test_an_entry_is_whole(name: str) -> None:
    check = CHECKS.get(name)
    assert check.id == name
    assert check.says[0].islower() and not check.says.endswith(".")
    assert 0 < check.rates[0] <= check.rates[1]


def recall(flagged: np.ndarray, subjects: frozenset[str], planted: Planted) -> float:
    if planted.subjects:
        return len(planted.subjects & subjects) / len(planted.subjects)
    return float(np.isin(planted.rows, flagged).mean())
