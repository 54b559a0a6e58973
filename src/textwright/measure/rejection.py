"""When a classifier had better say that it does not know: thresholds with a promise, and what they do.

Both promises hold for new rows like those that they are calibrated on, whatever the model is. They are about
a model that these rows did not change.

Shapes: N rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from textwright.core.records import Score
from textwright.measure.base import Array, BoolArray, FloatArray, IntArray, Meter
from textwright.measure.bootstrap import wilson

CONFIDENCE = 0.95
# How many shares of the rows are tried, from few answers to all. Fewer lose answers to the gaps between them;
# more find it easier to stumble over a run of wrong rows.
_STEPS = 64
# The sequence begins at one of so many parts. At the fewest rows that can pass, a single row with a wrong
# label among the surest would decide.
_FIRST = 16


@dataclass(frozen=True)
class Cut:
    """Rows whose sureness is `least` or more are answered, and what that gives on the rows it was found on.

    `bound` is the promise: the share of answers that is wrong at most, or the share of rows that is sent away
    at most. `is_kept` says whether that is what was asked.
    """

    least: float
    num_rows: int
    num_answered: int
    num_wrong: int
    bound: float
    is_kept: bool = True

    @property
    def num_rejected(self) -> int:
        return self.num_rows - self.num_answered


def cut_by_errors(sureness: FloatArray, is_wrong: BoolArray, most: float, lowest: float = 0.0) -> Cut:
    """The cut with the most answers of which, with 95 % confidence, at most the share `most` is wrong.

    Learn then test (Angelopoulos et al. 2021, arXiv:2110.01052) along one fixed sequence, from few answers
    to all: each cut is tested for a share of errors above `most` by the exact binomial tail, and the last one
    before the first that fails is taken, so that no correction for their number is needed. The sequence
    begins at a sixteenth of the rows, or at the fewest answers that can pass, with none wrong. Of the rows
    only those strictly above the first row left out are counted: given that row they are a fair sample of
    what the cut answers. Exact where errors do not become more common with sureness.

    Where the first cut fails, it is what comes back, with what it can promise: the limit of Clopper and
    Pearson (1934) at 95 %. Both statements together are wrong in 5 % of draws at most: where the first cut
    keeps what was asked that limit is lower. With fewer rows than can pass the first cut is half of them.
    `sureness` and `is_wrong` are (N,), N at least 1; `lowest` is a value that no sureness is below. Raises
    ValueError for a share outside 0 ... 1 and without rows.

    >>> sureness = np.linspace(0, 1, 400)
    >>> cut = cut_by_errors(sureness, sureness < 0.25, 0.05)
    >>> cut.num_answered, cut.num_wrong, round(cut.bound, 3), cut.is_kept
    (307, 7, 0.05, True)
    """
    _refuse(sureness, most)
    order = np.argsort(-sureness, kind="stable")
    ranked, wrong = sureness[order], np.concatenate([[0], is_wrong[order].astype(np.int64).cumsum()])
    counts = _sequence(ranked, _fewest(len(ranked), rows_to_promise(most)))
    fails = np.flatnonzero(_tails(wrong[counts], counts, most) > 1 - CONFIDENCE)
    num_passed = int(fails[0]) if len(fails) else len(counts)
    is_kept = num_passed > 0
    place = int(counts[max(num_passed - 1, 0)])
    num_wrong = int(wrong[place])
    least = lowest if place == len(ranked) else float(np.nextafter(ranked[place], np.inf))
    bound = most if is_kept else most_errors(num_wrong, place)
    return Cut(least, len(ranked), place, num_wrong, bound, is_kept)


def rows_to_promise(most: float) -> int:
    """How many answers without a wrong one it takes to promise that at most the share `most` is wrong.

    >>> rows_to_promise(0.05), rows_to_promise(0.01)
    (59, 299)
    """
    return math.ceil(math.log(1 - CONFIDENCE) / math.log1p(-most))


def most_errors(num_wrong: int, num_rows: int) -> float:
    """The share of errors that is not exceeded with 95 % confidence (Clopper and Pearson 1934).

    >>> round(most_errors(0, 59), 3), most_errors(3, 3)
    (0.05, 1.0)
    """
    from scipy.special import betaincinv

    if num_wrong >= num_rows:
        return 1.0
    return float(betaincinv(num_wrong + 1, num_rows - num_wrong, CONFIDENCE))


def cut_by_share(sureness: FloatArray, is_wrong: BoolArray, most: float) -> Cut | None:
    """The cut below which at most the share `most` of new rows falls, on average over draws of the rows.

    Split conformal prediction (Vovk, Gammerman and Shafer 2005; Lei et al. 2018, arXiv:1604.04173): of N rows
    and a new one each is equally likely to be the k-th, so that the new one is below the k-th of the N with a
    chance of k / (N + 1) at most. None where there are too few rows to leave out a single one: less than
    1 / `most` - 1. `sureness` and `is_wrong` are (N,). Raises ValueError as `cut_by_errors`.

    >>> cut = cut_by_share(np.arange(99.0), np.zeros(99, bool), 0.05)
    >>> cut.least, cut.num_rejected, cut_by_share(np.arange(18.0), np.zeros(18, bool), 0.05)
    (4.0, 4, None)
    """
    _refuse(sureness, most)
    num_rows = len(sureness)
    place = math.floor(most * (num_rows + 1) + 1e-9)
    if not place:
        return None
    least = float(np.partition(sureness, place - 1)[place - 1])
    answered = sureness >= least
    return Cut(least, num_rows, int(answered.sum()), int((answered & is_wrong).sum()), most)


def _refuse(sureness: FloatArray, most: float) -> None:
    if not 0 < most < 1:
        raise ValueError(f"expected a share above 0 and below 1, found {most}")
    if not len(sureness):
        raise ValueError("there are no rows to calibrate on")


def _fewest(num_rows: int, needed: int) -> int:
    """Where the sequence begins: by the number of rows alone, whatever is right or wrong."""
    return max(needed, num_rows // _FIRST) if needed <= num_rows else (num_rows + 1) // 2


def _sequence(ranked: FloatArray, fewest: int) -> IntArray:
    """Numbers of answers, rising, that do not part rows of equal sureness: from `fewest` to all."""
    num_rows = len(ranked)
    shares = np.ceil(num_rows * np.arange(1, _STEPS) / _STEPS).astype(np.int64)
    tried = np.unique(np.concatenate([[fewest], shares]))
    tried = tried[(tried >= fewest) & (tried < num_rows)]
    # Strictly above the first row that is left out.
    above = np.searchsorted(-ranked, -ranked[tried], side="left")
    counts: IntArray = np.unique(np.concatenate([above[above >= fewest], [num_rows]])).astype(np.int64)
    return counts


def _tails(num_wrong: IntArray, num_rows: IntArray, most: float) -> FloatArray:
    """How likely so few wrong rows would be if the share `most` were."""
    from scipy.special import bdtr

    out: FloatArray = bdtr(num_wrong.astype(np.float64), num_rows, most)
    return out


class AnsweredMeter:
    """The meter of a task, which counts each row by its guess, and beside it how rows do that are answered.

    - `answered`: the share of rows that are answered.
    - `accuracy_answered`: the share of the answers that is right, of `n` answers; it does not exist (NaN)
      where nothing is answered.

    Both have intervals by Wilson (1927).

    >>> from textwright.measure.classify import ClassifyMeter
    >>> meter = AnsweredMeter(ClassifyMeter(["bad", "good"]))
    >>> meter.update(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]))
    >>> meter.count(np.array([True, True, False]), np.array([True, True, False]))
    >>> [round(meter.scores()[name].value, 3) for name in ("accuracy", "answered", "accuracy_answered")]
    [0.667, 0.667, 1.0]
    """

    def __init__(self, inner: Meter) -> None:
        self.inner = inner
        self.num_rows = self.num_answered = self.num_right = 0

    def update(self, truth: Array, outputs: Array, answers: Array | None = None) -> None:
        """Take in one batch, as the meter of the task does."""
        self.inner.update(truth, outputs, answers)

    def count(self, is_right: BoolArray, is_answered: BoolArray) -> None:
        """Take in whether the guess (N,) is right, and whether it is given as an answer (N,)."""
        self.num_rows += len(is_right)
        self.num_answered += int(is_answered.sum())
        self.num_right += int((is_right & is_answered).sum())

    def scores(self, *, seed: int = 0, replicates: int = 1000) -> dict[str, Score]:
        """All scores of the meter of the task, and these two. Raises DataError when no row was seen."""
        return {
            **self.inner.scores(seed=seed, replicates=replicates),
            "answered": _share(self.num_answered, self.num_rows),
            "accuracy_answered": _share(self.num_right, self.num_answered),
        }

    def details(self, *, seed: int = 0) -> dict[str, Any]:
        """Those of the meter of the task."""
        return self.inner.details(seed=seed)


def _share(hits: int, n: int) -> Score:
    if not n:
        return Score(math.nan, math.nan, math.nan, 0)
    low, high = wilson(hits, n)
    return Score(hits / n, low, high, n)
