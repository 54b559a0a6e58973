"""Differences on the same rows, against numbers counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from textwright.choose.difference import answered, find_difference, row_values


def test_a_label_set_is_right_as_a_whole() -> None:
    measured = np.array([[0.9, 0.8], [0.9, 0.2], [0.1, 0.4], [0.5, 0.1]])
    truth = np.array([[1, 1], [1, 1], [0, 0], [0, 1]], np.uint8)
    assert answered(measured, "multilabel").tolist() == [[1, 1], [1, 0], [0, 0], [1, 0]]
    assert row_values(measured, truth, "multilabel").tolist() == [1, 0, 1, 0]


def test_labels_and_scores_by_row() -> None:
    shares, ids = np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0])
    assert row_values(shares, ids, "classify").tolist() == [1, 0]
    assert row_values(np.array([1.0, 3.0]), np.array([1.0, 1.0]), "score").tolist() == [0, 4]


@pytest.mark.parametrize(("task", "gain"), [("classify", -0.5), ("multilabel", -0.5), ("score", 0.5)])
def test_the_difference_is_b_less_a(task: str, gain: float) -> None:
    a, b = np.ones(30), np.arange(30) % 2.0
    found = find_difference(task, a, b)  # type: ignore[arg-type]
    assert found.score.value == -0.5 and found.gain == gain and found.is_shown
    assert (found.mcnemar is not None) == (task == "classify")
    assert not find_difference(task, a, a).is_shown  # type: ignore[arg-type]
