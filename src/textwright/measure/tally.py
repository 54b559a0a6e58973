"""Precision, recall, F1 and MCC from counts per class, for one table or many bootstrap samples at once.

Shapes: R replicates (or none), C classes, U non-empty cells of a confusion matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from textwright.measure.base import FloatArray, IntArray
from textwright.measure.bootstrap import ratio, resampled_cells, share_score


@dataclass(frozen=True)
class Tally:
    """Per class (..., C): rows that are right, rows whose truth it is, rows for which it was predicted.

    What is not defined (0 / 0) counts as 0, as in scikit-learn with `zero_division=0`; macro means run over
    the classes that occur in the truth or in the predictions.
    """

    hits: FloatArray
    truth: FloatArray
    predicted: FloatArray

    def precision(self) -> FloatArray:
        return ratio(self.hits, self.predicted)

    def recall(self) -> FloatArray:
        return ratio(self.hits, self.truth)

    def f1(self) -> FloatArray:
        return ratio(2 * self.hits, self.truth + self.predicted)

    def macro(self, per_class: FloatArray) -> FloatArray:
        """The mean (...) of (..., C) over the classes that occur."""
        occurs = self.truth + self.predicted > 0
        return ratio((per_class * occurs).sum(axis=-1), occurs.sum(axis=-1))

    def micro(self) -> Tally:
        """All classes added up (..., 1)."""
        return Tally(*(part.sum(axis=-1, keepdims=True) for part in (self.hits, self.truth, self.predicted)))

    def accuracy(self) -> FloatArray:
        """The share of rows that are right, where each row has one class."""
        return ratio(self.hits.sum(axis=-1), self.truth.sum(axis=-1))

    def mcc(self) -> FloatArray:
        """Matthews' correlation for any number of classes (Gorodkin 2004); 0 where it is not defined."""
        n = self.truth.sum(axis=-1)
        shared = n * self.hits.sum(axis=-1) - (self.truth * self.predicted).sum(axis=-1)
        spread = [n**2 - (part**2).sum(axis=-1) for part in (self.truth, self.predicted)]
        return ratio(shared, np.sqrt(spread[0] * spread[1]))


class Confusion:
    """The confusion matrix `counts` (C, C), rows are truth, and bootstrap samples of it."""

    def __init__(self, num_classes: int) -> None:
        self.counts: IntArray = np.zeros((num_classes, num_classes), dtype=np.int64)

    def add(self, truth: IntArray, predicted: IntArray) -> None:
        np.add.at(self.counts, (truth, predicted), 1)

    def tally(self) -> Tally:
        hits, truth, predicted = np.diagonal(self.counts), self.counts.sum(axis=1), self.counts.sum(axis=0)
        return Tally(hits.astype(np.float64), truth.astype(np.float64), predicted.astype(np.float64))

    def resampled(self, replicates: int, rng: np.random.Generator) -> Tally:
        """Tallies (R, C) of bootstrap samples of the rows: multinomial draws of the non-empty cells."""
        truth, predicted = np.nonzero(self.counts)
        by_predicted = np.argsort(predicted, kind="stable")
        right = np.flatnonzero(truth == predicted)
        parts = []
        for drawn in resampled_cells(self.counts[truth, predicted], replicates, rng):
            parts.append(
                (
                    self._spread(drawn[:, right], truth[right]),
                    self._spread(drawn, truth),
                    self._spread(drawn[:, by_predicted], predicted[by_predicted]),
                )
            )
        return Tally(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def _spread(self, drawn: IntArray, classes: IntArray) -> FloatArray:
        """Sums (r, C) of the columns of `drawn` by their class; `classes` is sorted."""
        out = np.zeros((len(drawn), len(self.counts)))
        found, starts = np.unique(classes, return_index=True)
        if found.size:
            out[:, found] = np.add.reduceat(drawn, starts, axis=1)
        return out


def per_class_records(labels: list[str], tally: Tally, samples: Tally) -> list[dict[str, Any]]:
    """One record a label: precision, recall and F1 as scores, and `n`, the rows whose truth it is.

    At 0 and 1 the interval is that of a share: of the rows answered so, of those whose truth it is, and for
    F1, which is twice the hits among both, of half of these together.
    """
    records: list[dict[str, Any]] = [{"label": label} for label in labels]
    num_rows = tally.truth.astype(np.int64).tolist()
    shares_of = {
        "precision": tally.predicted,
        "recall": tally.truth,
        "f1": (tally.truth + tally.predicted) / 2,
    }
    for name, sizes in shares_of.items():
        values, replicates = getattr(tally, name)(), getattr(samples, name)()
        for i, record in enumerate(records):
            score = share_score(values[i], replicates[:, i], int(np.ceil(sizes[i])))
            record[name] = replace(score, n=num_rows[i]).to_json()
    return [{**record, "n": n} for record, n in zip(records, num_rows, strict=True)]
