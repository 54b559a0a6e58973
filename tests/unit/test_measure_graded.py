"""GradedMeter against plain resampling of rows, and at its edges."""

from __future__ import annotations

import json

import numpy as np
import pytest

from textwright.core.errors import DataError
from textwright.measure.graded import GradedMeter


def test_by_hand() -> None:
    meter = GradedMeter()
    meter.update(np.array([1, 2, 3]), np.array([2.0, 2.0, 5.0], dtype=np.float32))
    scores = meter.scores()
    assert scores["mse"].value == pytest.approx(5 / 3)
    assert scores["mae"].value == pytest.approx(1.0)
    assert scores["pearson"].value == pytest.approx(np.sqrt(3) / 2)
    # Ranks 1 2 3 against 1.5 1.5 3.
    assert scores["spearman"].value == pytest.approx(np.sqrt(3) / 2)
    assert [scores[name].better for name in ("mse", "mae", "pearson")] == ["lower", "lower", "higher"]


@pytest.mark.parametrize("shift", [0.0, 1e7])
def test_intervals_are_those_of_resampled_rows(shift: float) -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=400) + shift
    predictions = truth + rng.normal(size=400)
    meter = GradedMeter()
    for start in range(0, 400, 64):
        meter.update(truth[start : start + 64], predictions[start : start + 64])
    scores = meter.scores(replicates=3000)
    plain = []
    for _ in range(1000):
        rows = rng.integers(400, size=400)
        error = predictions[rows] - truth[rows]
        plain.append(
            [(error**2).mean(), np.abs(error).mean(), np.corrcoef(truth[rows], predictions[rows])[0, 1]]
        )
    for i, name in enumerate(("mse", "mae", "pearson")):
        low, high = np.quantile(np.array(plain)[:, i], (0.025, 0.975))
        room = 0.12 * (high - low)
        assert scores[name].low == pytest.approx(low, abs=room)
        assert scores[name].high == pytest.approx(high, abs=room)


def test_many_rows_are_grouped_and_intervals_shrink() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for num_rows in (2000, 32_000):
        truth = rng.normal(size=num_rows)
        meter = GradedMeter()
        meter.update(truth, truth + rng.normal(size=num_rows))
        scores = meter.scores()
        assert all(score.low <= score.value <= score.high for score in scores.values())
        widths.append([score.high - score.low for score in scores.values()])
    assert np.divide(*widths) == pytest.approx(4.0, rel=0.2)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e9 + 0.3])  # the mean of 13 or 15 such is not exact
@pytest.mark.parametrize("num_rows", [13, 15])
def test_constant_predictions_have_no_correlation(num_rows: int, constant: float) -> None:
    meter = GradedMeter()
    meter.update(np.arange(float(num_rows)), np.full(num_rows, constant))
    scores = meter.scores()
    for name in ("pearson", "spearman"):
        record = scores[name].to_json()
        assert (record["value"], record["low"], record["high"]) == (None, None, None)
    assert scores["mae"].low <= scores["mae"].value <= scores["mae"].high


@pytest.mark.parametrize("num_rows", range(5, 30))
def test_nearly_constant_samples_are_left_out(num_rows: int) -> None:
    # One row differs; 37 % of the samples miss it and have no correlation.
    meter = GradedMeter()
    meter.update(np.array([0.1] * num_rows + [0.7]), np.array([0.2] * num_rows + [0.9]))
    score = meter.scores(replicates=200)["pearson"]
    assert (score.value, score.low, score.high) == pytest.approx((1.0, 1.0, 1.0))


def test_one_row() -> None:
    meter = GradedMeter()
    meter.update(np.array([1.0]), np.array([3.0]))
    scores = meter.scores()
    assert (scores["mse"].value, scores["mse"].low, scores["mse"].high) == (4.0, 4.0, 4.0)
    assert np.isnan(scores["pearson"].value)


def test_details() -> None:
    meter = GradedMeter()
    meter.update(np.arange(101.0), np.arange(101.0) + np.arange(101.0) / 100)
    details = json.loads(json.dumps(meter.details(), allow_nan=False))
    assert details["range_of_truth"] == [0.0, 100.0]
    assert details["residual_quantiles"]["0.25"] == pytest.approx(0.25)


def test_faults_are_named() -> None:
    meter = GradedMeter()
    with pytest.raises(DataError, match="no row"):
        meter.scores()
    meter.update(np.zeros(5), np.zeros(5))
    with pytest.raises(DataError, match=r"row 6 .*prediction is nan"):
        meter.update(np.zeros(2), np.array([0.0, np.nan]))
    with pytest.raises(DataError, match=r"row 5 .*truth is inf"):
        meter.update(np.array([np.inf]), np.zeros(1))
    with pytest.raises(ValueError, match="2 rows of truth but 3"):
        meter.update(np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match="shape"):
        meter.update(np.zeros((2, 1)), np.zeros((2, 1)))


def test_agreement_of_stars_has_a_field_for_each() -> None:
    meter = GradedMeter()
    meter.update(np.array([1.0, 1, 4, 5]), np.array([0.2, 2.4, 3.1, 9.0]))
    found = meter.details()["agreement"]
    assert found == {
        "values": [1, 4, 5],
        "edges": [1, 2.5, 4.5, 5],
        "counts": [[2, 0, 0], [0, 1, 0], [0, 0, 1]],
    }


def test_agreement_of_many_scores_has_round_fields_and_counts_every_row() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(-3.3, 3.2, 500)
    predictions = truth + rng.normal(size=500)
    meter = GradedMeter()
    meter.update(truth, predictions)
    found = meter.details()["agreement"]
    edges, counts = np.array(found["edges"]), np.array(found["counts"])
    assert found["values"] is None and counts.sum() == 500
    assert np.allclose(np.diff(edges), 1.0) and edges[0] == -4 and edges[-1] == 4
    inside = np.clip(predictions, edges[0], edges[-1])
    expected, _, _ = np.histogram2d(truth, inside, bins=[edges, edges])
    assert (counts == expected).all()


def test_there_is_no_agreement_with_one_score() -> None:
    meter = GradedMeter()
    meter.update(np.ones(3), np.arange(3.0))
    assert meter.details()["agreement"] is None


def test_answers_stand_for_the_predictions() -> None:
    given, plain = GradedMeter(), GradedMeter()
    given.update(np.array([1.0, 2.0]), np.array([5.0, 5.0]), np.array([1.5, 2.0]))
    plain.update(np.array([1.0, 2.0]), np.array([1.5, 2.0]))
    assert given.scores()["mse"] == plain.scores()["mse"]
