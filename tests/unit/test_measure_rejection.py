"""Promises about what is answered hold in repeated draws, and a rule without them is seen to break them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binomtest

from textwright.core.errors import DataError
from textwright.measure.base import FloatArray
from textwright.measure.classify import ClassifyMeter
from textwright.measure.rejection import (
    AnsweredMeter,
    cut_by_errors,
    cut_by_share,
    most_errors,
    rows_to_promise,
)

DRAWS = 1500
# What 95 % may look like in so many draws: three standard errors.
SLACK = 3 * math.sqrt(0.05 * 0.95 / DRAWS)
Errors = Callable[[FloatArray], FloatArray]

# How often a row is wrong by its sureness, which is even between 0 and 1.
WORLDS: dict[str, Errors] = {
    "fewer when sure": lambda s: 0.5 * (1 - s) ** 2,
    "a step": lambda s: np.where(s < 0.4, 0.5, 0.02),
    "nothing to tell": lambda s: np.full(len(s), 0.051),
    "wrong labels on top": lambda s: np.where(s > 0.98, 0.2, np.where(s < 0.3, 0.3, 0.02)),
    "hopeless": lambda s: np.full(len(s), 0.4),
}


def share_wrong(errors: Errors, least: float) -> float:
    """Of all that has this sureness or more, by numerical integration."""
    grid = np.linspace(max(least, 0.0), 1.0, 20_001)
    return float(errors(grid).mean())


def drawn(errors: Errors, n: int, rng: np.random.Generator) -> tuple[FloatArray, np.ndarray]:
    sureness = rng.random(n)
    return sureness, rng.random(n) < errors(sureness)


@pytest.mark.parametrize("n", [150, 700])
@pytest.mark.parametrize("world", WORLDS)
def test_the_promise_of_errors_holds_in_nearly_all_draws(world: str, n: int) -> None:
    rng, errors = np.random.default_rng(7), WORLDS[world]
    broken = num_kept = 0
    for _ in range(DRAWS):
        cut = cut_by_errors(*drawn(errors, n, rng), 0.05)
        num_kept += cut.is_kept
        # Both that it is kept, and what can be promised where it is not.
        broken += share_wrong(errors, cut.least) > cut.bound + 1e-6
    assert broken / DRAWS <= 0.05 + SLACK
    if world == "nothing to tell":  # of a share that is just too high it is said to be kept by chance only
        assert num_kept / DRAWS <= 0.05 + SLACK
    if world == "hopeless":
        assert num_kept == 0


def test_a_rule_that_believes_the_rows_it_sees_breaks_the_promise() -> None:
    """The control of the test above: it can fail."""
    rng, errors, broken = np.random.default_rng(7), WORLDS["fewer when sure"], 0
    for _ in range(300):
        sureness, wrong = drawn(errors, 150, rng)
        order = np.argsort(-sureness)
        found = wrong[order].cumsum() / np.arange(1, 151)
        place = np.flatnonzero(found <= 0.05)[-1]
        broken += share_wrong(errors, float(sureness[order][place])) > 0.05
    assert broken / 300 > 0.4


def test_nearly_all_is_answered_that_could_be() -> None:
    rng, errors = np.random.default_rng(3), WORLDS["fewer when sure"]
    best = next(t for t in np.linspace(0, 1, 1001) if share_wrong(errors, t) <= 0.05)
    cuts = [cut_by_errors(*drawn(errors, 4000, rng), 0.05) for _ in range(20)]
    shares = [cut.num_answered / cut.num_rows for cut in cuts]
    assert all(cut.is_kept for cut in cuts)
    assert 0.85 * (1 - best) < np.mean(shares) < 1 - best


def test_what_is_easy_is_answered_wholly() -> None:
    cut = cut_by_errors(np.linspace(0, 1, 200), np.zeros(200, bool), 0.05)
    assert (cut.least, cut.num_answered, cut.num_rejected, cut.is_kept) == (0.0, 200, 0, True)


def test_the_threshold_parts_the_rows_as_counted() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        sureness = rng.random(300).round(2)  # many are equal
        wrong = rng.random(300) < 0.5 * (1 - sureness) ** 2
        cut = cut_by_errors(sureness, wrong, 0.1)
        answered = sureness >= cut.least
        assert (int(answered.sum()), int(wrong[answered].sum())) == (cut.num_answered, cut.num_wrong)


def test_rows_of_one_sureness_are_answered_together_or_not_at_all() -> None:
    wrong = np.arange(200) % 50 == 0
    assert cut_by_errors(np.full(200, 0.7), wrong, 0.1).num_answered == 200
    assert not cut_by_errors(np.full(200, 0.7), wrong, 0.02).is_kept


def test_too_few_rows_answer_the_surer_half() -> None:
    assert rows_to_promise(0.05) == 59
    cut = cut_by_errors(np.linspace(0, 1, 58), np.zeros(58, bool), 0.05)
    assert (cut.is_kept, cut.num_answered) == (False, 29)
    assert cut.bound == pytest.approx(1 - 0.05 ** (1 / 29))
    assert cut_by_errors(np.linspace(0, 1, 59), np.zeros(59, bool), 0.05).is_kept


@pytest.mark.parametrize(("wrong", "n"), [(0, 1), (0, 59), (3, 100), (99, 100)])
def test_the_limit_is_that_of_clopper_and_pearson(wrong: int, n: int) -> None:
    limit = binomtest(wrong, n, alternative="less").proportion_ci(0.95, method="exact").high
    assert most_errors(wrong, n) == pytest.approx(limit)


@pytest.mark.parametrize(("n", "most"), [(19, 0.05), (60, 0.05), (99, 0.1), (400, 0.03)])
def test_the_share_sent_away_is_kept_on_average(n: int, most: float) -> None:
    rng = np.random.default_rng(11)
    lost = []
    for _ in range(DRAWS):
        cut = cut_by_share(rng.random(n), np.zeros(n, bool), most)
        assert cut is not None
        lost.append(cut.least)  # sureness is even, so this is the share below it
    exact = math.floor(most * (n + 1) + 1e-9) / (n + 1)
    error = float(np.std(lost)) / math.sqrt(DRAWS)
    assert abs(np.mean(lost) - exact) < 4 * error
    assert most - 1 / (n + 1) <= exact <= most + 1e-12


def test_without_the_one_more_row_too_many_are_sent_away() -> None:
    """The control: the plain quantile of few rows is too high on average."""
    rng = np.random.default_rng(11)
    plain = np.mean([np.quantile(rng.random(19), 0.05, method="higher") for _ in range(DRAWS)])
    assert plain > 0.08


def test_equal_sureness_never_sends_away_more() -> None:
    rng, lost = np.random.default_rng(2), []
    for _ in range(400):
        cut = cut_by_share(rng.integers(0, 5, 80).astype(float), np.zeros(80, bool), 0.1)
        assert cut is not None
        lost.append(cut.least / 5)  # the share of new rows strictly below
    assert np.mean(lost) <= 0.1


def test_without_a_row_to_spare_there_is_no_cut() -> None:
    assert cut_by_share(np.arange(18.0), np.zeros(18, bool), 0.05) is None
    cut = cut_by_share(np.arange(19.0), np.arange(19) < 2, 0.05)
    assert cut is not None
    assert (cut.least, cut.num_rejected, cut.num_wrong) == (0.0, 0, 2)


@pytest.mark.parametrize("most", [0.0, 1.0, -0.1, 2.0, math.nan])
def test_a_share_outside_is_refused(most: float) -> None:
    for cut in (cut_by_errors, cut_by_share):
        with pytest.raises(ValueError, match="above 0 and below 1"):
            cut(np.ones(9), np.zeros(9, bool), most)
        with pytest.raises(ValueError, match="no rows"):
            cut(np.ones(0), np.zeros(0, bool), 0.1)


def test_scores_of_what_is_answered_stand_beside_the_others() -> None:
    plain, meter = ClassifyMeter(["a", "b"]), AnsweredMeter(ClassifyMeter(["a", "b"]))
    with pytest.raises(DataError, match="no row to measure"):
        meter.scores()
    truth, shares = np.array([0, 1, 1, 0]), np.array([[0.9, 0.1], [0.3, 0.7], [0.6, 0.4], [0.4, 0.6]])
    for one in (plain, meter):
        one.update(truth, shares)
    right = shares.argmax(axis=1) == truth
    meter.count(right[:2], np.array([True, False]))
    meter.count(right[2:], np.array([True, False]))
    found = meter.scores()
    assert {k: v for k, v in found.items() if k in plain.scores()} == plain.scores()
    assert [*found][-2:] == ["answered", "accuracy_answered"]
    assert (found["answered"].value, found["answered"].n) == (0.5, 4)
    assert (found["accuracy_answered"].value, found["accuracy_answered"].n) == (0.5, 2)
    assert found["answered"].low < 0.5 < found["answered"].high
    assert meter.details() == plain.details()


def test_where_nothing_is_answered_its_accuracy_does_not_exist() -> None:
    meter = AnsweredMeter(ClassifyMeter(["a", "b"]))
    meter.update(np.array([0]), np.array([[0.9, 0.1]]))
    meter.count(np.array([True]), np.array([False]))
    found = meter.scores()["accuracy_answered"]
    assert found.to_json() == {"value": None, "low": None, "high": None, "n": 0, "better": "higher"}
