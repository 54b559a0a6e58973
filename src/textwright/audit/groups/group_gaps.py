"""Groups of people for whom a model is right less often, misses more, or raises more false alarms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from textwright.audit.base import Check, Planted, Targets
from textwright.audit.findings import Evidence, Finding, Fix, Result, Severity, too_few
from textwright.audit.groups.answering import Answered, answered
from textwright.audit.groups.membership import BoolArray, as_matrix, members
from textwright.audit.proof.models import RIGHT, drawn_model, group_of, with_groups, with_model
from textwright.audit.subject import AuditData
from textwright.core.ragged import IntArray
from textwright.measure.discoveries import FALSE_DISCOVERIES
from textwright.measure.groups import LEAST_ROWS, METRICS, Gap, Gaps, error_spreads, group_gaps

HIGH, WARN = 0.10, 0.05
TESTED = ("accuracy", "tpr", "fpr")
# Which way a group is worse off.
_WORSE = {"accuracy": -1, "tpr": -1, "fpr": 1}


def run(data: AuditData) -> Result:
    ours = answered(data)
    groups = {name: rows[ours.rows] for name, rows in members(data).items()}
    if not groups:
        return too_few("no row is of any group")
    matrix, names = as_matrix(groups, len(ours)), [*groups]
    sides = ours.is_positive, ours.is_called
    gaps = group_gaps(*sides, matrix, names, TESTED, right=ours.right, seed=data.seed)
    if not gaps.tests:
        most = min((gap.rows_missing for gap in gaps.gaps), default=0)
        return too_few(
            f"no group has {LEAST_ROWS} labelled rows; {most:,} more of one show a gap of 10 points"
        )
    findings = [
        _finding(gap, gaps, ours, groups[gap.group])
        for gap in sorted(gaps.gaps, key=_badness, reverse=True)
        if _is_found(gap)
    ]
    others = group_gaps(*sides, matrix, names, ("selection", "precision"), seed=data.seed)
    numbers = {
        "rows": len(ours),
        "positive": ours.label,
        "tests": gaps.tests,
        "too_few": [
            {"group": g.group, "metric": g.metric, "rows_missing": g.rows_missing}
            for g in gaps.gaps
            if g.rows_missing
        ],
        "differences": _differences(gaps, others),
        **{name: score.to_json() for name, score in error_spreads(*sides, matrix, seed=data.seed).items()},
    }
    return Result.of(findings, numbers, _tables([*gaps.gaps, *others.gaps]))


def _tables(gaps: list[Gap]) -> dict[str, list[dict[str, Any]]]:
    """One of each metric, the largest gap first: they have no scale in common."""
    known = sorted((gap for gap in gaps if gap.gap), key=lambda gap: -abs(gap.gap.value) if gap.gap else 0.0)
    return {name: [gap.to_json() for gap in known if gap.metric == name] for name in METRICS}


def _differences(gaps: Gaps, others: Gaps) -> dict[str, Any]:
    """The largest gap of each kind, under the name that the field has for it."""
    named = {
        "demographic_parity": others.largest("selection"),
        "equal_opportunity": gaps.largest("tpr"),
        "equalized_odds_fpr": gaps.largest("fpr"),
        "accuracy": gaps.largest("accuracy"),
    }
    return {
        name: {"group": gap.group, "q": gap.q, **gap.gap.to_json()}
        for name, gap in named.items()
        if gap is not None and gap.gap is not None
    }


def _badness(gap: Gap) -> float:
    """How much worse off the group is; below 0 where it is better off."""
    return _WORSE[gap.metric] * gap.gap.value if gap.gap else -1.0


def _is_found(gap: Gap) -> bool:
    """A group that is better off is not reported: who is worse off then is."""
    return gap.q is not None and gap.q < FALSE_DISCOVERIES and _badness(gap) >= WARN


def _finding(gap: Gap, gaps: Gaps, ours: Answered, inside: BoolArray) -> Finding:
    assert gap.value and gap.rest and gap.gap
    severity: Severity = "high" if _badness(gap) >= HIGH else "warn"
    evidence = Evidence(
        metric=gap.metric,
        value=gap.value.value,
        n=gap.rows,
        low=gap.value.low,
        high=gap.value.high,
        baseline=gap.rest.value,
        effect=gap.gap.value,
        effect_low=gap.gap.low,
        effect_high=gap.gap.high,
        test=gap.test,
        p=gap.p,
        q=gap.q,
        tests=gaps.tests,
    )
    worded = _worded(gap, severity, ours)
    return replace(
        worded,
        subject=f"{gap.group}: {gap.metric}",
        evidence=evidence,
        rows=_errors(gap.metric, ours, inside),
        fixes=(
            Fix("collect", "label more rows of this group, of both kinds, and train again"),
            Fix("augment", "train on copies of rows with the terms of groups swapped"),
        ),
        details={"group": gap.group, "metric": gap.metric, "interval": "of the gap", "label": ours.label},
    )


def _worded(gap: Gap, severity: Severity, ours: Answered) -> Finding:
    assert gap.value and gap.rest
    group, label = gap.group, ours.label
    value, rest = 100 * gap.value.value, 100 * gap.rest.value
    if gap.metric == "accuracy":
        return Finding(
            "group_gaps",
            severity,
            f"{group}: {value:.1f} % of the answers are right, elsewhere {rest:.1f} %",
            why="the model serves this group worse than others",
            limits="rows of a group may be harder to answer: see whether people agree on them",
        )
    if gap.metric == "tpr":
        return Finding(
            "group_gaps",
            severity,
            f"{group}: {value:.1f} % of the rows that are {label!r} are found, elsewhere {rest:.1f} %",
            why="what concerns this group is missed more often than elsewhere",
            limits="rows of a group may be harder to answer: see whether people agree on them",
        )
    return Finding(
        "group_gaps",
        severity,
        f"{group}: {value:.1f} % of the rows that are not {label!r} are taken for it, elsewhere {rest:.1f} %",
        why="harmless texts of this group raise more false alarms than others",
        limits="labels of a group may be biased themselves: then the model only repeats them",
    )


def _errors(metric: str, ours: Answered, inside: BoolArray) -> IntArray:
    """Rows that make the gap, those that the model was surest of first."""
    wrong = {
        "accuracy": ~ours.right,
        "tpr": ours.is_positive & ~ours.is_called,
        "fpr": ~ours.is_positive & ours.is_called,
    }[metric]
    found = np.flatnonzero(wrong & inside)
    return ours.rows[found[np.argsort(-ours.confidence[found], kind="stable")]]


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """The model is right less often in one of three groups, by `rate`."""
    grouped = data if "team" in data.named("group") else with_groups(data, seed)
    worse = group_of(grouped, "a")
    model = drawn_model(grouped, seed, np.where(worse, RIGHT - rate, RIGHT))
    return Planted(with_model(grouped, model), subjects=frozenset({"team=a: accuracy"}))


def null(data: AuditData, seed: int) -> AuditData:
    """Groups drawn at random, and a model that is right as often in each."""
    grouped = with_groups(data, seed)
    return with_model(grouped, drawn_model(grouped, seed))


CHECK = Check(
    id="group_gaps",
    family="model",
    says="groups for whom the model is right less often, misses more or raises more false alarms",
    run=run,
    plant=plant,
    null=null,
    about="model",
    tasks=frozenset({"classify"}),
    needs=frozenset({"labels", "groups", "model"}),
    rates=(0.15, 0.25),
    targets=Targets(recall=0.95, false_alarms=0.06),
)
