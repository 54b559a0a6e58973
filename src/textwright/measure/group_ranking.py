"""How well scores rank rows inside a group, and across its edge: where a fair area under the curve hides.

Borkan et al. 2019 (arXiv:1903.04561), of a group against all other rows, the background:

- `subgroup`: AUC of the rows of the group alone.
- `bpsn`, background positive, subgroup negative: low where harmless rows of the group get scores as high as
  positive rows of the background do: false alarms.
- `bnsp`, background negative, subgroup positive: low where positive rows of the group get scores as low as
  harmless ones elsewhere do: misses.
- `aeg_positive`, `aeg_negative`: 1/2 - P(score of the group > score of the background) among positive rows
  and among negative ones; 0 is fair, below 0 the group gets higher scores.

Shapes: N rows, G groups, R replicates, B bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from textwright.core.records import Score
from textwright.core.seeds import generator
from textwright.measure.base import BoolArray, FloatArray, IntArray
from textwright.measure.bootstrap import make_score, resampled_cells
from textwright.measure.discoveries import discovery_rates
from textwright.measure.groups import LEAST_ROWS
from textwright.measure.ranking import auc

RANKINGS = ("subgroup", "bpsn", "bnsp")
AEGS = ("aeg_positive", "aeg_negative")
_BINS, _REPLICATES = 200, 500


@dataclass(frozen=True)
class Ranking:
    """One area of one group; `value` is None where fewer than 30 rows are on one of the two sides.

    `p` is of no difference to the area of all rows, by the spread of the difference in bootstrap samples.
    `elsewhere` is the area of the background alone: a group that is ranked badly pulls that of all rows down.
    """

    group: str
    metric: str
    rows: int
    value: Score | None = None
    p: float | None = None
    q: float | None = None
    elsewhere: float | None = None

    def to_json(self) -> dict[str, Any]:
        """One flat row of a table."""
        score = self.value
        ends = {} if score is None else {"value": score.value, "low": score.low, "high": score.high}
        return {
            "name": self.group,
            "metric": self.metric,
            "rows": self.rows,
            **ends,
            "p": self.p,
            "q": self.q,
        }


@dataclass(frozen=True)
class Rankings:
    """Areas of all groups, that of all rows, and the number of tests."""

    overall: Score
    rankings: list[Ranking]
    tests: int


def group_rankings(
    scores: FloatArray, truth: BoolArray, members: BoolArray, names: Sequence[str], *, seed: int = 0
) -> Rankings:
    """Areas of all groups, from scores (N,), whether rows are positive (N,), who is in a group (N, G).

    Values are exact; intervals come from at most 200 bins of equally many rows. q-values are over all groups
    and the three areas with enough rows.

    >>> rng = np.random.default_rng(0)
    >>> truth, group = rng.random(2000) < 0.5, rng.random(2000) < 0.2
    >>> scores = truth + rng.normal(0, 0.5, 2000) + (group & ~truth)
    >>> found = group_rankings(scores, truth, group[:, None], ["g"])
    >>> [(one.metric, round(one.value.value, 1)) for one in found.rankings[:3]]
    [('subgroup', 0.5), ('bpsn', 0.5), ('bnsp', 0.9)]
    """
    _, place = np.unique(scores, return_inverse=True)
    order = np.argsort(place, kind="stable")
    bins = np.empty(len(scores), np.int64)
    bins[order] = np.arange(len(scores)) * _BINS // max(len(scores), 1)
    # Rows with the same score share a bin, or their ties would be broken at random.
    first = np.full(int(place.max(initial=0)) + 1, _BINS)
    np.minimum.at(first, place, bins)
    bins = first[place]
    rng = generator(seed, "measure", "group ranking")
    found: list[Ranking] = []
    for g, name in enumerate(names):
        found += _of_group(name, place, bins, truth, members[:, g], rng)
    known = [one for one in found if one.p is not None]
    rates = iter(discovery_rates([one.p for one in known if one.p is not None]).tolist())
    tested = [one if one.p is None else replace(one, q=next(rates)) for one in found]
    return Rankings(_overall(place, bins, truth, rng), tested, len(known))


def _overall(place: IntArray, bins: IntArray, truth: BoolArray, rng: np.random.Generator) -> Score:
    value = _area(place[truth], place[~truth])
    table = np.bincount(truth * _BINS + bins, minlength=2 * _BINS)
    drawn = np.concatenate([*resampled_cells(table, _REPLICATES, rng)])
    return make_score(value, auc(drawn[:, _BINS:], drawn[:, :_BINS]), len(truth))


def _of_group(
    name: str, place: IntArray, bins: IntArray, truth: BoolArray, inside: BoolArray, rng: np.random.Generator
) -> list[Ranking]:
    """All five of one group."""
    cells = (inside * 2 + truth) * _BINS + bins
    table = np.bincount(cells, minlength=4 * _BINS)
    drawn = np.concatenate([*resampled_cells(table, _REPLICATES, rng)]).reshape(-1, 4, _BINS)
    sides = [place[(inside == side) & (truth == kind)] for side in (False, True) for kind in (False, True)]
    negative, positive, own_negative, own_positive = range(4)
    pairs = {
        "subgroup": (own_positive, own_negative),
        "bpsn": (positive, own_negative),
        "bnsp": (own_positive, negative),
        "aeg_positive": (positive, own_positive),
        "aeg_negative": (negative, own_negative),
    }
    whole = _area(place[truth], place[~truth])
    drawn_whole = auc(
        drawn[:, positive] + drawn[:, own_positive], drawn[:, negative] + drawn[:, own_negative]
    )
    is_known = min(len(sides[positive]), len(sides[negative])) >= LEAST_ROWS
    elsewhere = _area(sides[positive], sides[negative]) if is_known else None
    found = []
    for metric, (above, below) in pairs.items():
        rows = min(len(sides[above]), len(sides[below]))
        if rows < LEAST_ROWS:
            found.append(Ranking(name, metric, rows))
            continue
        value, replicates = _area(sides[above], sides[below]), auc(drawn[:, above], drawn[:, below])
        if metric in AEGS:  # P(background > group) - 1/2 = 1/2 - P(group > background)
            found.append(Ranking(name, metric, rows, make_score(value - 0.5, replicates - 0.5, rows)))
            continue
        p = _p_value(value - whole, replicates - drawn_whole)
        score = make_score(value, replicates, rows)
        found.append(Ranking(name, metric, rows, score, p, elsewhere=elsewhere))
    return found


def _area(above: IntArray, below: IntArray) -> float:
    """Exact AUC of two sets of places, ties counting half."""
    size = int(max(above.max(initial=0), below.max(initial=0))) + 1
    return float(auc(np.bincount(above, minlength=size), np.bincount(below, minlength=size)))


def _p_value(apart: float, replicates: FloatArray) -> float:
    """Two-sided, of a difference that is normal with the spread of its replicates."""
    from scipy.special import ndtr

    spread = float(np.nanstd(replicates))
    if not spread or not np.isfinite(apart):
        return 1.0
    return float(2 * ndtr(-abs(apart) / spread))
