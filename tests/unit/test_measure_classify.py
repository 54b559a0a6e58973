"""ClassifyMeter on hand-computed values, at its edges, and by simulation of what its intervals promise."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from textwright.core.errors import DataError
from textwright.core.records import Score
from textwright.core.seeds import generator
from textwright.measure.base import Array
from textwright.measure.classify import ClassifyMeter
from textwright.measure.reliability import ece_score
from textwright.measure.tally import Confusion


def measured(labels: str, truth: list[int], probabilities: list[list[float]]) -> ClassifyMeter:
    meter = ClassifyMeter(list(labels))
    meter.update(np.array(truth), np.array(probabilities))
    return meter


def three_classes(num_rows: int, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, size=num_rows, p=[0.6, 0.3, 0.1])
    powers = np.exp(rng.normal(size=(num_rows, 3)) + 1.5 * np.eye(3)[truth])
    return truth, powers / powers.sum(axis=1, keepdims=True)


def test_by_hand() -> None:
    scores = measured("ab", [0, 1, 1, 0], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]]).scores()
    expected = {
        "accuracy": 3 / 4,
        "macro_f1": (4 / 5 + 2 / 3) / 2,
        "precision": (2 / 3 + 1) / 2,
        "recall": (1 + 1 / 2) / 2,
        "mcc": (2 * 1 - 0) / np.sqrt(1 * 2 * 2 * 3),
        "auc": 1.0,
        "log_loss": -np.log([0.9, 0.8, 0.4, 0.7]).mean(),
        "brier": (0.01 + 0.04 + 0.36 + 0.09) / 4,
        # Each confidence has a bin of its own; three are right.
        "ece": (0.1 + 0.2 + 0.6 + 0.3) / 4,
    }
    assert {name: score.value for name, score in scores.items()} == pytest.approx(expected)
    assert {name for name, score in scores.items() if score.better == "lower"} == {"log_loss", "brier", "ece"}
    assert all(score.n == 4 for score in scores.values())


def test_ece_against_a_plain_loop() -> None:
    truth, rows = three_classes(500)
    meter = ClassifyMeter(["a", "b", "c"])
    meter.update(truth, rows)
    sure, right = rows.max(axis=1), rows.argmax(axis=1) == truth
    expected = 0.0
    table = meter.details()["calibration"]
    assert len(table) == 15
    for b, record in enumerate(table):
        inside = (sure > b / 15) & (sure <= (b + 1) / 15)
        assert record["n"] == inside.sum()
        if not inside.any():
            assert record["confidence"] is None
            continue
        assert record["confidence"] == pytest.approx(sure[inside].mean())
        assert record["accuracy"] == pytest.approx(right[inside].mean())
        expected += inside.mean() * abs(sure[inside].mean() - right[inside].mean())
    assert meter.scores()["ece"].value == pytest.approx(expected)


def test_batches_make_no_difference() -> None:
    truth, rows = three_classes(3000)
    one, many = (ClassifyMeter(["a", "b", "c"]) for _ in range(2))
    one.update(truth, rows)
    for start in range(0, 3000, 130):
        many.update(truth[start : start + 130], rows[start : start + 130])
    many.update(truth[:0], rows[:0])
    ours, theirs = one.scores(seed=3), many.scores(seed=3)
    for name, score in ours.items():
        expected = (theirs[name].value, theirs[name].low, theirs[name].high)
        assert (score.value, score.low, score.high) == pytest.approx(expected)
    assert one.scores(seed=4)["accuracy"].low != ours["accuracy"].low


def test_outputs_are_not_kept() -> None:
    sizes = []
    for num_rows in (10_000, 60_000):
        meter = ClassifyMeter(list("abcdefghij"))
        rows = np.random.default_rng(0).dirichlet(np.ones(10), size=num_rows)
        for start in range(0, num_rows, 2_000):
            meter.update(np.arange(2_000) % 10, rows[start : start + 2_000])
        sizes.append(len(pickle.dumps(meter)))
    assert sizes[1] - sizes[0] < 50_000 * 8  # the outputs of the rows between would be 4 MB


@pytest.mark.parametrize("num_labels", [2, 3])
def test_intervals_hold_their_value(num_labels: int) -> None:
    for num_rows in (1, 2, 5, 40):
        rng = np.random.default_rng(num_rows)
        meter = ClassifyMeter([str(i) for i in range(num_labels)])
        meter.update(rng.integers(num_labels, size=num_rows), rng.dirichlet(np.ones(num_labels), num_rows))
        for name, score in meter.scores(replicates=200).items():
            assert np.isnan(score.value) or score.low <= score.value <= score.high, (num_rows, name)
        json.dumps(meter.details(), allow_nan=False)


def test_one_row() -> None:
    scores = measured("ab", [1], [[0.2, 0.8]]).scores()
    assert scores["accuracy"].low == pytest.approx(0.2065, abs=1e-4)
    assert (scores["log_loss"].low, scores["log_loss"].high) == (scores["log_loss"].value,) * 2
    assert scores["macro_f1"] == Score(1.0, 1.0, 1.0, 1)
    assert scores["auc"].to_json()["value"] is None


def test_all_right_is_not_certain() -> None:
    scores = measured("ab", [0, 1] * 10, [[0.9, 0.1], [0.1, 0.9]] * 10).scores()
    assert scores["accuracy"].low == pytest.approx(0.8388748)
    assert (scores["macro_f1"].low, scores["auc"].value, scores["mcc"].value) == (1.0, 1.0, 1.0)


def test_class_absent_from_the_truth() -> None:
    # "b" is predicted once though it never is the truth: F1 0; "c" occurs nowhere and does not count.
    meter = measured("abc", [0, 0, 0], [[0.8, 0.1, 0.1], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])
    scores = meter.scores()
    assert scores["macro_f1"].value == pytest.approx((4 / 5 + 0) / 2)
    assert scores["recall"].value == pytest.approx((2 / 3 + 0) / 2)
    assert scores["mcc"].value == 0.0
    assert np.isnan(scores["auc"].value)
    assert [record["n"] for record in meter.details()["per_class"]] == [3, 0, 0]


def test_probability_zero_for_the_truth_is_finite() -> None:
    score = measured("ab", [0], [[0.0, 1.0]]).scores()["log_loss"]
    assert score.value == pytest.approx(-np.log(np.finfo(np.float64).eps))


def test_noise_floor_of_a_calibrated_model() -> None:
    floors, values = [], []
    rng = np.random.default_rng(0)
    for _ in range(60):
        second = rng.random(200)
        meter = ClassifyMeter(["a", "b"])
        meter.update((rng.random(200) < second).astype(int), np.column_stack([1 - second, second]))
        floors.append(meter.details()["ece_noise_floor"])
        values.append(meter.scores(replicates=2)["ece"].value)
    assert np.mean(floors) == pytest.approx(np.mean(values), rel=0.1)


def test_ece_interval_of_a_calibrated_model_begins_at_zero() -> None:
    rng = np.random.default_rng(5)
    second = rng.random(400)
    rows = np.column_stack([1 - second, second])
    calibrated, overconfident = ClassifyMeter(["a", "b"]), ClassifyMeter(["a", "b"])
    truth = (rng.random(400) < second).astype(int)
    calibrated.update(truth, rows)
    overconfident.update(truth, rows**4 / (rows**4).sum(axis=1, keepdims=True))
    assert calibrated.scores()["ece"].low == 0
    assert overconfident.scores()["ece"].low > 0.05


def test_ece_interval_covers_gaps_that_noise_makes_larger() -> None:
    rng, covered, true_gaps = generator(0, "gaps"), 0, np.full(15, 0.004)
    for _ in range(300):
        gaps = true_gaps + 0.005 * rng.normal(size=15)
        samples = gaps + 0.005 * rng.normal(size=(400, 15))
        score = ece_score(gaps, samples, 100)
        covered += score.low <= true_gaps.sum() <= score.high
    assert 0.85 < covered / 300 < 0.99


def test_per_class_details() -> None:
    truth, rows = three_classes(200)
    meter = ClassifyMeter(["a", "b", "c"])
    meter.update(truth, rows)
    details = meter.details()
    table = np.array(details["confusion"])
    assert table[0, 1] == ((truth == 0) & (rows.argmax(axis=1) == 1)).sum()
    assert details["labels"] == ["a", "b", "c"]
    for i, record in enumerate(details["per_class"]):
        assert (record["label"], record["n"]) == ("abc"[i], (truth == i).sum())
        assert record["recall"]["value"] == pytest.approx(table[i, i] / table[i].sum())
        assert record["precision"]["low"] < record["precision"]["value"] < record["precision"]["high"]


@pytest.mark.parametrize("bad", [np.nan, np.inf, 7.5, -0.2])
def test_bad_probability_names_the_row(bad: float) -> None:
    meter = measured("ab", [0, 1], [[0.9, 0.1], [0.2, 0.8]])
    with pytest.raises(DataError, match=r"measured row 3 .*output 1"):
        meter.update(np.array([0, 1]), np.array([[0.5, 0.5], [0.5, bad]]))


@pytest.mark.parametrize("bad", [2, -1, 0.5, np.nan])
def test_bad_class_id_names_the_row(bad: float) -> None:
    with pytest.raises(DataError, match=r"measured row 1 .*from 0 to 1"):
        measured("ab", [0, bad], [[0.9, 0.1], [0.2, 0.8]])  # type: ignore[list-item]


def test_nothing_to_measure() -> None:
    with pytest.raises(DataError, match="no row"):
        ClassifyMeter(["a", "b"]).scores()
    with pytest.raises(ValueError, match="shape"):
        measured("abc", [0], [[0.9, 0.1]])


def test_intervals_cover_the_truth() -> None:
    """300 test sets of 150 rows from a known confusion matrix: about 95 % of the intervals hold the truth."""
    chances = np.array([[0.42, 0.05, 0.03], [0.06, 0.20, 0.02], [0.05, 0.02, 0.15]])
    true_f1 = np.mean(2 * np.diagonal(chances) / (chances.sum(axis=0) + chances.sum(axis=1)))
    rng, covered = generator(0, "coverage"), {"accuracy": 0, "macro_f1": 0}
    for _ in range(300):
        sets = Confusion(3)
        truth, predicted = np.divmod(rng.choice(9, size=150, p=chances.ravel()), 3)
        sets.add(truth, predicted)
        meter = ClassifyMeter(["a", "b", "c"])
        meter.update(truth, np.eye(3)[predicted])
        scores = meter.scores(seed=int(rng.integers(1 << 30)), replicates=200)
        for name, value in (("accuracy", np.trace(chances)), ("macro_f1", true_f1)):
            covered[name] += scores[name].low <= value <= scores[name].high
    assert all(0.90 < count / 300 < 0.99 for count in covered.values()), covered


def test_a_label_that_is_never_found_is_not_known_to_be_hopeless() -> None:
    """Nothing varies at 0 and 1, so a bootstrap would call seven rows certain; Wilson's interval does not."""
    meter = ClassifyMeter(["a", "b"])
    truth = np.array([0] * 7 + [1] * 93)
    meter.update(truth, np.tile([0.1, 0.9], (100, 1)))
    never, always = meter.details()["per_class"]
    assert never["n"] == 7 and always["n"] == 93
    assert (never["recall"]["low"], never["recall"]["value"]) == (0, 0)
    assert never["recall"]["high"] == pytest.approx(0.3543, abs=1e-4)  # Wilson, 0 of 7
    assert never["f1"]["high"] == pytest.approx(0.4899, abs=1e-4)  # 0 of 4: half of 7 and 0
    assert never["precision"]["high"] == 1.0  # it was never answered: nothing is known
    assert always["recall"]["low"] == pytest.approx(0.9603, abs=1e-4)  # Wilson, 93 of 93


def test_answers_other_than_the_most_probable() -> None:
    """Scores of answers follow them, those of probabilities do not; sureness is the answer's probability."""
    truth, rows = np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3]])
    given, plain = ClassifyMeter(["a", "b"]), ClassifyMeter(["a", "b"])
    given.update(truth, rows, np.array([0, 1, 0]))
    plain.update(truth, rows)
    moved, kept = given.scores(), plain.scores()
    assert (moved["accuracy"].value, kept["accuracy"].value) == pytest.approx((2 / 3, 1 / 3))
    assert given.details()["confusion"] == [[1, 0], [1, 1]]
    assert moved["ece"].value == pytest.approx((0.1 + 0.6 + 0.7) / 3)
    for name in ("auc", "log_loss", "brier"):
        assert moved[name] == kept[name]


def test_answers_that_are_picked_and_answers_that_are_given_are_measured_alike() -> None:
    truth, rows = three_classes(300)
    given, plain = ClassifyMeter(["a", "b", "c"]), ClassifyMeter(["a", "b", "c"])
    given.update(truth, rows, rows.argmax(axis=1))
    plain.update(truth, rows)
    assert given.scores() == plain.scores() and given.details() == plain.details()


@pytest.mark.parametrize("answers", [[0, 1], [0, 1, 3], [0, 1, -1]])
def test_answers_that_do_not_fit_are_refused(answers: list[int]) -> None:
    with pytest.raises((ValueError, DataError), match=r"answers|class id"):
        ClassifyMeter(["a", "b", "c"]).update(np.zeros(3), np.full((3, 3), 1 / 3), np.array(answers))
