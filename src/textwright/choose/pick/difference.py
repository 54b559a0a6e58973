"""Is one of two better on the same rows, and is that more than chance.

Shapes: N rows, K outputs, C labels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from textwright.core.records import Score
from textwright.core.seeds import generator
from textwright.measure.base import FloatArray
from textwright.measure.bootstrap import make_score
from textwright.measure.paired import mcnemar, paired_bootstrap
from textwright.measure.tally import Tally
from textwright.tasks.base import Array
from textwright.tasks.metrics import TUNABLE, of_tally
from textwright.text.schema import TaskName
from textwright.text.targets import Targets

LEVEL = 0.05
_REPLICATES = 2_000


@dataclass(frozen=True)
class Difference:
    """b - a in `metric` over the same rows, with the test that fits the task; `mcnemar` for single labels.

    `error` is the standard error of the difference over rows.
    """

    metric: str
    score: Score
    p_value: float
    test: str
    mcnemar: dict[str, Any] | None
    error: float = math.nan

    @property
    def gain(self) -> float:
        """How much better b is, in the units of the metric."""
        return self.score.value if self.score.better == "higher" else -self.score.value

    @property
    def is_shown(self) -> bool:
        """The test found more than chance, at 5 %."""
        return self.p_value < LEVEL


def find_difference(task: TaskName, of_a: FloatArray, of_b: FloatArray, *, seed: int = 0) -> Difference:
    """Compare two sides by their values (N,) a row: see `row_values`.

    Single labels: McNemar's exact test (1947). Label sets: paired randomisation test (Noreen 1989) of exact
    matches. Scores: the same of squared errors. The interval is a paired bootstrap's.

    >>> right, half = np.ones(20), np.arange(20) % 2.0
    >>> found = find_difference("classify", half, right)
    >>> found.score.value, found.p_value, found.is_shown
    (0.5, 0.001953125, True)
    """
    bootstrap = paired_bootstrap(of_a, of_b, seed=seed)
    graded = task == "score"
    score = Score.from_json({**bootstrap["difference"], "better": "lower" if graded else "higher"})
    exact = mcnemar(of_a > 0, of_b > 0) if task == "classify" else None
    return Difference(
        metric="mse" if graded else "accuracy",
        score=score,
        p_value=float((exact or bootstrap)["p_value"]),
        test="mcnemar" if exact else "paired randomisation",
        mcnemar=exact,
        error=_error(of_b - of_a),
    )


def row_values(answers: Targets, targets: Targets, task: TaskName) -> FloatArray:
    """(N,) squared errors of scores; otherwise 1 where the answer is exactly right.

    Both are in the form of targets: class ids (N,), label sets (N, C) or scores (N,); see `Task.answered`.
    """
    if task == "score":
        errors: FloatArray = np.square(answers - targets, dtype=np.float64)
        return errors
    same = np.reshape(answers == targets, (len(targets), -1))
    return np.array(same.all(axis=1), np.float64)


@dataclass(frozen=True)
class Side:
    """What one of two gave for the same rows: its probabilities or scores, and its answers."""

    measured: Array
    answers: Targets


def metric_difference(
    task: TaskName, metric: str, truth: Targets, sides: tuple[Side, Side], *, seed: int = 0
) -> Difference:
    """Compare side b with side a in the metric that is chosen by.

    Scores that follow from counts of answers, such as `macro_f1`, are compared by a paired bootstrap over
    rows (Efron 1979); its p-value is twice the share of samples in which the other side is ahead. Means over
    rows (`accuracy`, `log_loss`, `brier`, `mse`, `mae`) are compared by `find_difference`. What is neither
    (`auc`, correlations) is compared by the loss that goes with it, and `metric` says so.
    """
    if task == "classify" and metric in TUNABLE["classify"]:
        return _counted_difference(metric, truth, sides, seed)
    name, better, values = _row_metric(task, metric, truth, sides)
    if name == "accuracy":
        return find_difference(task, *values, seed=seed)
    bootstrap = paired_bootstrap(*values, seed=seed)
    score = Score.from_json({**bootstrap["difference"], "better": better})
    error = _error(values[1] - values[0])
    return Difference(name, score, float(bootstrap["p_value"]), "paired randomisation", None, error)


def _error(differences: FloatArray) -> float:
    return float(differences.std() / math.sqrt(max(len(differences), 1)))


def _row_metric(
    task: TaskName, metric: str, truth: Targets, sides: tuple[Side, Side]
) -> tuple[str, Literal["higher", "lower"], tuple[FloatArray, FloatArray]]:
    if task == "score":
        name = "mae" if metric == "mae" else "mse"
        gaps = [np.asarray(side.answers - truth, np.float64) for side in sides]
        a, b = (np.abs(gap) if name == "mae" else gap * gap for gap in gaps)
        return name, "lower", (a, b)
    if metric in ("log_loss", "auc", "brier"):
        name = "brier" if metric == "brier" else "log_loss"
        a, b = (_of_probabilities(name, side.measured, truth) for side in sides)
        return name, "lower", (a, b)
    a, b = (row_values(side.answers, truth, task) for side in sides)
    return "accuracy", "higher", (a, b)


def _of_probabilities(name: str, shares: Array, truth: Targets) -> FloatArray:
    """Log loss or squared error (N,) of probabilities (N, C) for ids (N,) or label sets (N, C)."""
    wanted = truth if truth.ndim == 2 else np.eye(shares.shape[1])[truth.astype(np.int64)]
    if name == "brier":
        out: FloatArray = np.square(shares - wanted).sum(axis=1)
    elif truth.ndim == 2:
        out = -np.log(np.maximum(np.where(wanted > 0, shares, 1 - shares), 1e-15)).mean(axis=1)
    else:
        out = -np.log(np.maximum((shares * wanted).sum(axis=1), 1e-15))
    return out


def _counted_difference(metric: str, truth: Targets, sides: tuple[Side, Side], seed: int) -> Difference:
    """Rows with the same truth and the same two answers are alike: their counts are drawn, not the rows."""
    rows = np.stack([truth, sides[0].answers, sides[1].answers], axis=1).astype(np.int64)
    cells, counts = np.unique(rows, axis=0, return_counts=True)
    num_labels = int(cells.max()) + 1
    drawn = generator(seed, "choose", "difference").multinomial(
        len(truth), counts / len(truth), size=_REPLICATES
    )
    values = [
        [of_tally(metric, _tally(cells[:, 0], cells[:, k], c, num_labels)) for c in (counts, drawn)]
        for k in (1, 2)
    ]
    value, replicates = float(values[1][0] - values[0][0]), values[1][1] - values[0][1]
    behind = min(float((replicates <= 0).mean()), float((replicates >= 0).mean()))
    p_value = min(1.0, 2 * max(behind, 1 / _REPLICATES))
    score = make_score(value, replicates, len(truth))
    return Difference(metric, score, p_value, "paired bootstrap", None, float(replicates.std()))


def _tally(truth: Array, answers: Array, counts: Array, num_labels: int) -> Tally:
    """Counts (..., U) of cells as hits, rows of a label and answers of a label (..., C)."""
    of_truth, of_answers = (np.eye(num_labels)[ids] for ids in (truth, answers))
    return Tally(counts @ (of_truth * of_answers), counts @ of_truth, counts @ of_answers)
