"""Bits per byte and perplexity: against the formula, and intervals that hold the truth."""

from __future__ import annotations

import numpy as np
import pytest

from textwright.core.errors import DataError
from textwright.measure.language import LanguageMeter


def test_both_follow_from_sums_whatever_the_batches() -> None:
    rng = np.random.default_rng(0)
    nats, tokens, sizes = rng.uniform(50, 90, 300), rng.integers(20, 30, 300), rng.integers(60, 90, 300)
    whole, parts = LanguageMeter(), LanguageMeter()
    whole.update(nats, tokens, sizes)
    for part in np.array_split(np.arange(300), 7):
        parts.update(nats[part], tokens[part], sizes[part])
    found = whole.scores()
    assert found["bits_per_byte"].value == pytest.approx(nats.sum() / np.log(2) / sizes.sum())
    assert found["perplexity"].value == pytest.approx(np.exp(nats.sum() / tokens.sum()))
    assert found == parts.scores()
    assert {score.better for score in found.values()} == {"lower"} and found["perplexity"].n == 300
    assert whole.details() == {
        "bytes": sizes.sum(),
        "tokens": tokens.sum(),
        "bits": pytest.approx(nats.sum() / np.log(2)),
    }


def test_the_interval_holds_the_truth() -> None:
    rng, inside = np.random.default_rng(1), 0
    for seed in range(100):
        sizes = rng.integers(100, 400, 200)
        nats = sizes * np.log(2) * rng.gamma(20, 0.1, 200)  # two bits for each byte
        meter = LanguageMeter()
        meter.update(nats, sizes // 4, sizes)
        score = meter.scores(seed=seed, replicates=300)["bits_per_byte"]
        inside += score.low <= 2.0 <= score.high
    assert 89 <= inside <= 99


def test_nothing_to_measure_on_is_said() -> None:
    with pytest.raises(DataError, match="there is no text to measure on"):
        LanguageMeter().scores()
    empty = LanguageMeter()
    empty.update([1.0], [1], [0])
    with pytest.raises(DataError):
        empty.scores()
