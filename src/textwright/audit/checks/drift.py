"""Labels and lengths that change from the beginning of a file to its end: rows that stand in some order.

Each file is looked at by itself. Labels are tested against twenty parts of the file (G-test), and by how
often a row has the label of the row before (against shuffled orders); lengths by Spearman's rank correlation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from textwright.audit.base import Check, Planted
from textwright.audit.findings import Evidence, Finding, Fix, Result, too_few
from textwright.audit.subject import AuditData
from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.measure.discoveries import FALSE_DISCOVERIES, discovery_rates

MIN_ROWS, BLOCKS, SHUFFLES = 100, 20, 100
LEAST_V, LEAST_NEIGHBOURS, LEAST_RANK = 0.1, 0.05, 0.1
_LEAST_EXPECTED = 5.0


@dataclass(frozen=True)
class _Test:
    subject: str
    metric: str
    effect: float
    floor: float
    p: float
    test: str
    n: int


def run(data: AuditData) -> Result:
    tests: list[_Test] = []
    findings: list[Finding] = []
    for number in range(int(data.file.max()) + 1 if len(data) else 0):
        rows = np.flatnonzero(data.file == number)
        suffix = f" of file {number + 1}" if len(data.files) > 1 else ""
        if len(rows) >= MIN_ROWS:
            more, is_sorted = _of_file(data, rows, suffix)
            tests += more
            if is_sorted:
                findings.append(_sorted(len(rows), f"sorted{suffix}"))
    if not tests and not findings:
        return too_few(f"no file has {MIN_ROWS} rows: an order cannot be told from chance")
    q = discovery_rates([one.p for one in tests])
    named: set[str] = set()
    for one, rate in zip(tests, q.tolist(), strict=True):
        if rate < FALSE_DISCOVERIES and one.effect >= one.floor and one.subject not in named:
            named.add(one.subject)
            findings.append(_finding(one, rate, len(tests)))
    numbers = {f"{one.metric} {one.subject}": one.effect for one in tests}
    table = [{"test": one.test, "of": one.subject, "effect": one.effect, "p": one.p} for one in tests]
    return Result.of(findings, numbers, {"tests": table})


def _of_file(data: AuditData, rows: IntArray, suffix: str) -> tuple[list[_Test], bool]:
    """The tests of one file, and whether it is sorted by label."""
    lengths = np.array([len(data.texts[i]) for i in rows.tolist()])
    found = [_of_lengths(lengths, f"lengths{suffix}")]
    if not data.has("labels"):
        return found, False
    classes = data.label_ids[rows]
    classes = classes[classes >= 0]
    kinds = len(np.unique(classes))
    if kinds < 2 or len(classes) < MIN_ROWS:
        return found, False
    runs = 1 + int(np.count_nonzero(np.diff(classes)))
    if runs == kinds:
        return found, True
    subject = f"labels{suffix}"
    return [_of_blocks(classes, subject), _of_neighbours(classes, subject, data.seed), *found], False


def _of_lengths(lengths: IntArray, subject: str) -> _Test:
    from scipy.stats import spearmanr

    if len(np.unique(lengths)) < 2:
        return _Test(subject, "rank correlation", 0.0, LEAST_RANK, 1.0, "Spearman", len(lengths))
    found = spearmanr(np.arange(len(lengths)), lengths)
    effect, p = abs(float(found.statistic)), float(found.pvalue)
    return _Test(subject, "rank correlation", effect, LEAST_RANK, p, "Spearman", len(lengths))


def _of_blocks(classes: IntArray, subject: str) -> _Test:
    """Labels against parts of the file; labels too rare for every part count as one."""
    from scipy.stats import chi2_contingency

    total = len(classes)
    counts = np.bincount(classes)
    blocks = int(min(BLOCKS, max(2, total // 50)))
    often = counts >= _LEAST_EXPECTED * blocks
    place = np.where(often, np.cumsum(often) - 1, often.sum())[classes]
    table = np.zeros((blocks, int(place.max()) + 1))
    np.add.at(table, (np.arange(total) * blocks // total, place), 1)
    table = table[:, table.sum(axis=0) >= _LEAST_EXPECTED * blocks]
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return _Test(subject, "V", 0.0, LEAST_V, 1.0, "G", total)
    found = chi2_contingency(table, correction=False, lambda_="log-likelihood")
    # What chance alone would give is taken off (Bergsma 2013), so that few rows do not look uneven.
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    excess = max(0.0, float(found.statistic) - freedom) / table.sum()
    return _Test(
        subject, "V", math.sqrt(excess / (min(table.shape) - 1)), LEAST_V, float(found.pvalue), "G", total
    )


def _of_neighbours(classes: IntArray, subject: str, seed: int) -> _Test:
    from scipy.special import ndtr

    def equal(order: IntArray) -> float:
        return float(np.mean(order[1:] == order[:-1]))

    rng = generator(seed, "drift", "neighbours")
    shuffled = np.array([equal(rng.permutation(classes)) for _ in range(SHUFFLES)])
    effect = equal(classes) - float(shuffled.mean())
    p = float(2 * ndtr(-abs(effect) / max(float(shuffled.std()), 1e-12)))
    return _Test(subject, "equal neighbours", abs(effect), LEAST_NEIGHBOURS, p, "permutation", len(classes))


def _finding(one: _Test, q: float, tests: int) -> Finding:
    evidence = Evidence(
        one.metric,
        one.effect,
        one.n,
        baseline=0.0,
        effect=one.effect,
        test=one.test,
        p=one.p,
        q=q,
        tests=tests,
    )
    fixes = (Fix("move", "shuffle the rows before they are cut into parts"),)
    if one.subject.startswith("lengths"):
        return Finding(
            "drift",
            "info",
            "texts get longer or shorter from the beginning of the file to its end",
            subject=one.subject,
            evidence=evidence,
            why="what was collected early differs from what was collected late, so a cut in order is unfair",
            fixes=fixes,
        )
    return Finding(
        "drift",
        "info",
        "labels are not spread evenly over the file: some come early, some late, or they come in rows",
        subject=one.subject,
        evidence=evidence,
        why="what was collected early differs from what was collected late, so a cut in order is unfair",
        fixes=fixes,
    )


def _sorted(rows: int, subject: str) -> Finding:
    return Finding(
        "drift",
        "warn",
        "the file is sorted by label",
        subject=subject,
        evidence=Evidence("sorted", 1.0, rows),
        why="a part that is cut off in order lacks whole labels",
        fixes=(Fix("move", "shuffle the rows before they are cut into parts"),),
    )


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """A share of the rows, drawn at random, stands at the end, sorted by label."""
    order = generator(seed, "drift", "plant").permutation(len(data))
    moved = order[: max(2, round(rate * len(data)))]
    kept = np.sort(order[len(moved) :])
    moved = moved[np.argsort(data.label_ids[moved], kind="stable")]
    return Planted(data.taken(np.concatenate([kept, moved])), subjects=frozenset({"labels"}))


def null(data: AuditData, seed: int) -> AuditData:
    """The rows in an order drawn at random."""
    return data.taken(generator(seed, "drift", "null").permutation(len(data)))


CHECK = Check(
    id="drift",
    family="origin",
    says="labels and lengths that change from the beginning of a file to its end",
    run=run,
    plant=plant,
    null=null,
    tasks=frozenset({"classify"}),
    needs=frozenset({"order"}),
    rates=(0.2, 0.4),
)
