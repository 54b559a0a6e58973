"""Where intervals come from: the percentile bootstrap over rows (Efron 1979), made cheap.

Three ways to resample, all equal in law to drawing rows with replacement, or nearly so:

- `resampled_cells`: rows that fall into the same cell of a table are alike, so that a bootstrap sample of the
  rows is one multinomial draw of the cells. Exact, whatever the number of rows.
- `GroupedSums`, up to 2,048 rows: rows themselves are drawn. Exact.
- `GroupedSums`, more rows: each row joins one of 2,048 groups at random and groups are drawn ("random
  groups", Wolter, Introduction to Variance Estimation, chapter 2). A score is a function of column sums,
  and sums of random groups vary as sums of rows do; the width of an interval is then off by 1 / sqrt(2 x
  2048) = 1.6 % (one standard deviation), less than what 1,000 replicates leave open. Memory is 2,048 x
  columns, whatever the number of rows.

An interval always holds its point estimate. Where every row is alike (a perfect score, a single row) the
bootstrap has nothing to vary and the interval is a point; only accuracy then falls back on Wilson's
interval.

Shapes: R replicates, U cells, K columns, N rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from textwright.core.records import Score
from textwright.core.seeds import generator
from textwright.measure.base import Array, FloatArray, IntArray

MAX_GROUPS = 2048
MAX_DRAWS = 20_000_000
MIN_REPLICATES = 200
_CHUNK = 4_000_000
_Z95 = 1.959963984540054


def make_score(
    value: float, replicates: FloatArray, n: int, better: Literal["higher", "lower"] = "higher"
) -> Score:
    """A score with the 2.5 % and 97.5 % points of its replicates (R,), widened to hold `value`.

    Replicates in which the score does not exist (NaN) are left out; a `value` that does not exist has no
    interval.
    """
    known = replicates[np.isfinite(replicates)]
    if not np.isfinite(value) or not known.size:
        return Score(float(value), float("nan"), float("nan"), n, better)
    low, high = np.quantile(known, (0.025, 0.975))
    return Score(float(value), float(min(low, value)), float(max(high, value)), n, better)


def wilson(hits: float, n: float) -> tuple[float, float]:
    """The 95 % interval of a share of n rows (Wilson 1927); of no rows nothing is known.

    >>> [round(end, 4) for end in wilson(20, 20)], wilson(0, 0)
    ([0.8389, 1.0], (0.0, 1.0))
    """
    if not n:
        return 0.0, 1.0
    share, square = hits / n, _Z95**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = _Z95 * (share * (1 - share) / n + square / (4 * n * n)) ** 0.5 / (1 + square / n)
    return middle - half if hits > 0 else 0.0, middle + half if hits < n else 1.0


def share_score(value: float, replicates: FloatArray, n: int) -> Score:
    """`make_score` for a share of rows; at 0 and 1 by Wilson's interval (1927), as nothing varies there.

    >>> share_score(1.0, np.ones(5), 20)
    Score(value=1.0, low=0.8388748419471806, high=1.0, n=20, better='higher')
    """
    if 0 < value < 1 or np.isnan(value):
        return make_score(value, replicates, n)
    return Score(float(value), *wilson(value * n, n), n)


def rows_score(hits: int, n: int, better: Literal["higher", "lower"] = "lower") -> Score:
    """A share of n rows with Wilson's interval (1927).

    >>> print(rows_score(0, 50))
    0.0000 [0.0000, 0.0713]
    """
    return Score(hits / n, *wilson(hits, n), n, better)


def resampled_cells(counts: IntArray, replicates: int, rng: np.random.Generator) -> Iterator[IntArray]:
    """Bootstrap samples of a table with `counts` (U,), as chunks (r, U) of counts that each add up to N.

    Large tables get fewer replicates, at least 200, so that there are no more than about 20 million draws.
    """
    total = int(counts.sum())
    replicates = min(replicates, max(MAX_DRAWS // counts.size, MIN_REPLICATES))
    step = max(_CHUNK // counts.size, 1)
    for start in range(0, replicates, step):
        yield rng.multinomial(total, counts / total, size=min(step, replicates - start))


def resampled_sums(sums: FloatArray, replicates: int, rng: np.random.Generator) -> FloatArray:
    """Column sums (R, K) of bootstrap samples of the rows of `sums` (U, K)."""
    num = len(sums)
    step = max(_CHUNK // num, 1)
    parts = []
    for start in range(0, replicates, step):
        size = min(step, replicates - start)
        drawn = rng.integers(num, size=(size, num)) + np.arange(size)[:, None] * num
        parts.append(np.bincount(drawn.ravel(), minlength=size * num).reshape(size, num) @ sums)
    return np.concatenate(parts)


class GroupedSums:
    """Column sums of a stream, kept for 2,048 rows or random groups of rows; column 0 counts rows.

    >>> kept = GroupedSums(1)
    >>> kept.add(np.array([[1.0], [2.0]]))
    >>> kept.total().tolist()
    [2.0, 3.0]
    """

    def __init__(self, num_columns: int) -> None:
        self.num_rows = 0
        self._sums = np.zeros((MAX_GROUPS, num_columns + 1))
        self._rng = generator(0, "measure", "groups")

    def add(self, columns: FloatArray) -> None:
        """Take in rows (N, K)."""
        rows = np.column_stack([np.ones(len(columns)), columns])
        before, self.num_rows = self.num_rows, self.num_rows + len(rows)
        if self.num_rows <= MAX_GROUPS:
            self._sums[before : self.num_rows] = rows
            return
        if before <= MAX_GROUPS:  # too many to keep one by one: those already kept join groups, too
            rows = np.concatenate([self._sums[:before], rows])
            self._sums[:] = 0
        self._scatter(rows)

    def _scatter(self, rows: FloatArray) -> None:
        groups, width = self._rng.integers(MAX_GROUPS, size=(len(rows), 1)), rows.shape[1]
        # One flat index: np.add.at is several times faster with that than with whole rows.
        np.add.at(self._sums.reshape(-1), (groups * width + np.arange(width)).ravel(), rows.ravel())

    def groups(self) -> FloatArray:
        """Sums (U, K + 1) of each row or group that is not empty."""
        return self._sums[self._sums[:, 0] > 0]

    def total(self) -> FloatArray:
        """Sums (K + 1,) over all rows; the first is the number of rows."""
        out: FloatArray = self._sums.sum(axis=0)
        return out

    def resampled(self, replicates: int, rng: np.random.Generator) -> FloatArray:
        """Sums (R, K + 1) of bootstrap samples."""
        return resampled_sums(self.groups(), replicates, rng)


def ratio(above: Array, below: Array, otherwise: float = 0.0) -> FloatArray:
    """above / below, and `otherwise` where below is 0."""
    above, below = np.broadcast_arrays(np.asarray(above, dtype=np.float64), below)
    out: FloatArray = np.divide(above, below, out=np.full(above.shape, otherwise), where=below != 0)
    return out
