"""How good answers are when each row has one class.

Shapes: N rows of a batch, C classes, R replicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from textwright.core.records import Score
from textwright.core.seeds import generator
from textwright.measure.base import Array, FloatArray, IntArray, class_ids, probabilities, require_rows
from textwright.measure.bootstrap import GroupedSums, make_score, ratio, share_score
from textwright.measure.ranking import OneVsRestAuc, TwoClassAuc
from textwright.measure.reliability import NUM_BINS, Reliability, bin_gaps, ece_score
from textwright.measure.tally import Confusion, per_class_records

_REPLICATES_OF_DETAILS = 1000
_SMALLEST = float(np.finfo(np.float64).eps)


class ClassifyMeter:
    """Measures class probabilities, and answers where they are given; otherwise the class with the highest
    probability is the answer (the first among equals).

    - `accuracy`; `macro_f1`, `precision`, `recall`: plain means over the classes that occur in the truth or
      in the answers, 0 where a class has no answer or no truth (scikit-learn's `zero_division=0`); `mcc`.
    - `auc`: for two classes that of the second class; for more, the mean over classes of one against the
      rest. It does not exist (NaN) where the truth has one class only.
    - `log_loss`: mean of -ln(probability of the true class), clipped at 2.2e-16.
    - `brier`: for two classes mean (p - y)^2 of the second class; for more, the sum over classes (Brier
      1950).
    - `ece`: on the confidence in the answer, which is its probability, see `textwright.measure.reliability`.

    Intervals are 95 % percentile bootstrap over rows (`textwright.measure.bootstrap`). For a perfect score
    they shrink to a point, as no row differs; accuracy alone then has Wilson's interval, and says what n
    rows can tell.

    >>> meter = ClassifyMeter(["bad", "good"])
    >>> meter.update(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]))
    >>> round(meter.scores()["accuracy"].value, 3), meter.details()["confusion"]
    (0.667, [[1, 0], [1, 1]])
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = list(labels)
        self.num_rows = 0
        self._confusion = Confusion(len(self.labels))
        self._means = GroupedSums(2 + NUM_BINS)
        self._reliability = Reliability()
        self._ranking = TwoClassAuc() if len(self.labels) == 2 else OneVsRestAuc(len(self.labels))

    def update(self, truth: Array, outputs: Array, answers: Array | None = None) -> None:
        """Take in class ids (N,), probabilities (N, C), and the ids that were answered (N,).

        Raises DataError for an id outside 0 ... C - 1 and for a probability that is NaN or outside 0 ... 1.
        """
        ids = class_ids(truth, len(self.labels), self.num_rows)
        rows = probabilities(outputs, (len(ids), len(self.labels)), self.num_rows)
        picked = rows.argmax(axis=1)
        if answers is not None:
            picked = class_ids(answers, len(self.labels), self.num_rows)
            if picked.shape != ids.shape:
                raise ValueError(f"{ids.size} rows of truth but {picked.size} answers")
        confidence = rows[np.arange(len(ids)), picked]
        right = (picked == ids).astype(np.float64)
        self.num_rows += len(ids)
        self._confusion.add(ids, picked)
        gaps = bin_gaps(confidence[:, None], right[:, None])
        self._means.add(np.column_stack([_log_losses(ids, rows), _briers(ids, rows), gaps]))
        self._reliability.add(confidence, right)
        self._ranking.add(ids, rows)

    def scores(self, *, seed: int = 0, replicates: int = 1000) -> dict[str, Score]:
        """All scores with their intervals, by name. Raises DataError when no row was seen."""
        require_rows(self.num_rows)
        return {
            **self._of_answers(replicates, generator(seed, "measure", "confusion")),
            "auc": self._ranking.score(replicates, generator(seed, "measure", "auc")),
            **self._of_probabilities(replicates, generator(seed, "measure", "means")),
        }

    def _of_answers(self, replicates: int, rng: np.random.Generator) -> dict[str, Score]:
        tally, samples = self._confusion.tally(), self._confusion.resampled(replicates, rng)
        scores = {"accuracy": share_score(float(tally.accuracy()), samples.accuracy(), self.num_rows)}
        for name, of in (("macro_f1", "f1"), ("precision", "precision"), ("recall", "recall")):
            value, sampled = (t.macro(getattr(t, of)()) for t in (tally, samples))
            scores[name] = make_score(float(value), sampled, self.num_rows)
        scores["mcc"] = make_score(float(tally.mcc()), samples.mcc(), self.num_rows)
        return scores

    def _of_probabilities(self, replicates: int, rng: np.random.Generator) -> dict[str, Score]:
        total, drawn = self._means.total(), self._means.resampled(replicates, rng)
        value, samples = ratio(total, total[0]), ratio(drawn, drawn[:, :1])
        n = self.num_rows
        return {
            "log_loss": make_score(value[1], samples[:, 1], n, "lower"),
            "brier": make_score(value[2], samples[:, 2], n, "lower"),
            "ece": ece_score(value[3:], samples[:, 3:], n),
        }

    def details(self, *, seed: int = 0) -> dict[str, Any]:
        """Confusion matrix (rows are truth), scores per class, reliability table, noise floor of `ece`."""
        require_rows(self.num_rows)
        samples = self._confusion.resampled(_REPLICATES_OF_DETAILS, generator(seed, "measure", "confusion"))
        return {
            "labels": self.labels,
            "confusion": self._confusion.counts.tolist(),
            "per_class": per_class_records(self.labels, self._confusion.tally(), samples),
            "calibration": self._reliability.table(),
            "ece_noise_floor": self._reliability.noise_floor(generator(seed, "measure", "noise floor")),
        }


def _log_losses(truth: IntArray, rows: FloatArray) -> FloatArray:
    of_truth = rows[np.arange(len(truth)), truth]
    out: FloatArray = -np.log(np.maximum(of_truth, _SMALLEST))
    return out


def _briers(truth: IntArray, rows: FloatArray) -> FloatArray:
    if rows.shape[1] == 2:
        return np.square(rows[:, 1] - truth)
    # Sum over classes of (p - y)^2, without building y.
    out: FloatArray = np.square(rows).sum(axis=1) + 1 - 2 * rows[np.arange(len(truth)), truth]
    return out
