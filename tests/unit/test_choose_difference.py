"""Differences on the same rows, against numbers counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from textwright.choose.pick.difference import find_difference, row_values
from textwright.tasks.base import TASKS, Decode


def test_a_label_set_is_right_as_a_whole() -> None:
    outputs = np.array([[2.0, 1.5], [2.0, -1.5], [-2.0, -0.5], [0.0, -2.0]])
    truth = np.array([[1, 1], [1, 1], [0, 0], [0, 1]], np.uint8)
    answers = TASKS.get("multilabel").answered(outputs, Decode())
    assert answers.tolist() == [[1, 1], [1, 0], [0, 0], [1, 0]]
    assert row_values(answers, truth, "multilabel").tolist() == [1, 0, 1, 0]


def test_labels_and_scores_by_row() -> None:
    answers, ids = np.array([0, 1]), np.array([0, 0])
    assert row_values(answers, ids, "classify").tolist() == [1, 0]
    assert row_values(np.array([1.0, 3.0]), np.array([1.0, 1.0]), "score").tolist() == [0, 4]


@pytest.mark.parametrize(("task", "gain"), [("classify", -0.5), ("multilabel", -0.5), ("score", 0.5)])
def test_the_difference_is_b_less_a(task: str, gain: float) -> None:
    a, b = np.ones(30), np.arange(30) % 2.0
    found = find_difference(task, a, b)  # type: ignore[arg-type]
    assert found.score.value == -0.5 and found.gain == gain and found.is_shown
    assert (found.mcnemar is not None) == (task == "classify")
    assert not find_difference(task, a, a).is_shown  # type: ignore[arg-type]
