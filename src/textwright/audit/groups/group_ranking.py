"""Groups whose harmless rows get scores as high as what is looked for, hidden behind a good overall AUC."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from textwright.audit.base import Check, Planted, Targets
from textwright.audit.findings import MAX_ROWS, Evidence, Finding, Fix, Result, Severity, too_few
from textwright.audit.groups.answering import Answered, answered
from textwright.audit.groups.membership import BoolArray, as_matrix, members
from textwright.audit.proof.models import drawn_model, group_of, with_groups, with_model
from textwright.audit.subject import AuditData
from textwright.measure.discoveries import FALSE_DISCOVERIES
from textwright.measure.group_ranking import AEGS, RANKINGS, Ranking, Rankings, group_rankings

GOOD, LOW, VERY_LOW = 0.85, 0.80, 0.70


def run(data: AuditData) -> Result:
    ours = answered(data)
    groups = {name: rows[ours.rows] for name, rows in members(data).items()}
    matrix = as_matrix(groups, len(ours))
    found = group_rankings(ours.scores, ours.is_positive, matrix, [*groups], seed=data.seed)
    if not found.tests:
        return too_few("no group has 30 rows with the label and 30 without it, in it and beside it")
    worst = [one for one in found.rankings if _is_found(one, found)]
    worst.sort(key=lambda one: one.value.value if one.value else 1.0)
    findings = [_finding(one, found, ours, groups[one.group]) for one in worst]
    tables = {
        name: [one.to_json() for one in found.rankings if one.metric == name and one.value]
        for name in (*RANKINGS, *AEGS)
    }
    numbers = {"auc": found.overall.to_json(), "positive": ours.label, "tests": found.tests}
    return Result.of(findings, numbers, tables)


def _is_found(one: Ranking, all_of: Rankings) -> bool:
    """Below .80 and below the whole, where the other rows are ranked well, as all of them may be no more for
    what this group does to them; of no use where nothing is ranked well.
    """
    if one.value is None or one.q is None:
        return False
    others = all_of.overall.value if one.elsewhere is None else one.elsewhere
    if others <= GOOD:
        return False
    return one.value.value < LOW and one.q < FALSE_DISCOVERIES


def _finding(one: Ranking, all_of: Rankings, ours: Answered, inside: BoolArray) -> Finding:
    assert one.value
    evidence = Evidence(
        metric=f"auc.{one.metric}",
        value=one.value.value,
        n=one.rows,
        low=one.value.low,
        high=one.value.high,
        baseline=all_of.overall.value,
        effect=one.value.value - all_of.overall.value,
        test="normal, by bootstrap",
        p=one.p,
        q=one.q,
        tests=all_of.tests,
    )
    is_miss = one.metric == "bnsp"
    rows = np.flatnonzero(inside & (ours.is_positive == is_miss))
    worst = np.argsort(ours.scores[rows] * (1 if is_miss else -1), kind="stable")[:MAX_ROWS]
    return replace(
        _worded(one.group, one.metric, one.value.value, all_of.overall.value, ours.label),
        subject=f"{one.group}: {one.metric}",
        evidence=evidence,
        rows=ours.rows[rows[worst]],
        fixes=(Fix("augment", "train on copies of rows with the terms of groups swapped"),),
        details={"group": one.group, "metric": one.metric, "label": ours.label},
    )


def _worded(group: str, metric: str, value: float, whole: float, label: str) -> Finding:
    severity: Severity = "high" if value < VERY_LOW else "warn"
    if metric == "bpsn":
        return Finding(
            "group_ranking",
            severity,
            f"{group}: harmless rows against {label!r} rows elsewhere: AUC {value:.2f}, "
            f"of all rows {whole:.2f}",
            why="a threshold that suits other rows raises false alarms in this group",
        )
    if metric == "bnsp":
        return Finding(
            "group_ranking",
            severity,
            f"{group}: {label!r} rows against harmless rows elsewhere: AUC {value:.2f}, "
            f"of all rows {whole:.2f}",
            why="a threshold that suits other rows misses much in this group",
        )
    return Finding(
        "group_ranking",
        severity,
        f"{group}: {label!r} rows against others of the group: AUC {value:.2f}, of all rows {whole:.2f}",
        why="no threshold serves this group as well as others",
    )


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """Negative rows of a group of a sixth get log-odds higher by ten times `rate`, all others as before."""
    grouped = data if "team" in data.named("group") else with_groups(data, seed, "abcdef")
    model = drawn_model(grouped, seed, 0.9)
    label = answered(with_model(grouped, model)).positive
    harmless = group_of(grouped, "a") & (grouped.label_ids != label)
    leaning = model.leaning(label, 10 * rate * harmless)
    return Planted(with_model(grouped, leaning), subjects=frozenset({"team=a: bpsn"}))


def null(data: AuditData, seed: int) -> AuditData:
    """Groups drawn at random, and a model that ranks rows as well in each."""
    grouped = with_groups(data, seed, "abcdef")
    return with_model(grouped, drawn_model(grouped, seed, 0.9))


CHECK = Check(
    id="group_ranking",
    family="model",
    says="groups whose harmless rows score as high as what is looked for, or the other way round",
    run=run,
    plant=plant,
    null=null,
    about="model",
    tasks=frozenset({"classify"}),
    needs=frozenset({"labels", "groups", "model"}),
    rates=(0.5, 0.6),
    targets=Targets(recall=0.95, false_alarms=0.06),
)
