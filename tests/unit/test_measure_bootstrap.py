"""The resampling that every interval rests on, against drawing rows one by one and against theory."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from textwright.core.seeds import generator
from textwright.measure import bootstrap
from textwright.measure.bootstrap import (
    MAX_GROUPS,
    MIN_REPLICATES,
    GroupedSums,
    make_score,
    ratio,
    resampled_cells,
    resampled_sums,
    share_score,
)
from textwright.measure.tally import Confusion


def test_cells_resample_like_rows() -> None:
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(3, size=60), rng.integers(3, size=60)
    confusion = Confusion(3)
    confusion.add(truth, predicted)
    samples = confusion.resampled(6000, generator(0, "test"))
    by_rows = []
    for _ in range(6000):
        rows = rng.integers(60, size=60)
        drawn = Confusion(3)
        drawn.add(truth[rows], predicted[rows])
        by_rows.append(drawn.counts)
    tables = np.array(by_rows)
    hits, marginal = np.diagonal(tables, axis1=1, axis2=2), tables.sum(axis=2)
    f1 = 2 * hits / (marginal + tables.sum(axis=1))
    for ours, theirs in ((samples.f1(), f1), (samples.truth, marginal), (samples.hits, hits)):
        assert np.abs(ours.mean(axis=0) - theirs.mean(axis=0)).max() < 0.04 * theirs.std(axis=0).max()
        assert np.allclose(ours.std(axis=0), theirs.std(axis=0), rtol=0.04)


def test_every_sample_keeps_the_number_of_rows() -> None:
    chunks = list(resampled_cells(np.array([5, 1, 14]), 50, generator(0, "test")))
    assert sum(map(len, chunks)) == 50
    assert (np.concatenate(chunks).sum(axis=1) == 20).all()


@pytest.mark.parametrize(("num_cells", "expected"), [(10, 1000), (100, 500), (10_000, MIN_REPLICATES)])
def test_large_tables_get_fewer_replicates(
    num_cells: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "MAX_DRAWS", 50_000)
    drawn = resampled_cells(np.ones(num_cells, dtype=np.int64), 1000, generator(0, "test"))
    assert sum(map(len, drawn)) == expected


def test_sums_vary_as_theory_says() -> None:
    values = np.random.default_rng(0).exponential(size=(500, 1))
    drawn = resampled_sums(values, 4000, generator(0, "test"))
    assert drawn.shape == (4000, 1)
    assert drawn.mean() == pytest.approx(values.sum(), rel=0.005)
    assert drawn.std() == pytest.approx(values.std() * np.sqrt(500), rel=0.05)


@pytest.mark.parametrize("num_rows", [300, MAX_GROUPS, 3 * MAX_GROUPS, 40_000])
@pytest.mark.parametrize("ordered", [True, False])
def test_groups_vary_as_rows_do(num_rows: int, ordered: bool) -> None:
    # Ordered rows are what a fixed assignment of rows to groups would get wrong.
    values = np.random.default_rng(1).random(num_rows) ** 3
    values = np.sort(values) if ordered else values
    kept = GroupedSums(1)
    for start in range(0, num_rows, 1000):
        kept.add(values[start : start + 1000, None])
    assert kept.total() == pytest.approx([num_rows, values.sum()])
    drawn = kept.resampled(3000, generator(0, "test"))
    means = drawn[:, 1] / drawn[:, 0]
    assert means.mean() == pytest.approx(values.mean(), abs=3 * values.std() / np.sqrt(3000 * num_rows))
    assert means.std() == pytest.approx(values.std() / np.sqrt(num_rows), rel=0.08)


def test_groups_do_not_depend_on_the_batches() -> None:
    values = np.arange(5000.0)[:, None]
    one, many = GroupedSums(1), GroupedSums(1)
    one.add(values)
    for start in range(0, 5000, 333):
        many.add(values[start : start + 333])
    many.add(values[:0])
    assert np.array_equal(one.groups(), many.groups())


def test_wilson_at_the_ends() -> None:
    # Reference: statsmodels.stats.proportion.proportion_confint(10, 10, method="wilson") = (0.7224672, 1.0).
    all_right, none_right = share_score(1.0, np.ones(9), 10), share_score(0.0, np.zeros(9), 10)
    assert (all_right.low, all_right.high) == pytest.approx((0.7224672, 1.0))
    assert (none_right.low, none_right.high) == pytest.approx((0.0, 0.2775328))


def test_score_holds_its_value_and_leaves_out_what_does_not_exist() -> None:
    replicates = np.array([0.2, 0.3, np.nan, 0.4])
    assert make_score(0.9, replicates, 4).high == 0.9
    assert make_score(0.1, replicates, 4).low == 0.1
    assert make_score(0.3, replicates, 4).low == pytest.approx(np.quantile([0.2, 0.3, 0.4], 0.025))
    undefined = make_score(float("nan"), replicates, 4).to_json()
    assert (undefined["value"], undefined["low"], undefined["high"]) == (None, None, None)


def test_ratio_of_nothing() -> None:
    assert ratio(np.array([1.0, 3.0]), np.array([0.0, 2.0])).tolist() == [0.0, 1.5]
    assert np.isnan(ratio(np.array([1.0]), np.array([0.0]), otherwise=np.nan)[0])


def test_import_is_light() -> None:
    names = ["classify", "multilabel", "graded", "paired", "calibrate"]
    code = "".join(f"import textwright.measure.{name}\n" for name in names)
    code += "import sys; print([m for m in ('scipy', 'sklearn', 'torch', 'pandas') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
