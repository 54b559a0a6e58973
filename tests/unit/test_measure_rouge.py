"""ROUGE in any language, and how much summaries copy."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textwright.core.errors import DataError
from textwright.measure.rouge import RougeMeter, extractive_fragments, lcs_length, rouge_words

TOKENS = st.lists(st.sampled_from("abcd"), max_size=30)


@given(TOKENS, TOKENS)
def test_longest_common_subsequence_against_the_table(a: list[str], b: list[str]) -> None:
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a, 1):
        for j, y in enumerate(b, 1):
            table[i][j] = table[i - 1][j - 1] + 1 if x == y else max(table[i - 1][j], table[i][j - 1])
    assert lcs_length(a, b) == table[-1][-1]


@given(TOKENS, TOKENS)
def test_fragments_against_a_search(source: list[str], summary: list[str]) -> None:
    found = extractive_fragments(source, summary)
    if not summary:
        assert found is None
        return
    start, lengths, text = 0, [], "".join(source)
    while start < len(summary):
        longest = max(
            n for n in range(len(summary) - start + 1) if "".join(summary[start : start + n]) in text
        )
        lengths.append(longest)
        start += max(longest, 1)
    assert found == pytest.approx(
        (
            sum(lengths) / len(summary),
            sum(n * n for n in lengths) / len(summary),
            len(source) / len(summary),
        )
    )


def test_equal_chinese_texts_are_equal() -> None:
    meter = RougeMeter("zh-CN")
    meter.update(["长江水质向好"] * 4, [["长江水质向好。"]] * 4)
    assert [score.value for score in meter.scores().values()] == pytest.approx([100, 100, 100])
    assert meter.details()["label"] == "rouge-char"


def test_chinese_under_the_name_of_english_is_found_out() -> None:
    meter = RougeMeter("en")
    meter.update(["长江水质向好"], [["长江水质向好"]])
    with pytest.raises(DataError, match="cut them as English"):
        meter.scores()


def test_words_of_other_languages_stay_whole() -> None:
    assert rouge_words("Männer größer", "de") == ["männer", "größer"]
    meter = RougeMeter("ru")
    meter.update(["Кот спит"], [["Кот ест"]])
    assert meter.scores()["rouge1"].value == pytest.approx(50)
    assert meter.details()["label"] == "rouge-word"


def test_each_score_takes_its_best_reference() -> None:
    meter = RougeMeter("en")
    meter.update(["a b c d"], [["d c b a", "a b x y z"]])
    found = {name: float(values[0]) for name, values in meter.per_row.items()}
    assert found == pytest.approx({"rouge1": 100, "rouge2": 200 / 7, "rougeL": 400 / 9})


def test_mean_and_interval() -> None:
    rng = np.random.default_rng(0)
    outputs = [" ".join("a" if rng.random() < 0.5 else f"x{k}" for k in range(4)) for _ in range(400)]
    meter = RougeMeter("en")
    meter.update(outputs, [["a a a a"]] * 400)
    score, rows = meter.scores()["rouge1"], meter.per_row["rouge1"]
    margin = 1.96 * rows.std() / 20
    assert score.value == pytest.approx(rows.mean())
    assert (score.low, score.high) == pytest.approx(
        (score.value - margin, score.value + margin), abs=margin / 8
    )
    assert (score.n, score.better) == (400, "higher")


def test_how_much_is_copied() -> None:
    meter = RougeMeter("en")
    source = "The old cat sat on the red mat and slept."
    meter.update(["the cat sat", "The old cat", ""], [["a cat slept"]] * 3, [source] * 3)
    found = meter.details()
    own = found["extraction"]
    assert own["verbatim"]["value"] == pytest.approx(1 / 3)
    assert (own["new_1grams"], own["new_2grams"], own["new_3grams"]) == (0, 1 / 4, 1 / 2)
    assert own["density"] == pytest.approx(((1 + 4) / 3 + 9 / 3) / 2)
    assert own["compression"] == pytest.approx(10 / 3)
    assert found["extraction_of_references"]["new_1grams"] == pytest.approx(1 / 3)
    assert found["empty"]["value"] == pytest.approx(1 / 3)
    json.dumps(found, allow_nan=False)


def test_nothing_known_of_sources() -> None:
    meter = RougeMeter("en")
    meter.update([""], [["a"]])
    assert meter.details()["extraction"] == {}
    assert meter.scores()["rougeL"].value == 0
    with pytest.raises(DataError, match=r"row 1 .*no reference"):
        meter.update(["a"], [[]])
    with pytest.raises(DataError, match="no row"):
        RougeMeter().scores()
