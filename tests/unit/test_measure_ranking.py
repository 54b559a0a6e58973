"""AUC and its interval against plain pair counting and plain resampling of rows."""

from __future__ import annotations

import numpy as np
import pytest

from textwright.core.seeds import generator
from textwright.measure.base import Array
from textwright.measure.ranking import OneVsRestAuc, TwoClassAuc


def pair_auc(truth: Array, scores: Array) -> float:
    """Every row of the class against every other row, ties count half."""
    others = np.sort(scores[~truth])
    below, up_to = (np.searchsorted(others, scores[truth], side=side) for side in ("left", "right"))
    return float((below + up_to).mean() / (2 * others.size))


def test_two_classes_with_ties_are_exact() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(300) < 0.3
    scores = np.round(rng.random(300) * 0.7 + truth * 0.3, 1)
    meter = TwoClassAuc()
    rows = np.column_stack([1 - scores, scores])
    meter.add(truth[:100].astype(int), rows[:100])
    meter.add(truth[100:].astype(int), rows[100:])
    assert meter.score(10, generator(0, "t")).value == pytest.approx(pair_auc(truth, scores), abs=1e-12)


@pytest.mark.parametrize("num_rows", [200, 3000])
def test_two_class_interval_is_that_of_resampled_rows(num_rows: int) -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(num_rows) < 0.4
    scores = rng.normal(size=num_rows) + truth
    meter = TwoClassAuc()
    meter.add(truth.astype(int), np.column_stack([-scores, scores]))
    score = meter.score(2000, generator(0, "t"))
    plain = []
    for _ in range(1000):
        rows = rng.integers(num_rows, size=num_rows)
        plain.append(pair_auc(truth[rows], scores[rows]))
    assert score.value == pytest.approx(pair_auc(truth, scores), abs=1e-12)
    low, high = np.quantile(plain, (0.025, 0.975))
    assert (score.low, score.high) == pytest.approx((low, high), abs=0.12 * (high - low))


def many(num_rows: int, seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(4, size=num_rows, p=[0.5, 0.3, 0.17, 0.03])
    powers = np.exp(rng.normal(size=(num_rows, 4)) + 1.2 * np.eye(4)[truth])
    return truth, powers / powers.sum(axis=1, keepdims=True)


def macro_auc(truth: Array, rows: Array) -> float:
    return float(np.mean([pair_auc(truth == c, rows[:, c]) for c in np.unique(truth)]))


def test_one_against_the_rest() -> None:
    truth, rows = many(600, 0)
    meter = OneVsRestAuc(4)
    meter.add(truth, rows)
    score = meter.score(2000, generator(0, "t"))
    rng, plain = np.random.default_rng(2), []
    for _ in range(300):
        drawn = rng.integers(600, size=600)
        plain.append(macro_auc(truth[drawn], rows[drawn]))
    assert score.value == pytest.approx(macro_auc(truth, rows), abs=1e-3)
    assert score.high - score.low == pytest.approx(4 * np.std(plain), rel=0.15)


def test_interval_from_a_sample_of_the_rows() -> None:
    # 12,000 rows, of which about 3,300 are kept; the width must be that of 12,000 rows.
    meter, all_rows = OneVsRestAuc(4), OneVsRestAuc(4)
    all_rows._per_class = 10**9
    for part in range(3):
        truth, rows = many(4000, part)
        meter.add(truth, rows)
        all_rows.add(truth, rows)
    sampled, complete = (m.score(600, generator(0, "t")) for m in (meter, all_rows))
    assert len(meter._sample.truth) < 4000 and len(all_rows._sample.truth) == 12_000
    assert sampled.value == complete.value
    assert sampled.high - sampled.low == pytest.approx(complete.high - complete.low, rel=0.15)


def test_sample_is_uniform_whatever_the_order() -> None:
    meter = OneVsRestAuc(2)
    position = np.linspace(0.01, 0.99, 30_000)  # rows come in order of their score
    for rows in np.array_split(np.column_stack([1 - position, position]), 60):
        meter.add(np.zeros(len(rows), dtype=np.int64), rows)
    meter.score(2, generator(0, "t"))
    meter._draw()
    kept = meter._sample.bins[:, 1]
    assert len(kept) == 2000
    expected = (np.log(0.5 / 0.5) + 16) * 1000 / 32
    assert (kept < expected).mean() == pytest.approx(0.5, abs=0.04)


def test_one_class_has_no_auc() -> None:
    meter = OneVsRestAuc(3)
    meter.add(np.array([1, 1]), np.full((2, 3), 1 / 3))
    assert np.isnan(meter.score(10, generator(0, "t")).value)
