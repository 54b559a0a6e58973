"""MultilabelMeter on hand-computed values and at its edges."""

from __future__ import annotations

import json

import numpy as np
import pytest

from textwright.core.errors import DataError
from textwright.measure.multilabel import MultilabelMeter


def test_by_hand() -> None:
    meter = MultilabelMeter(["a", "b"])
    truth, rows = np.array([[1, 0], [1, 1], [0, 0]]), np.array([[0.9, 0.2], [0.8, 0.4], [0.6, 0.1]])
    meter.update(truth, rows)
    scores = meter.scores()
    of_truth = np.where(truth == 1, rows, 1 - rows)
    expected = {
        "accuracy": 1 / 3,
        "macro_f1": (4 / 5 + 0) / 2,
        "micro_f1": 4 / 6,
        "precision": 2 / 3,
        "recall": 2 / 3,
        "log_loss": -np.log(of_truth).mean(),
        "brier": ((1 - of_truth) ** 2).mean(),
        # Bins hold 0.1 | 0.2 | 0.4 | 0.6 | 0.8 | 0.9 (edges every 1/15; 0.2, 0.4, 0.6, 0.8 are upper edges).
        "ece": (0.1 + 0.2 + 0.6 + 0.6 + 0.2 + 0.1) / 6,
    }
    assert {name: score.value for name, score in scores.items()} == pytest.approx(expected)


def test_threshold_is_part_of_the_answer() -> None:
    meter = MultilabelMeter(["a"], threshold=0.3)
    meter.update(np.array([[1], [1], [0]]), np.array([[0.3], [0.29], [0.1]]))
    assert meter.scores()["recall"].value == 0.5
    assert meter.details()["threshold"] == 0.3


def test_labels_of_a_row_are_resampled_together() -> None:
    # Ten copies of one label tell no more than one: the interval must not shrink.
    rng = np.random.default_rng(0)
    truth = (rng.random((300, 1)) < 0.5).astype(int)
    rows = np.clip(0.5 + (truth - 0.5) * 0.5 + 0.4 * (rng.random((300, 1)) - 0.5) * 2, 0, 1)
    single, copies = MultilabelMeter(["a"]), MultilabelMeter(list("abcdefghij"))
    single.update(truth, rows)
    copies.update(np.repeat(truth, 10, axis=1), np.repeat(rows, 10, axis=1))
    one, ten = single.scores(), copies.scores()
    for name in ("micro_f1", "macro_f1", "log_loss", "brier"):
        assert (ten[name].low, ten[name].high) == pytest.approx((one[name].low, one[name].high))


def test_batches_make_no_difference() -> None:
    rng = np.random.default_rng(0)
    rows = rng.random((3000, 4))
    truth = (rng.random((3000, 4)) < rows).astype(int)
    one, many = MultilabelMeter(list("abcd")), MultilabelMeter(list("abcd"))
    one.update(truth, rows)
    for start in range(0, 3000, 128):
        many.update(truth[start : start + 128], rows[start : start + 128])
    for name, score in one.scores().items():
        other = many.scores()[name]
        assert (score.value, score.low, score.high) == pytest.approx((other.value, other.low, other.high))
        assert score.low <= score.value <= score.high


def test_details_per_label() -> None:
    meter = MultilabelMeter(["a", "b", "never"])
    meter.update(np.array([[1, 0, 0], [1, 1, 0]]), np.array([[0.9, 0.2, 0.1], [0.3, 0.8, 0.1]]))
    records = json.loads(json.dumps(meter.details(), allow_nan=False))["per_class"]
    assert [(r["label"], r["n"], r["recall"]["value"]) for r in records] == [
        ("a", 2, 0.5),
        ("b", 1, 1.0),
        ("never", 0, 0.0),
    ]
    # A label that occurs nowhere does not pull the mean down.
    assert meter.scores()["macro_f1"].value == pytest.approx((2 / 3 + 1) / 2)


def test_all_right_is_not_certain() -> None:
    meter = MultilabelMeter(["a"])
    meter.update(np.array([[1], [0]]), np.array([[0.9], [0.1]]))
    assert meter.scores()["accuracy"].low == pytest.approx(0.3424, abs=1e-4)


def test_faults_are_named() -> None:
    meter = MultilabelMeter(["a", "b"])
    with pytest.raises(DataError, match=r"row 1 .*label 0: the truth is 2"):
        meter.update(np.array([[0, 1], [2, 0]]), np.full((2, 2), 0.5))
    with pytest.raises(DataError, match=r"row 0 .*output 1: the probability is nan"):
        meter.update(np.array([[0, 1]]), np.array([[0.5, np.nan]]))
    with pytest.raises(ValueError, match="shape"):
        meter.update(np.array([0, 1]), np.full((2, 2), 0.5))
    with pytest.raises(DataError, match="no row"):
        meter.scores()


def test_answers_other_than_those_above_the_threshold() -> None:
    truth, rows = np.array([[1, 0], [1, 1]]), np.array([[0.9, 0.6], [0.3, 0.8]])
    given, plain = MultilabelMeter(["a", "b"]), MultilabelMeter(["a", "b"])
    given.update(truth, rows, np.array([[1, 0], [1, 0]], np.uint8))
    plain.update(truth, rows)
    moved, kept = given.scores(), plain.scores()
    assert (moved["accuracy"].value, kept["accuracy"].value) == (0.5, 0.0)
    assert (moved["precision"].value, moved["recall"].value) == pytest.approx((1, 2 / 3))
    for name in ("log_loss", "brier", "ece"):
        assert moved[name] == kept[name]
    with pytest.raises(ValueError, match="answers have the shape"):
        plain.update(truth, rows, np.array([1, 0]))
