"""Is one of two better on the same rows, and is that more than chance.

Shapes: N rows, K outputs, C labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from textwright.core.records import Score
from textwright.measure.base import FloatArray
from textwright.measure.paired import mcnemar, paired_bootstrap
from textwright.text.schema import TaskName
from textwright.text.targets import Targets

LEVEL = 0.05


@dataclass(frozen=True)
class Difference:
    """b - a in `metric` over the same rows, with the test that fits the task; `mcnemar` for single labels."""

    metric: str
    score: Score
    p_value: float
    test: str
    mcnemar: dict[str, Any] | None

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
