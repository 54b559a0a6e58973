"""Paired tests against enumeration, and by simulation of their error rate."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from textwright.core.errors import DataError
from textwright.core.seeds import generator
from textwright.measure.paired import mcnemar, paired_bootstrap


def test_mcnemar_counts_rows_that_only_one_got_right() -> None:
    a = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 1], dtype=bool)
    b = np.array([1, 1, 0, 1, 1, 1, 1, 1, 0, 1], dtype=bool)
    found = mcnemar(a, b)
    assert (found["only_a"], found["only_b"]) == (1, 5)
    assert found["p_value"] == pytest.approx(2 * (1 + 6) / 2**6)


def test_mcnemar_without_difference() -> None:
    same = np.array([True, False, True])
    assert mcnemar(same, same) == {"only_a": 0, "only_b": 0, "p_value": 1.0}
    assert mcnemar(np.array([True, False]), np.array([False, True]))["p_value"] == 1.0
    with pytest.raises(ValueError, match="rows must be the same"):
        mcnemar(same, same[:2])


def test_p_value_against_all_swaps() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=10), rng.normal(size=10) + 0.6
    sums = np.array(list(product([-1, 1], repeat=10))) @ (b - a)
    expected = (np.abs(sums) >= abs((b - a).sum()) - 1e-12).mean()
    assert paired_bootstrap(a, b)["p_value"] == pytest.approx(expected, abs=0.015)


def test_p_value_for_correctness_is_that_of_mcnemar() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.random(300) < 0.7, rng.random(300) < 0.78
    expected = mcnemar(a, b)["p_value"]
    assert paired_bootstrap(a, b)["p_value"] == pytest.approx(expected, abs=0.02)


def test_difference_and_interval() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=500)
    b = a + 0.1 + rng.normal(size=500) * 0.5
    found = paired_bootstrap(a, b)["difference"]
    margin = 1.96 * (b - a).std() / np.sqrt(500)
    assert found["value"] == pytest.approx((b - a).mean())
    assert (found["low"], found["high"]) == pytest.approx(
        (found["value"] - margin, found["value"] + margin), abs=0.1 * margin
    )
    assert (found["n"], found["better"]) == (500, "higher")


@pytest.mark.parametrize("num_rows", [40, 3000])
def test_error_rate_without_difference(num_rows: int) -> None:
    rng, alarms = generator(0, "null"), 0
    for trial in range(150):
        a, b = rng.exponential(size=(2, num_rows))
        alarms += paired_bootstrap(a, b, seed=trial, replicates=150)["p_value"] < 0.05
    assert 0.01 < alarms / 150 < 0.10


def test_one_row_and_equal_rows_show_nothing() -> None:
    assert paired_bootstrap([0.0], [1.0])["p_value"] == pytest.approx(1.0)
    found = paired_bootstrap(np.arange(9.0), np.arange(9.0))
    assert found["p_value"] == 1.0
    assert (found["difference"]["low"], found["difference"]["high"]) == (0.0, 0.0)


def test_a_clear_difference_of_many_rows() -> None:
    rng = np.random.default_rng(0)
    a = rng.random(20_000) < 0.80
    b = rng.random(20_000) < 0.82
    found = paired_bootstrap(a, b)
    assert found["p_value"] < 0.001 < found["difference"]["low"]


def test_faults_are_named() -> None:
    with pytest.raises(DataError, match=r"row 1 .*value of B is nan"):
        paired_bootstrap([0.0, 0.0], [0.0, np.nan])
    with pytest.raises(DataError, match="no row"):
        paired_bootstrap([], [])
    with pytest.raises(ValueError, match="rows must be the same"):
        paired_bootstrap([0.0], [0.0, 1.0])
