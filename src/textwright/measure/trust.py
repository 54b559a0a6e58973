"""Is a chance that goes with each answer to be trusted: calibration, order, and what leaving the rest gains.

An answer is good or is not; what that means is said beforehand. The curve of risk and coverage (El-Yaniv and
Wiener 2010; Geifman and El-Yaniv, arXiv:1705.08500) tells what share of the surest answers is not good.

Shapes: N rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from textwright.core.records import Score
from textwright.core.seeds import generator
from textwright.measure.base import BoolArray, FloatArray, require_rows
from textwright.measure.bootstrap import GroupedSums, rows_score
from textwright.measure.ranking import TwoClassAuc
from textwright.measure.reliability import NUM_BINS, Reliability, bin_gaps, ece_score

_STEPS = 20  # of the curve: each a twentieth of the rows more


class TrustMeter:
    """Takes in the chances that go with answers, and whether these were good.

    >>> meter = TrustMeter()
    >>> meter.update(np.array([0.9, 0.8, 0.3, 0.2]), np.array([True, True, False, True]))
    >>> round(meter.scores()["auc"].value, 3), [point["risk"] for point in meter.details()["risk_coverage"]]
    (0.667, [0.0, 0.0, 0.3333333333333333, 0.25])
    """

    def __init__(self) -> None:
        self._chances: list[FloatArray] = []
        self._good: list[BoolArray] = []

    def update(self, chances: FloatArray, is_good: BoolArray) -> None:
        """Take in chances (N,) of 0 to 1 and whether each came true (N,)."""
        self._chances.append(np.asarray(chances, np.float64))
        self._good.append(np.asarray(is_good, bool))

    @property
    def num_rows(self) -> int:
        return sum(map(len, self._good))

    def scores(self, *, seed: int = 0, replicates: int = 1000) -> dict[str, Score]:
        """`auc`, which does not exist where all rows are alike, and `ece`. Raises DataError for no rows."""
        require_rows(self.num_rows)
        chances, good = np.concatenate(self._chances), np.concatenate(self._good)
        area = TwoClassAuc()
        area.add(good.astype(np.int64), np.column_stack([1 - chances, chances]))
        gaps = GroupedSums(NUM_BINS)
        gaps.add(bin_gaps(chances[:, None], good[:, None]))
        drawn = gaps.resampled(replicates, generator(seed, "measure", "trust"))
        auc = (
            area.score(replicates, generator(seed, "measure", "trust order"))
            if 0 < good.mean() < 1
            else Score(float("nan"), float("nan"), float("nan"), len(good))
        )
        total = gaps.total()
        return {"auc": auc, "ece": ece_score(total[1:] / total[0], drawn[:, 1:] / drawn[:, :1], len(good))}

    def details(self, *, seed: int = 0) -> dict[str, Any]:
        """The share of `good` answers, the `reliability` table with the ECE of perfect chances beside it
        (`noise_floor`), and `risk_coverage`: of each share of the surest answers how many are not good.
        """
        require_rows(self.num_rows)
        chances, good = np.concatenate(self._chances), np.concatenate(self._good)
        table = Reliability()
        table.add(chances, good)
        return {
            "good": rows_score(int(good.sum()), len(good), "higher").to_json(),
            "noise_floor": table.noise_floor(generator(seed, "measure", "trust noise")),
            "reliability": table.table(),
            "risk_coverage": _curve(chances, good),
        }


def _curve(chances: FloatArray, good: BoolArray) -> list[dict[str, Any]]:
    """Points of the curve, from few rows to all; rows of equal chances come or go together."""
    order = np.argsort(-chances, kind="stable")
    ranked, wrong = chances[order], np.cumsum(~good[order])
    ends = np.ceil(len(good) * np.arange(1, _STEPS + 1) / _STEPS - 1e-9).astype(np.int64)
    ends = np.unique(np.searchsorted(-ranked, -ranked[ends - 1], side="right"))
    points = []
    for count in ends.tolist():
        risk = rows_score(int(wrong[count - 1]), count)
        point = {"coverage": count / len(good), "least": float(ranked[count - 1]), "n": count}
        points.append({**point, "risk": risk.value, "low": risk.low, "high": risk.high})
    return points
