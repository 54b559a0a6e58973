"""How differently a classifier does by groups of people: gaps with intervals, and the tests behind them.

The gap of a group is its metric minus that of all other rows, not the largest minus the smallest: the latter
grows with the number of groups although nothing is unfair. Intervals come from one multinomial bootstrap of
the table groups x (tp, fp, tn, fn), so that a million rows cost what a thousand cost.

Names of metrics: accuracy; selection (share answered positive; its gap is the demographic parity
difference); tpr (its gap is the equal opportunity difference); fpr (with tpr: equalized odds); precision.
Hardt, Price & Srebro 2016 (arXiv:1610.02413); Dixon et al. 2018 for FPED and FNED.

Shapes: N rows, G groups, R replicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from textwright.core.records import Score
from textwright.core.seeds import generator
from textwright.measure.base import BoolArray, FloatArray, IntArray
from textwright.measure.bootstrap import GroupedSums, make_score, ratio, resampled_cells, wilson
from textwright.measure.discoveries import discovery_rates, rows_needed, shares_apart, shares_p

# Cells of the table: outcomes tp, fp, tn, fn, of each first the rows whose answer is wrong, then those right.
# That is one and the same thing for two labels; of more, a row of neither label may be a wrong "no".
_TP, _FP, _TN, _FN = (0, 1), (2, 3), (4, 5), (6, 7)
_CELLS = 8
# Of each metric: cells that are hits, and those that are counted at all.
_OF: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "accuracy": ((1, 3, 5, 7), tuple(range(_CELLS))),
    "selection": ((*_TP, *_FP), tuple(range(_CELLS))),
    "tpr": (_TP, (*_TP, *_FN)),
    "fpr": (_FP, (*_FP, *_TN)),
    "precision": (_TP, (*_TP, *_FP)),
}
METRICS = tuple(_OF)
LEAST_ROWS = 30
REPLICATES = 2_000
_REPLICATES_OF_SPREADS = 1_000
WORTH_SEEING = 0.10  # the gap that `rows_missing` wants to see


@dataclass(frozen=True)
class Gap:
    """One metric of one group, of all other rows, and the difference.

    `value`, `rest` and `gap` are None where `rows_missing` is above 0: fewer than 30 of the rows that the
    metric counts are in the group, or outside it. Then so many more rows are needed to see a gap of 10 points
    with 80 % power.
    """

    group: str
    metric: str
    rows: int
    rest_rows: int
    value: Score | None = None
    rest: Score | None = None
    gap: Score | None = None
    p: float | None = None
    q: float | None = None
    test: str | None = None
    rows_missing: int = 0

    def to_json(self) -> dict[str, Any]:
        """One flat row of a table."""
        scores: dict[str, Any] = {}
        if self.gap and self.value and self.rest:
            scores = {
                "value": self.value.value,
                "low": self.value.low,
                "high": self.value.high,
                "rest": self.rest.value,
                "gap": self.gap.value,
                "gap_low": self.gap.low,
                "gap_high": self.gap.high,
            }
        return {
            "name": self.group,
            "metric": self.metric,
            "rows": self.rows,
            "rest_rows": self.rest_rows,
            **scores,
            "p": self.p,
            "q": self.q,
            "test": self.test,
            "rows_missing": self.rows_missing,
        }


@dataclass(frozen=True)
class Gaps:
    """All gaps, and how many of them were tested together."""

    gaps: list[Gap]
    tests: int

    def largest(self, metric: str) -> Gap | None:
        """The gap of this metric that is furthest from 0."""
        known = [gap for gap in self.gaps if gap.metric == metric and gap.gap is not None]
        return max(known, key=lambda gap: abs(gap.gap.value) if gap.gap else 0.0, default=None)


def group_gaps(
    truth: BoolArray,
    answered: BoolArray,
    members: BoolArray,
    names: Sequence[str],
    metrics: Sequence[str] = METRICS,
    *,
    right: BoolArray | None = None,
    seed: int = 0,
) -> Gaps:
    """Gaps of all groups: from whether rows (N,) are positive, are answered so, and who is in a group (N, G).

    Groups may overlap. q-values are over all groups and metrics with enough rows. `right` (N,) is for more
    than two labels, where one against the rest does not say which answers are right.

    >>> truth = np.array([True, False] * 200)
    >>> wrong = np.arange(400) < 60
    >>> found = group_gaps(truth, truth ^ wrong, (np.arange(400) < 100)[:, None], ["a"], ["accuracy"])
    >>> round(found.gaps[0].gap.value, 2), found.gaps[0].test
    (-0.6, 'G')
    """
    right = truth == answered if right is None else right
    cells = np.where(answered, np.where(truth, 0, 2), np.where(truth, 6, 4)) + right
    whole = np.bincount(cells, minlength=_CELLS)
    rng = generator(seed, "measure", "groups")
    found = []
    for g, name in enumerate(names):
        inside = np.bincount(cells[members[:, g]], minlength=_CELLS)
        table = np.concatenate([inside, whole - inside])
        drawn = np.concatenate(list(resampled_cells(table, REPLICATES, rng)))
        for metric in metrics:
            counts = (*_counts(table[:_CELLS], metric), *_counts(table[_CELLS:], metric))
            found.append(
                _gap(
                    name,
                    metric,
                    counts,
                    (_rates(drawn[:, :_CELLS], metric), _rates(drawn[:, _CELLS:], metric)),
                )
            )
    known = [gap for gap in found if gap.p is not None]
    rates = iter(discovery_rates([gap.p for gap in known if gap.p is not None]).tolist())
    return Gaps([gap if gap.p is None else replace(gap, q=next(rates)) for gap in found], len(known))


def error_spreads(
    truth: BoolArray, answered: BoolArray, members: BoolArray, *, seed: int = 0
) -> dict[str, Score]:
    """`fped` and `fned`: the mean over groups of |rate of the group - rate of all rows|, of false positives
    and of false negatives (Dixon et al. 2018, as means); of groups with at least 30 rows that count.

    >>> truth = np.arange(200) % 2 > 0
    >>> group = np.arange(200) < 100
    >>> round(error_spreads(truth, truth | group, np.column_stack([group, ~group]))["fped"].value, 3)
    0.5
    """
    found = {}
    for name, counted in (("fped", ~truth), ("fned", truth)):
        inside = members & counted[:, None]
        inside = inside[:, inside.sum(axis=0) >= LEAST_ROWS]
        if not inside.shape[1]:
            continue
        sums = GroupedSums(2 + 2 * inside.shape[1])
        wrong = (answered != truth)[:, None]
        sums.add(np.column_stack([counted, counted & wrong[:, 0], inside, inside & wrong]).astype(np.float64))
        drawn = sums.resampled(_REPLICATES_OF_SPREADS, generator(seed, "measure", name))
        replicates = _mean_apart(drawn)
        found[name] = make_score(float(_mean_apart(sums.total()[None])[0]), replicates, len(truth), "lower")
    return found


def _mean_apart(sums: FloatArray) -> FloatArray:
    """Mean over groups (R,) of the distance of their error rates to that of all, of sums (R, 3 + 2G)."""
    groups = (sums.shape[1] - 3) // 2
    rates = ratio(sums[:, 3 + groups :], sums[:, 3 : 3 + groups], otherwise=np.nan)
    apart: FloatArray = np.nanmean(np.abs(rates - ratio(sums[:, 2], sums[:, 1])[:, None]), axis=1)
    return apart


def _counts(cells: IntArray, metric: str) -> tuple[int, int]:
    hits, rows = _OF[metric]
    return int(cells[list(hits)].sum()), int(cells[list(rows)].sum())


def _rates(cells: IntArray, metric: str) -> FloatArray:
    hits, rows = _OF[metric]
    return ratio(cells[..., list(hits)].sum(axis=-1), cells[..., list(rows)].sum(axis=-1), otherwise=np.nan)


def _gap(
    group: str, metric: str, counts: tuple[int, int, int, int], replicates: tuple[FloatArray, FloatArray]
) -> Gap:
    hits, rows, rest_hits, rest_rows = counts
    if min(rows, rest_rows) < LEAST_ROWS:
        return Gap(group, metric, rows, rest_rows, rows_missing=rows_missing(*counts))
    value, rest = _share(hits, rows, replicates[0]), _share(rest_hits, rest_rows, replicates[1])
    gap = make_score(value.value - rest.value, replicates[0] - replicates[1], rows)
    if hits in (0, rows) or rest_hits in (0, rest_rows):  # nothing varies there, so intervals would be points
        gap = shares_apart(*counts)
    p, test = shares_p(*counts)
    return Gap(group, metric, rows, rest_rows, value, rest, gap, p, None, test)


def _share(hits: int, rows: int, replicates: FloatArray) -> Score:
    if hits in (0, rows):
        return Score(hits / rows, *wilson(hits, rows), rows)
    return make_score(hits / rows, replicates, rows)


def rows_missing(hits: int, rows: int, rest_hits: int, rest_rows: int) -> int:
    """How many more rows of the smaller side show a gap of 10 points to the other with 80 % power.

    >>> rows_missing(8, 10, 800, 1000)
    281
    """
    own = rows if rows <= rest_rows else rest_rows
    other_hits, other_rows = (rest_hits, rest_rows) if rows <= rest_rows else (hits, rows)
    share = other_hits / other_rows if other_rows else 0.5
    apart = share - WORTH_SEEING if share > 0.5 else share + WORTH_SEEING
    return max(rows_needed(share, apart), LEAST_ROWS) - own
