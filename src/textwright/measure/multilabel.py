"""How good answers are when each row has any number of labels.

Shapes: N rows of a batch, C labels, R replicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from textwright.core.records import Score
from textwright.core.seeds import generator
from textwright.measure.base import Array, FloatArray, label_bits, probabilities, require_rows
from textwright.measure.bootstrap import GroupedSums, make_score, ratio, share_score
from textwright.measure.reliability import NUM_BINS, Reliability, bin_gaps, ece_score
from textwright.measure.tally import Tally, per_class_records

_REPLICATES_OF_DETAILS = 1000
_SMALLEST = float(np.finfo(np.float64).eps)


class MultilabelMeter:
    """Measures label probabilities, and answers where they are given; otherwise labels at or above
    `threshold` are the answer.

    - `accuracy`: share of rows with exactly the right labels.
    - `macro_f1`: mean of F1 over the labels that occur in the truth or in the answers (scikit-learn with
      `zero_division=nan`); `micro_f1`, `precision`, `recall`: over all (row, label) pairs.
    - `log_loss`, `brier`: mean over pairs of -ln(probability of the truth), clipped at 2.2e-16, and of (p -
      y)^2.
    - `ece`: over pairs, the probability of the label against how often it applies, in 15 bins.

    Intervals are 95 % percentile bootstrap over rows, which keeps the labels of a row together. For a
    perfect score they shrink to a point; accuracy alone then has Wilson's interval.

    >>> meter = MultilabelMeter(["cheap", "tasty"])
    >>> meter.update(np.array([[1, 0], [1, 1]]), np.array([[0.9, 0.2], [0.8, 0.4]]))
    >>> scores = meter.scores()
    >>> scores["accuracy"].value, scores["precision"].value, round(scores["recall"].value, 3)
    (0.5, 1.0, 0.667)
    """

    def __init__(self, labels: Sequence[str], threshold: float = 0.5) -> None:
        self.labels = list(labels)
        self.threshold = threshold
        self.num_rows = 0
        self._sums = GroupedSums(3 + NUM_BINS + 3 * len(self.labels))
        self._reliability = Reliability()

    def update(self, truth: Array, outputs: Array, answers: Array | None = None) -> None:
        """Take in truth (N, C) of 0 and 1, probabilities (N, C), and answers (N, C) of 0 and 1.

        Raises DataError for truth other than 0 and 1 and for a probability that is NaN or outside 0 ... 1.
        """
        shape = len(truth), len(self.labels)
        applies = label_bits(truth, shape, self.num_rows)
        rows = probabilities(outputs, shape, self.num_rows)
        self.num_rows += len(rows)
        picked = (rows >= self.threshold if answers is None else np.asarray(answers) > 0).astype(np.float64)
        if picked.shape != shape:
            raise ValueError(f"answers have the shape {picked.shape}, expected (rows, labels) = {shape}")
        parts = [
            (picked == applies).all(axis=1),
            _log_losses(applies, rows).mean(axis=1),
            np.square(rows - applies).mean(axis=1),
            bin_gaps(rows, applies) / len(self.labels),
            picked * applies,
            applies,
            picked,
        ]
        self._sums.add(np.column_stack(parts))
        self._reliability.add(rows.ravel(), applies.ravel())

    def scores(self, *, seed: int = 0, replicates: int = 1000) -> dict[str, Score]:
        """All scores with their intervals, by name. Raises DataError when no row was seen."""
        require_rows(self.num_rows)
        n = self.num_rows
        total = self._sums.total()
        drawn = self._sums.resampled(replicates, generator(seed, "measure", "multilabel"))
        value, samples = ratio(total, total[0]), ratio(drawn, drawn[:, :1])
        tally, tallies = self._tally(total), self._tally(drawn)
        pooled, pools = tally.micro(), tallies.micro()
        of_answers = {
            "accuracy": share_score(value[1], samples[:, 1], n),
            "macro_f1": make_score(float(tally.macro(tally.f1())), tallies.macro(tallies.f1()), n),
            "micro_f1": make_score(float(pooled.f1()[0]), pools.f1()[:, 0], n),
            "precision": make_score(float(pooled.precision()[0]), pools.precision()[:, 0], n),
            "recall": make_score(float(pooled.recall()[0]), pools.recall()[:, 0], n),
        }
        return of_answers | {
            "log_loss": make_score(value[2], samples[:, 2], n, "lower"),
            "brier": make_score(value[3], samples[:, 3], n, "lower"),
            "ece": ece_score(value[4 : 4 + NUM_BINS], samples[:, 4 : 4 + NUM_BINS], n),
        }

    def details(self, *, seed: int = 0) -> dict[str, Any]:
        """Scores per label, reliability table over all (row, label) pairs and the noise floor of `ece`."""
        require_rows(self.num_rows)
        rng = generator(seed, "measure", "multilabel")
        samples = self._tally(self._sums.resampled(_REPLICATES_OF_DETAILS, rng))
        return {
            "labels": self.labels,
            "threshold": self.threshold,
            "per_class": per_class_records(self.labels, self._tally(self._sums.total()), samples),
            "calibration": self._reliability.table(),
            "ece_noise_floor": self._reliability.noise_floor(generator(seed, "measure", "noise floor")),
        }

    def _tally(self, sums: FloatArray) -> Tally:
        return Tally(*np.split(sums[..., 4 + NUM_BINS :], 3, axis=-1))


def _log_losses(applies: FloatArray, rows: FloatArray) -> FloatArray:
    of_truth = np.where(applies == 1, rows, 1 - rows)
    out: FloatArray = -np.log(np.maximum(of_truth, _SMALLEST))
    return out
