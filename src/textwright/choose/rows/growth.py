"""What more rows would give: an inverse power law through the points of a learning curve, with its interval.

The error at n rows is taken as a + b n^-c with a >= 0, b >= 0 and c from 0 to 2 (Cortes et al., NIPS 1993;
Viering & Loog 2021, arXiv:2103.10948). For each c on a grid a and b are a weighted linear least-squares fit
with bounds, in closed form, so that a thousand bootstrap samples cost a second. Squares of *relative*
residuals count, and a size counts in proportion to its rows: what comes next is told by the large ones, and
tiny sets follow the law the least. See docs/log.md for what other weights gave on real sets.

The interval holds all that is left to chance, by one bootstrap over everything at once: the rows of
validation (the same for all fits, so that what is common to them cancels in a gain), the draws of the rows
to learn from, and what the draw of the next rows will add. Its laws may have a floor below 0, which a curve
has that is still getting steeper: many labels, and few rows of each.

Shapes: F fits, V rows of validation, K sizes, R replicates, G values of c.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from textwright.core.records import Score
from textwright.core.seeds import generator
from textwright.measure.base import FloatArray, IntArray
from textwright.measure.bootstrap import GroupedSums, make_score, ratio
from textwright.text.schema import TaskName
from textwright.text.targets import Targets

REPLICATES = 1000
_SLOPES = np.arange(1, 201) / 100
# How far below 0 the floor of a law of the interval may be, in errors at the largest size. On 90 real curves
# 0 left 80 gains inside and 1 left 85, with intervals an eighth wider; the expected gain was nearer with 0.
_FLOOR = -1.0
# A law has three numbers, and its fit leaves nothing to judge it by with fewer sizes.
LEAST_SIZES = 3
# The spread of a draw, as a share of the error, before any size was drawn twice; it counts
# as one draw. On real sets it was 3 to 7 %, whatever the size.
_SPREAD, _SPREAD_DRAWS = 0.05, 1
# Draws differ in part because each trips over other rows of validation, which resampling these rows shows
# once more. Half of that is taken off: on real sets (docs/log.md) taking off all of it left 90 % of the
# truths inside, taking off nothing 98 %.
_COUNTED_TWICE = 0.5
_NEAR_ZERO = 1e-9


@dataclass(frozen=True)
class Fit:
    """What one fit got wrong on the rows of validation (V,): its error is the sum of `above` over `below`."""

    rows: int
    above: FloatArray
    below: FloatArray

    @classmethod
    def of(cls, rows: int, answers: Targets, targets: Targets, task: TaskName) -> Fit:
        """Of answers in the form of targets: wrong ones, squared errors, or wrong labels of sets.

        For sets of labels the error is 1 - micro F1, which is (fp + fn) / (2 tp + fp + fn).

        >>> Fit.of(9, np.array([0, 1]), np.array([0, 0]), "classify").error
        0.5
        """
        if task == "score":
            above = np.square(answers - targets, dtype=np.float64)
            return cls(rows, above, np.ones(len(above)))
        if task == "classify":
            above = np.asarray(answers != targets, np.float64)
            return cls(rows, above, np.ones(len(above)))
        above = np.asarray(answers != targets, np.float64).sum(axis=1)
        both = np.asarray((answers > 0) & (targets > 0), np.float64).sum(axis=1)
        return cls(rows, above, above + 2 * both)

    @property
    def error(self) -> float:
        return float(self.above.sum() / max(self.below.sum(), 1))


@dataclass(frozen=True)
class Law:
    """The error at n rows: `floor` + `drop` (n / `scale`)^-`slope`."""

    floor: float
    drop: float
    slope: float
    scale: int

    def __call__(self, rows: float) -> float:
        return self.floor + self.drop * float((rows / self.scale) ** -self.slope)


@dataclass(frozen=True)
class Point:
    """One size of the curve: the mean score of its fits."""

    rows: int
    repeats: int
    score: Score


@dataclass(frozen=True)
class Twice:
    """What twice as many rows are expected to give, and the gain against now: positive is better."""

    rows: int
    score: Score
    gain: Score

    @property
    def is_shown(self) -> bool:
        """The whole interval of the gain is better than nothing."""
        return self.gain.low > 0


@dataclass(frozen=True)
class Growth:
    """A learning curve: `fits` in any order, `better` says which way the score goes."""

    fits: Sequence[Fit]
    better: Literal["higher", "lower"]
    seed: int = 0

    @cached_property
    def sizes(self) -> list[int]:
        return sorted({fit.rows for fit in self.fits})

    @cached_property
    def points(self) -> list[Point]:
        """Each size with its score: rows of validation vary, and draws where there are several."""
        n = len(self.fits[0].above)
        found = []
        for place, rows in enumerate(self.sizes):
            values = self._score(self._resampled[:, place])
            mean = float(self._score(self._means[place]))
            found.append(Point(rows, self._repeats[place], make_score(mean, values, n, self.better)))
        return found

    @cached_property
    def law(self) -> Law | None:
        """The law of the means; None with fewer than three sizes."""
        if len(self.sizes) < LEAST_SIZES:
            return None
        floor, drop, slope = (
            float(part[0]) for part in fit_laws(self._rows, self._means[None], self._weights[None])
        )
        return Law(floor, drop, slope, self.sizes[-1])

    @cached_property
    def twice(self) -> Twice | None:
        """What twice the rows of the largest size would give; None with fewer than three sizes."""
        if self.law is None:
            return None
        largest, rng = self.sizes[-1], generator(self.seed, "curve", "law")
        errors = self._noisy(rng)
        weights = np.broadcast_to(self._weights, errors.shape)
        floor, drop, slope = fit_laws(self._rows, errors, weights, _FLOOR)
        then = floor + drop * 2.0**-slope
        # The next draw is not the mean of all draws, and half of it are the rows that are there now.
        then = np.maximum(then + rng.normal(size=len(then)) * self._spread * then / np.sqrt(2), 0)
        now, expected, n = self._means[-1], self.law(2 * largest), len(self.fits[0].above)
        score = make_score(float(self._score(np.array(expected))), self._score(then), n, self.better)
        gain = make_score(float(now - expected), self._resampled[:, -1] - then, n)
        return Twice(2 * largest, score, gain)

    def _score(self, errors: FloatArray) -> FloatArray:
        return 1 - errors if self.better == "higher" else errors

    @cached_property
    def _rows(self) -> FloatArray:
        return np.array(self.sizes, np.float64)

    @cached_property
    def _of_size(self) -> list[IntArray]:
        """The numbers of the fits of each size."""
        rows = np.array([fit.rows for fit in self.fits])
        return [np.flatnonzero(rows == size) for size in self.sizes]

    @cached_property
    def _repeats(self) -> list[int]:
        return [len(fits) for fits in self._of_size]

    @cached_property
    def _means(self) -> FloatArray:
        """The mean error at each size (K,)."""
        errors = np.array([fit.error for fit in self.fits])
        return np.array([errors[fits].mean() for fits in self._of_size])

    @cached_property
    def _weights(self) -> FloatArray:
        """What the square of a residual counts (K,): relative to the error, and in proportion to the rows."""
        weights: FloatArray = self._rows / self._rows[-1] / np.maximum(self._means, _NEAR_ZERO) ** 2
        return weights

    @cached_property
    def _of_fits(self) -> FloatArray:
        """The error of each fit on bootstrap samples of the rows of validation (R, F), the same for all."""
        count = len(self.fits)
        sums = GroupedSums(2 * count)
        sums.add(np.column_stack([*(fit.above for fit in self.fits), *(fit.below for fit in self.fits)]))
        drawn = sums.resampled(REPLICATES, generator(self.seed, "curve", "rows"))[:, 1:]
        return ratio(drawn[:, :count], drawn[:, count:])

    @cached_property
    def _resampled(self) -> FloatArray:
        """The mean error at each size (R, K) when rows of validation and draws are resampled together."""
        rng = generator(self.seed, "curve", "draws")
        out = np.empty((REPLICATES, len(self.sizes)))
        for place, fits in enumerate(self._of_size):
            errors = self._of_fits[:, fits]
            count, mean = len(fits), errors.mean(axis=1)
            chosen = rng.integers(count, size=errors.shape)
            moved = np.take_along_axis(errors, chosen, axis=1).mean(axis=1) - mean
            # Resampling a few shows too little of their spread.
            out[:, place] = mean + moved * (np.sqrt(count / (count - 1)) if count > 1 else 0)
        return np.maximum(out, 0)

    @cached_property
    def _spread(self) -> float:
        """How far the error of one draw strays from the mean of its size, as a share of it, over all sizes.

        Two draws of m of M rows share m / M of them, and differ by so much less than two of new rows would.
        """
        total, freedom = _SPREAD**2 * _SPREAD_DRAWS, float(_SPREAD_DRAWS)
        errors = np.array([fit.error for fit in self.fits])
        for rows, fits, mean in zip(self.sizes[:-1], self._of_size, self._means, strict=False):
            if len(fits) > 1 and mean > 0:
                resampled = self._of_fits[:, fits]
                by_rows = float((resampled - resampled.mean(axis=1, keepdims=True)).var(axis=0).sum())
                squares = max(float(np.square(errors[fits] - mean).sum()) - _COUNTED_TWICE * by_rows, 0.0)
                total += squares / mean**2 / (1 - rows / self.sizes[-1])
                freedom += len(fits) - 1
        return float(np.sqrt(total / freedom))

    def _noisy(self, rng: np.random.Generator) -> FloatArray:
        """The means (R, K) that the law is fitted to: a size that was drawn once has the spread of a draw."""
        noise = rng.normal(size=self._resampled.shape) * self._spread * self._means
        return np.maximum(self._resampled + np.where(np.array(self._repeats) == 1, noise, 0), 0)


def fit_laws(
    rows: FloatArray, errors: FloatArray, weights: FloatArray, lowest: float = 0.0
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """For each of R curves the floor, the drop >= 0 and the slope (R,) with the least squares.

    `rows` (K,) are ascending; `errors` and `weights` are (R, K). The drop is that at the largest size: the
    error there is floor + drop. A floor is at least `lowest` errors at the largest size.

    >>> rows = np.array([100.0, 200.0, 400.0, 800.0])
    >>> floor, drop, slope = fit_laws(rows, (0.1 + 2 * rows**-0.5)[None], np.ones((1, 4)))
    >>> round(float(floor[0]), 3), round(float(drop[0]), 3), float(slope[0])
    (0.1, 0.071, 0.5)
    """
    x = (rows / rows[-1]) ** -_SLOPES[:, None]  # (G, K)
    total = weights.sum(axis=1)[:, None]
    sum_x, sum_xx = weights @ x.T, weights @ (x * x).T  # (R, G)
    sum_y, sum_yy = ((weights * part).sum(axis=1)[:, None] for part in (errors, errors * errors))
    sum_xy = (weights * errors) @ x.T
    drop = ratio(total * sum_xy - sum_x * sum_y, total * sum_xx - sum_x**2)
    floor = (sum_y - drop * sum_x) / total
    least = lowest * errors[:, -1:]
    drop = np.where(floor < least, (sum_xy - least * sum_x) / sum_xx, drop)
    floor = np.maximum(floor, least)
    floor = np.where(drop < 0, sum_y / total, floor)
    drop = np.maximum(drop, 0)
    squares = sum_yy - 2 * (floor * sum_y + drop * sum_xy)
    squares += floor**2 * total + 2 * floor * drop * sum_x + drop**2 * sum_xx
    best, each = squares.argmin(axis=1), np.arange(len(errors))
    return floor[each, best], drop[each, best], _SLOPES[best]
