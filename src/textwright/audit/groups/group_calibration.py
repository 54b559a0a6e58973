"""Whether a model that is 80 % sure is right in 80 % of rows: of all rows, and of each group."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from textwright.audit.base import Check, Planted, Targets
from textwright.audit.findings import Evidence, Finding, Fix, Result, too_few
from textwright.audit.groups.answering import Answered, answered
from textwright.audit.groups.membership import BoolArray, members
from textwright.audit.proof.models import drawn_model, with_groups, with_model
from textwright.audit.subject import AuditData
from textwright.core.seeds import generator
from textwright.measure.discoveries import FALSE_DISCOVERIES, discovery_rates
from textwright.measure.group_calibration import Calibration, calibration, drawn_bins
from textwright.measure.groups import LEAST_ROWS

WARN, BEYOND_NOISE = 0.05, 0.03
ALL = "all rows"


def run(data: AuditData) -> Result:
    ours = answered(data)
    if len(ours) < LEAST_ROWS:
        return too_few(f"{len(ours)} labelled rows: it takes {LEAST_ROWS}")
    rng = generator(data.seed, "audit", "calibration")
    groups: dict[str, BoolArray] = {ALL: np.ones(len(ours), np.bool_)}
    if data.has("groups"):
        groups |= {name: rows[ours.rows] for name, rows in members(data).items()}
    found = {
        name: calibration(ours.confidence[rows], ours.right[rows], rng)
        for name, rows in groups.items()
        if rows.sum() >= LEAST_ROWS
    }
    rates = dict(zip(found, discovery_rates([one.p for one in found.values()]).tolist(), strict=True))
    whole = found[ALL]
    names = [name for name in found if rates[name] < FALSE_DISCOVERIES and _is_off(name, found[name], whole)]
    findings = [_finding(name, found[name], rates[name], len(found), ours, groups[name]) for name in names]
    tables = {
        "ece": [
            {"name": name, **_row(one.ece.to_json()), **_rest(one, rates[name])}
            for name, one in found.items()
        ],
        "brier": [
            {"name": name, **_row(one.brier.to_json()), "rows": one.rows} for name, one in found.items()
        ],
        "reliability": [
            {"name": name, **row}
            for name in found
            for row in drawn_bins(ours.confidence[groups[name]], ours.right[groups[name]])
        ],
    }
    return Result.of(findings, {"ece": whole.ece.to_json(), "brier": whole.brier.to_json()}, tables)


def _is_off(name: str, one: Calibration, whole: Calibration) -> bool:
    """A group counts beside the whole only where it is further off: one temperature mends all rows alike."""
    # What noise alone gives is no miscalibration, and in a small group it is more than the limit.
    if one.ece.value <= WARN or one.ece.value - one.noise <= BEYOND_NOISE:
        return False
    return name == ALL or one.ece.value - one.noise > whole.ece.value - whole.noise + BEYOND_NOISE


def _row(score: dict[str, object]) -> dict[str, object]:
    return {key: score[key] for key in ("value", "low", "high")}


def _rest(one: Calibration, q: float) -> dict[str, object]:
    return {"noise": one.noise, "too_sure_by": one.surer, "rows": one.rows, "p": one.p, "q": q}


def _finding(name: str, one: Calibration, q: float, tests: int, ours: Answered, inside: BoolArray) -> Finding:
    evidence = Evidence(
        metric="ece",
        value=one.ece.value,
        n=one.rows,
        low=one.ece.low,
        high=one.ece.high,
        baseline=one.noise,
        effect=one.ece.value - one.noise,
        test="simulation",
        p=one.p,
        q=q,
        tests=tests,
    )
    wrong = np.flatnonzero(inside & ~ours.right)
    return replace(
        _worded(name, one),
        subject=name,
        evidence=evidence,
        rows=ours.rows[wrong[np.argsort(-ours.confidence[wrong], kind="stable")]],
        details={"group": name, "too_sure_by": one.surer, "brier": one.brier.to_json()},
    )


def _worded(name: str, one: Calibration) -> Finding:
    value = f"{100 * one.ece.value:.1f}"
    if name == ALL:
        return Finding(
            "group_calibration",
            "warn",
            f"how sure the model is differs from how often it is right by {value} points (ECE)",
            why="thresholds and shares of answered rows that rest on its probabilities are off",
            fixes=(Fix("reweigh", "fit a temperature on a calibration split"),),
        )
    return Finding(
        "group_calibration",
        "warn",
        f"{name}: how sure the model is differs from how often it is right by {value} points (ECE)",
        why="one threshold means another risk in this group",
        fixes=(Fix("collect", "label more rows of this group for the calibration split"),),
    )


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """All logits times `rate`: the same answers, too sure."""
    grouped = data if data.named("group") else with_groups(data, seed)
    model = drawn_model(grouped, seed).sharpened(rate)
    return Planted(with_model(grouped, model), subjects=frozenset({ALL}))


def null(data: AuditData, seed: int) -> AuditData:
    """Groups drawn at random, and a model that is as sure as it is right."""
    grouped = with_groups(data, seed)
    return with_model(grouped, drawn_model(grouped, seed))


CHECK = Check(
    id="group_calibration",
    family="model",
    says="probabilities that say more or less than how often the model is right, by group too",
    run=run,
    plant=plant,
    null=null,
    about="model",
    tasks=frozenset({"classify"}),
    needs=frozenset({"labels", "model"}),
    rates=(2.0, 3.0),
    targets=Targets(recall=0.95, false_alarms=0.06),
)
