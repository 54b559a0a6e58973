"""Paired tests of scores that are functions of sums: by enumeration, and by their error rate."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from textwright.core.errors import DataError
from textwright.core.seeds import generator
from textwright.measure.base import FloatArray
from textwright.measure.paired import paired_bootstrap
from textwright.measure.paired_corpus import compare_summaries, compare_translations, paired_corpus
from textwright.measure.rouge import RougeMeter
from textwright.measure.translation import TranslationMeter


def rate(sums: FloatArray) -> FloatArray:
    return sums[:, 0] / sums[:, 1]


def counts(rng: np.random.Generator, rows: int, share: float) -> FloatArray:
    sizes = np.full(rows, 20)
    return np.column_stack([rng.binomial(sizes, share), sizes]).astype(float)


def test_p_value_against_all_swaps() -> None:
    rng = np.random.default_rng(0)
    a, b = counts(rng, 9, 0.4), counts(rng, 9, 0.5)
    gaps = []
    for swaps in product([False, True], repeat=9):
        mask = np.array(swaps)[:, None]
        first, second = np.where(mask, b, a), np.where(mask, a, b)
        gaps.append(float((rate(second.sum(0)[None]) - rate(first.sum(0)[None]))[0]))
    expected = np.mean(np.abs(gaps) >= abs(gaps[0]) - 1e-12)
    assert paired_corpus(a, b, rate)["p_value"] == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize("rows", [200, 2100])
def test_a_mean_is_tested_as_a_mean_is(rows: int) -> None:
    rng = np.random.default_rng(1)
    a, b = counts(rng, rows, 0.5), counts(rng, rows, 0.5)
    found, expected = paired_corpus(a, b, rate), paired_bootstrap(a[:, 0] / 20, b[:, 0] / 20)
    assert found["p_value"] == pytest.approx(expected["p_value"], abs=0.03)
    for end in ("value", "low", "high"):
        assert found["difference"][end] == pytest.approx(expected["difference"][end], abs=0.001)


def test_error_rates_without_difference() -> None:
    rng, alarms, of_bootstrap = generator(0, "null"), 0, 0
    for trial in range(300):
        found = paired_corpus(counts(rng, 40, 0.5), counts(rng, 40, 0.5), rate, seed=trial, replicates=200)
        alarms += found["p_value"] < 0.05
        of_bootstrap += found["p_bootstrap"] < 0.05
    assert 0.01 < alarms / 300 < 0.09
    assert of_bootstrap / 300 > 0.06  # why it decides nothing


def test_equal_systems_and_faults() -> None:
    a = counts(np.random.default_rng(0), 30, 0.5)
    found = paired_corpus(a, a, rate)
    assert (found["p_value"], found["p_bootstrap"]) == (1.0, pytest.approx(1 / 10_001))
    assert (found["difference"]["low"], found["difference"]["high"]) == (0, 0)
    with pytest.raises(ValueError, match="rows must be the same"):
        paired_corpus(a, a[1:], rate)
    with pytest.raises(DataError, match="no row"):
        paired_corpus(a[:0], a[:0], rate)


def translated(outputs: list[str], references: list[str], **settings: bool) -> TranslationMeter:
    meter = TranslationMeter("en", **settings)  # type: ignore[arg-type]
    meter.update(outputs, [[text] for text in references])
    return meter


def test_only_the_same_rows_are_compared() -> None:
    references = ["the cat sat on the mat"] * 30
    worse, better = (
        translated(["the cat"] * 30, references),
        translated(["the cat sat on mat"] * 30, references),
    )
    found = compare_translations(worse, better)
    assert found["bleu"]["difference"]["low"] > 0
    assert found["chrf"]["p_value"] < 0.001
    with pytest.raises(ValueError, match="rows must be the same"):
        compare_translations(worse, translated(["the cat"] * 30, ["the cat sits on the mat"] * 30))
    with pytest.raises(ValueError, match="lower case"):
        compare_translations(worse, translated(["the cat"] * 30, references, lowercase=True))


def test_summaries() -> None:
    references = [["the dog barks at night"]] * 40
    a, b, other = RougeMeter("en"), RougeMeter("en"), RougeMeter("de")
    a.update(["the cat"] * 40, references)
    b.update(["the dog barks"] * 40, references)
    other.update(["the cat"] * 40, references)
    found = compare_summaries(a, b)
    assert set(found) == {"rouge1", "rouge2", "rougeL"}
    gap = b.scores()["rouge1"].value - a.scores()["rouge1"].value
    assert found["rouge1"]["difference"]["value"] == pytest.approx(gap)
    assert found["rougeL"]["p_value"] < 0.001
    with pytest.raises(ValueError, match="measured by"):
        compare_summaries(a, other)
