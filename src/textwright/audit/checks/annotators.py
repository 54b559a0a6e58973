"""How far single annotators agree: Krippendorff's alpha for names, and each with the majority of the others.

Shapes: U rows that two or more annotators labelled, C labels, A annotators.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from textwright.audit.base import LABELLED, Check, Planted
from textwright.audit.findings import Evidence, Finding, Fix, Result, too_few
from textwright.audit.subject import AuditData, FloatArray
from textwright.core.ragged import IntArray
from textwright.core.records import Score
from textwright.core.seeds import generator
from textwright.measure.bootstrap import make_score, resampled_cells, rows_score
from textwright.measure.discoveries import FALSE_DISCOVERIES, discovery_rates, shares_apart, shares_p

TENTATIVE = 0.667  # below it no conclusions should be drawn (Krippendorff 2004)
MIN_ROWS, GAP, REPLICATES = 30, 0.1, 1_000
_NAMES = ("ann_a", "ann_b", "ann_c")


def run(data: AuditData) -> Result:
    columns = data.named("annotator")
    codes, num = _codes(columns)
    counts = np.stack([(codes == c).sum(axis=1) for c in range(num)], axis=1) if num else codes[:, :0]
    both = np.flatnonzero(counts.sum(axis=1) >= 2)
    if len(both) < MIN_ROWS:
        return too_few(f"{len(both):,} rows have labels of two annotators: it takes {MIN_ROWS}")
    alpha = alpha_score(counts[both], data.seed)
    split = both[counts[both].max(axis=1) < counts[both].sum(axis=1)]
    findings = []
    if alpha.value < TENTATIVE and alpha.high < 0.8:
        findings.append(_low(alpha, split))
    people = _with_majority(codes[both], counts[both], [*columns])
    findings += _apart(people)
    numbers = {"rows": len(both), "alpha": alpha.to_json(), "rows_without_agreement": len(split)}
    table = [
        {
            "name": name,
            "value": hits / n,
            "low": rows_score(hits, n).low,
            "high": rows_score(hits, n).high,
            "rows": n,
        }
        for name, (hits, n) in people.items()
    ]
    return Result.of(findings, numbers, {"annotators": table})


def _codes(columns: dict[str, list[str]]) -> tuple[IntArray, int]:
    """Labels as numbers (N, A), -1 where a cell is empty, and how many labels there are."""
    place: dict[str, int] = {}
    cells = [
        [place.setdefault(cell.strip(), len(place)) if cell.strip() else -1 for cell in column]
        for column in columns.values()
    ]
    return np.array(cells, np.int64).T, len(place)


def alpha_score(counts: IntArray, seed: int = 0) -> Score:
    """Krippendorff's alpha of names from how many annotators gave each label, (U, C), with an interval.

    Rows are drawn again as wholes (bootstrap). Where all give one and the same label it does not exist (NaN).

    >>> print(alpha_score(np.array([[2, 0], [0, 2], [2, 0], [1, 1]])))
    0.5333 [-0.4000, 1.0000]
    """
    kinds, times = np.unique(counts, axis=0, return_counts=True)
    given = kinds.sum(axis=1)
    apart = (given**2 - (kinds**2).sum(axis=1)) / np.maximum(given - 1, 1)

    def alphas(weights: IntArray) -> FloatArray:
        totals = weights @ kinds
        everything = totals.sum(axis=1)
        expected = everything**2 - (totals**2).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            found: FloatArray = 1 - (everything - 1) * (weights @ apart) / expected
        return found

    rng = generator(seed, "annotators", "alpha")
    drawn = np.concatenate([alphas(chunk) for chunk in resampled_cells(times, REPLICATES, rng)])
    return make_score(float(alphas(times[None])[0]), drawn, int(times.sum()))


def _with_majority(codes: IntArray, counts: IntArray, names: list[str]) -> dict[str, tuple[int, int]]:
    """How often each annotator agrees with the label that most of the others gave, and in how many rows."""
    found = {}
    for a, name in enumerate(names):
        rows = np.flatnonzero(codes[:, a] >= 0)
        others = counts[rows].copy()
        others[np.arange(len(rows)), codes[rows, a]] -= 1
        ordered = np.sort(others, axis=1)
        second = ordered[:, -2] if others.shape[1] > 1 else np.zeros(len(rows), np.int64)
        clear = ordered[:, -1] > second
        hits = int(np.count_nonzero(others[clear].argmax(axis=1) == codes[rows[clear], a]))
        if clear.sum() >= MIN_ROWS:
            found[name] = (hits, int(clear.sum()))
    return found


def _apart(people: dict[str, tuple[int, int]]) -> list[Finding]:
    """Annotators who agree with the others clearly less than the others do."""
    names = [*people]
    if len(names) < 3:
        return []
    p, gaps = [], []
    for name in names:
        hits, n = people[name]
        others, rest = (sum(people[other][k] for other in names if other != name) for k in (0, 1))
        p.append(shares_p(hits, n, others, rest)[0])
        gaps.append(shares_apart(others, rest, hits, n))
    findings = []
    for name, one, q, gap in zip(names, p, discovery_rates(p).tolist(), gaps, strict=True):
        if q < FALSE_DISCOVERIES and gap.value >= GAP:
            hits, n = people[name]
            share = rows_score(hits, n)
            findings.append(
                Finding(
                    "annotators",
                    "warn",
                    f"{name} agrees with the other annotators in {share.value:.0%} of the rows, "
                    f"{gap.value:.0%} less than they do",
                    subject=name,
                    evidence=Evidence(
                        "agreement",
                        share.value,
                        n,
                        share.low,
                        share.high,
                        effect=-gap.value,
                        p=one,
                        q=q,
                        tests=len(names),
                    ),
                    why="labels of an annotator who understood the task otherwise are noise",
                    limits="the one who differs may be right: read some of these rows together",
                    fixes=(Fix("relabel", "look at the rows of this annotator again"),),
                )
            )
    return findings


def _low(alpha: Score, rows: IntArray) -> Finding:
    return Finding(
        "annotators",
        "warn",
        f"annotators hardly agree: Krippendorff's alpha is {alpha.value:.2f}",
        subject="alpha",
        evidence=Evidence("alpha", alpha.value, alpha.n, alpha.low, alpha.high, baseline=TENTATIVE),
        rows=rows,
        why="no model can be better than the agreement of those who made its labels",
        limits="where people differ for good reasons, keep their labels side by side",
        fixes=(Fix("relabel", "write the guideline anew where they differ, and label these rows again"),),
    )


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """One annotator gives any label to a share of the rows."""
    rng = generator(seed, "annotators", "plant")
    name = _NAMES[int(rng.integers(len(_NAMES)))]
    cells = [*data.columns[f"annotator {name}"]]
    for row in rng.permutation(len(data))[: round(rate * len(data))].tolist():
        others = [label for label in data.label_names if label != cells[row]]
        cells[row] = others[int(rng.integers(len(others)))]
    return Planted(
        replace(data, columns={**data.columns, f"annotator {name}": cells}), subjects=frozenset({name})
    )


def null(data: AuditData, seed: int) -> AuditData:
    """Three annotators, each wrong in one row of twenty."""
    rng = generator(seed, "annotators", "null")
    columns = {name: cells for name, cells in data.columns.items() if not name.startswith("annotator ")}
    for name in _NAMES:
        is_wrong = rng.random(len(data)) < 0.05
        names = data.label_names
        columns[f"annotator {name}"] = [
            names[int(rng.integers(len(names)))] if wrong else (own[0] if own else "")
            for wrong, own in zip(is_wrong.tolist(), data.labels, strict=True)
        ]
    return replace(data, columns=columns)


CHECK = Check(
    id="annotators",
    family="labels",
    says="annotators who hardly agree, and one who differs from the others",
    run=run,
    plant=plant,
    null=null,
    tasks=LABELLED,
    needs=frozenset({"annotators"}),
    rates=(0.2, 0.4),
)
