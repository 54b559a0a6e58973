"""Scores of translations: which tokenizer, what intervals cover, what goes wrong in outputs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from textwright.core.errors import ConfigError, DataError
from textwright.core.seeds import generator
from textwright.measure.translation import TranslationMeter, bleu_of_sums, length_buckets, tokenizer_for

CHINESE = "我们今天去北京看长城"


def english(rows: int, errors: float, seed: int = 0) -> tuple[list[str], list[list[str]]]:
    rng = generator(seed, "rows")
    truth = [[f"w{i}" for i in rng.integers(60, size=rng.integers(4, 20))] for _ in range(rows)]
    noisy = [[f"w{rng.integers(60)}" if rng.random() < errors else w for w in row] for row in truth]
    return [" ".join(row) for row in noisy], [[" ".join(row)] for row in truth]


@pytest.mark.parametrize("code", ["zh", "ZH_hant", "zho", "cmn-Hans", "yue-HK", "lzh"])
def test_chinese_is_never_cut_at_spaces(code: str) -> None:
    assert tokenizer_for(code) == "zh"
    for tokenize in ("13a", "intl"):
        with pytest.raises(ConfigError, match=f"cannot be cut by '{tokenize}'"):
            TranslationMeter(code, tokenize=tokenize)


def test_chinese_under_another_name_is_found_out() -> None:
    meter = TranslationMeter("")
    meter.update([CHINESE] * 3, [[CHINESE]] * 3)
    with pytest.raises(DataError, match="written without spaces"):
        meter.scores()
    with pytest.raises(DataError, match="such as zh"):
        meter.details()


def test_a_tokenizer_that_needs_a_download_is_refused() -> None:
    with pytest.raises(ConfigError, match="no tokenizer 'flores200'"):
        TranslationMeter("de", tokenize="flores200")


def test_chinese_that_is_right_is_perfect() -> None:
    meter = TranslationMeter("zh")
    meter.update([CHINESE] * 3, [[CHINESE]] * 3)
    scores = meter.scores()
    assert scores["bleu"].value == pytest.approx(100)
    assert scores["chrf"].value == pytest.approx(100)
    assert scores["bleu"].low == pytest.approx(100)


def test_intervals_cover_the_score_of_many_rows() -> None:
    whole = TranslationMeter("en")
    whole.update(*english(1200, 0.3))
    expected = {name: score.value for name, score in whole.scores(replicates=10).items()}
    covered = {"bleu": 0, "chrf": 0}
    for seed in range(1, 41):
        meter = TranslationMeter("en")
        meter.update(*english(40, 0.3, seed))
        for name, score in meter.scores(replicates=200).items():
            assert score.low <= score.value <= score.high
            covered[name] += score.low <= expected[name] <= score.high
    assert all(34 <= hits <= 40 for hits in covered.values())  # 95 % of 40 is 38


def test_interval_of_groups_is_that_of_rows() -> None:
    rows = english(2500, 0.3)
    meter = TranslationMeter("en")
    meter.update(*rows)
    found = meter.scores(replicates=400)["bleu"]  # 2,500 rows in 2,048 groups
    counts, rng = meter.counts["bleu"].astype(float), np.random.default_rng(0)
    drawn = np.array([counts[rng.integers(2500, size=2500)].sum(axis=0) for _ in range(400)])
    low, high = np.quantile(bleu_of_sums(drawn), (0.025, 0.975))
    assert found.high - found.low == pytest.approx(high - low, rel=0.15)


def test_what_goes_wrong() -> None:
    source = [
        "The dog runs in Paris",
        "He said no no no no no no",
        "Hello World",
        "Good day to you all",
        "x y",
    ]
    reference = [["Der Hund rennt in Paris"], ["Er sagte nein nein nein nein nein nein"], ["Hallo Welt"]]
    reference += [["Guten Tag euch allen"], ["x y"]]
    output = [
        "der Hund der Hund der Hund rennt",
        "Er sagte nein nein nein nein nein nein",
        "hello, world!",
        " ",
    ]
    meter = TranslationMeter("de")
    meter.update([*output, "x z"], reference, source)
    found = meter.details()
    assert found["loops"]["value"] == 0.2  # the second row says so in its reference
    assert found["empty"]["value"] == 0.2
    assert found["copied"]["rows"]["value"] == 0.2
    assert found["copied"]["tokens"] == pytest.approx(3 / 19)  # hello, world; x
    assert found["copied"]["tokens_of_reference"] == pytest.approx(4 / 21)  # in, Paris; x, y
    assert found["by_length"] == []  # too few rows
    json.dumps(found, allow_nan=False)


def test_characters_are_those_of_the_closest_reference() -> None:
    meter = TranslationMeter("de")
    meter.update(["abcd"], [["abcdefghij", "abc"]])
    assert meter.details()["length_ratio"]["characters"] == pytest.approx(4 / 3)
    assert meter.details()["copied"] is None


def test_all_empty() -> None:
    meter = TranslationMeter("de")
    meter.update(["", ""], [["ein Haus"], ["zwei"]], ["a house", "two"])
    scores, found = meter.scores(), meter.details()
    assert (scores["bleu"].value, scores["chrf"].high, found["brevity_penalty"]) == (0, 0, 0)
    assert found["copied"]["tokens"] is None
    json.dumps(found, allow_nan=False)


def test_table_by_length() -> None:
    outputs, references = english(40, 0.3)
    sources = [" ".join("x" * (1 + i // 10)) for i in range(40)]
    meter = TranslationMeter("en")
    meter.update(outputs, references, sources)
    table = meter.details()["by_length"]
    assert [(row["from"], row["to"], row["n"]) for row in table] == [
        (1, 1, 10),
        (2, 2, 10),
        (3, 3, 10),
        (4, 4, 10),
    ]
    first = TranslationMeter("en")
    first.update(outputs[:10], references[:10])
    assert table[0]["bleu"]["value"] == first.scores()["bleu"].value
    assert table[0]["chrf"]["n"] == 10


def test_buckets_hold_each_row_once() -> None:
    lengths = np.random.default_rng(0).integers(1, 9, size=100)
    buckets = length_buckets(lengths)
    assert sorted(np.concatenate(buckets).tolist()) == list(range(100))
    assert len(buckets) <= 4
    assert [rows.tolist() for rows in length_buckets(np.array([3, 3, 3]))] == [[0, 1, 2]]


def test_faults_are_named() -> None:
    meter = TranslationMeter("de")
    with pytest.raises(DataError, match="no row"):
        meter.scores()
    meter.update(["a"], [["a"]])
    with pytest.raises(DataError, match=r"row 2 .*no reference"):
        meter.update(["a", "b"], [["a"], []])
    with pytest.raises(ValueError, match="2 outputs, 1 rows of references"):
        meter.update(["a", "b"], [["a"]])
    with pytest.raises(ValueError, match="and 2 sources"):
        meter.update(["a"], [["a"]], ["a", "b"])
    with pytest.raises(ValueError, match="lists of texts"):
        meter.update(["a"], ["a"])
    assert meter.num_rows == 1
