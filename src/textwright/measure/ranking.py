"""The area under the ROC curve (AUC) with its interval, without keeping the outputs.

AUC is the probability that a row of the class gets a higher score than a row of another class, ties
counting half (Mann & Whitney 1947; Hanley & McNeil 1982).

Shapes: R replicates, B bins from low to high score, C classes, N rows of a batch.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from textwright.core.records import Score
from textwright.core.seeds import generator
from textwright.measure.base import Array, BoolArray, FloatArray, IntArray
from textwright.measure.bootstrap import make_score, ratio, resampled_cells

NUM_BINS = 1000
MAX_LOG_ODDS = 16.0
SAMPLE_ROWS = 4000
MIN_SAMPLE_PER_CLASS = 10


def auc(positive: Array, negative: Array) -> FloatArray:
    """AUC (...) from the rows per bin (..., B) of the class and of the others; NaN where one has no row.

    >>> float(auc(np.array([0, 1, 2]), np.array([2, 1, 0])))
    0.9444444444444444
    """
    pairs = positive.sum(axis=-1) * negative.sum(axis=-1)
    return ratio((positive * _below(negative)).sum(axis=-1), pairs, otherwise=np.nan)


def _below(rows: Array) -> FloatArray:
    """Rows (..., B) in lower bins, and half of those in the same bin."""
    out: FloatArray = np.cumsum(rows, axis=-1, dtype=np.float64) - rows / 2
    return out


class TwoClassAuc:
    """Exact AUC of the second class from its probability, kept for each row (9 bytes).

    The interval comes from at most 1,000 bins of equally many rows; probabilities in one bin count as ties.
    """

    def __init__(self) -> None:
        self._scores: list[FloatArray] = []
        self._truth: list[BoolArray] = []

    def add(self, truth: IntArray, probabilities: FloatArray) -> None:
        """Take in class ids (N,) and probabilities (N, 2)."""
        self._truth.append(truth == 1)
        self._scores.append(probabilities[:, 1].copy())

    def score(self, replicates: int, rng: np.random.Generator) -> Score:
        truth = np.concatenate(self._truth)
        values, place = np.unique(np.concatenate(self._scores), return_inverse=True)
        tables = [np.bincount(place[truth == side], minlength=values.size) for side in (True, False)]
        exact = float(auc(tables[0], tables[1]))
        binned = np.array([_merge(table, tables[0] + tables[1]) for table in tables])
        drawn = np.concatenate(list(resampled_cells(binned.ravel(), replicates, rng)))
        positive, negative = np.split(drawn, 2, axis=1)
        return make_score(exact, auc(positive, negative), truth.size)


def _merge(table: IntArray, rows: IntArray) -> IntArray:
    """Rows per distinct score -> rows in at most 1,000 bins that hold about equally many of all `rows`."""
    if rows.size <= NUM_BINS:
        return table
    bins = ((np.cumsum(rows) - rows) * NUM_BINS) // rows.sum()
    merged = np.bincount(bins, weights=table, minlength=NUM_BINS)
    return np.rint(merged).astype(np.int64)


class _Sample(NamedTuple):
    """Rows (S,) that are kept: class ids, random lots, bins (S, C)."""

    truth: IntArray
    lots: FloatArray
    bins: NDArray[np.int16]


class OneVsRestAuc:
    """The mean over classes of AUC against all others, for classes that some rows have and some have not.

    Scores fall into 1,000 bins per class, 0.032 wide in log-odds from -16 to 16; scores in one bin count as
    ties. For the interval, each class keeps the bins of a random sample of its rows (4,000 rows in all, at
    least 10 a class): from them comes what one row adds to the mean (its influence, Efron's infinitesimal
    jackknife 1982; for AUC, DeLong 1988), and influences are resampled. So classes move together, as they
    do when rows are drawn.
    """

    def __init__(self, num_classes: int) -> None:
        self.num_rows = 0
        self._per_class = max(SAMPLE_ROWS // num_classes, MIN_SAMPLE_PER_CLASS)
        self._positive = np.zeros((num_classes, NUM_BINS))
        self._all = np.zeros((num_classes, NUM_BINS))
        self._sample = _Sample(np.zeros(0, np.int64), np.zeros(0), np.zeros((0, num_classes), np.int16))
        self._waiting: list[_Sample] = []
        self._num_waiting = 0
        self._highest_lot = np.ones(num_classes)
        self._rng = generator(0, "measure", "auc sample")

    def add(self, truth: IntArray, probabilities: FloatArray) -> None:
        """Take in class ids (N,) and probabilities (N, C)."""
        bins = _log_odds_bins(probabilities)
        classes = np.arange(bins.shape[1])
        np.add.at(self._all.reshape(-1), (classes * NUM_BINS + bins).ravel(), 1.0)
        np.add.at(self._positive, (truth, bins[np.arange(len(truth)), truth]), 1.0)
        self.num_rows += len(truth)
        lots = self._rng.random(len(truth))
        near = lots < self._highest_lot[truth]
        if near.any():
            self._waiting.append(_Sample(truth[near], lots[near], bins[near].astype(np.int16)))
            self._num_waiting += int(near.sum())
        if self._num_waiting >= SAMPLE_ROWS:
            self._draw()

    def _draw(self) -> None:
        """Keep the rows with the smallest lots of each class: a uniform sample of its rows so far."""
        parts = [self._sample, *self._waiting]
        truth, lots, bins = (np.concatenate(part) for part in zip(*parts, strict=True))
        order = np.lexsort((lots, truth))
        rank = np.arange(order.size) - np.searchsorted(truth[order], truth[order])
        kept = order[rank < self._per_class]
        last = order[rank == self._per_class - 1]
        self._highest_lot[truth[last]] = lots[last]
        self._sample = _Sample(truth[kept], lots[kept], bins[kept])
        self._waiting, self._num_waiting = [], 0

    def score(self, replicates: int, rng: np.random.Generator) -> Score:
        if self._waiting:
            self._draw()
        per_class = auc(self._positive, self._all - self._positive)
        present = np.flatnonzero(np.isfinite(per_class))
        if not present.size:
            return make_score(float("nan"), np.zeros(0), self.num_rows)
        value = float(per_class[present].mean())
        influence = self._influence(present, per_class[present])
        truth = self._sample.truth
        # Sampled rows stand for all rows of their class.
        share = self._positive.sum(axis=1)[truth] / np.bincount(truth)[truth] / self.num_rows
        influence -= share @ influence
        drawn = rng.multinomial(self.num_rows, share / share.sum(), size=replicates)
        return make_score(value, np.clip(value + drawn @ influence / self.num_rows, 0, 1), self.num_rows)

    def _influence(self, classes: IntArray, per_class: FloatArray) -> FloatArray:
        """How much each sampled row (S,) pulls at the mean AUC of `classes`."""
        truth, _, bins = self._sample
        total = np.zeros(len(truth))
        for c, area in zip(classes, per_class, strict=True):
            positive, negative = self._positive[c], self._all[c] - self._positive[c]
            won = _below(negative) / negative.sum()
            lost = 1 - _below(positive) / positive.sum()
            as_class = (won[bins[:, c]] - area) * (self.num_rows / positive.sum())
            as_other = (lost[bins[:, c]] - area) * (self.num_rows / negative.sum())
            total += np.where(truth == c, as_class, as_other)
        return total / classes.size


def _log_odds_bins(probabilities: FloatArray) -> IntArray:
    edge = 1 / (1 + np.exp(MAX_LOG_ODDS))
    safe = np.clip(probabilities, edge, 1 - edge)
    place = (np.log(safe / (1 - safe)) + MAX_LOG_ODDS) * (NUM_BINS / (2 * MAX_LOG_ODDS))
    return np.clip(place, 0, NUM_BINS - 1).astype(np.int64)
