"""Texts of one language: which say something new; pairs that were made, how they are cleaned and marked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textwright.core.errors import DataError
from textwright.core.pairframe import PairFrame
from textwright.text.documents.shards import Shards
from textwright.text.pairs.added import BACK, GIVEN, TAUGHT, Added, clean_made, with_share
from textwright.text.pairs.checking import Told
from textwright.text.pairs.cleaning import PairRules
from textwright.text.pairs.monolingual import (
    AGAIN,
    HELD_OUT,
    KNOWN,
    Sentence,
    fresh_sentences,
    read_sentences,
)
from textwright.text.pairs.reading import Pair
from textwright.text.pairs.tokens import Making, build_pairs, sides_of
from textwright.text.rowlog import RowLog
from textwright.text.tokenizers import Tokenizer, TokenizerSettings
from textwright.text.tokenizers.framed import marks_of, paired, with_marks

PAIRS = [
    Pair(f"We have {n} apples and a pear on the table.", f"桌上有{n}个苹果和一个梨。", n)
    for n in range(10, 60)
]
CHINESE = ["今天天气很好。", "我们去公园。"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("zh.txt", "今天天气很好。\n\n我们去公园。\n"),
        ("zh.txt", "今天天气很好。我们去公园。昨天下了一整天的雨，所以谁也没有出门。\n"),
        ("zh.csv", "id,text\n1,今天天气很好。\n2,我们去公园。\n"),
        (
            "both.tsv",
            "en\tzh\nThe weather is very good today, I think.\t今天天气很好。\nLet's go.\t我们去公园。\n",
        ),
        ("zh.jsonl", "".join(json.dumps({"target": text, "n": 1}) + "\n" for text in CHINESE)),
        ("zh.jsonl", json.dumps({"text": "\n".join(CHINESE)}) + "\n"),
    ],
    ids=["lines", "a document", "csv", "a file of pairs", "jsonl", "a row of two lines"],
)
def test_sentences_are_read_from_any_format(name: str, content: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    found = [one.text for one in read_sentences([path], RowLog(), PAIRS)]
    assert found[:2] == CHINESE and len(found) == (3 if "雨" in content else 2)


def test_the_column_of_the_targets_is_the_one_that_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,right\n这一列不是译文的那一列,今天天气很好。\n", encoding="utf-8")
    assert [one.text for one in read_sentences([path], RowLog(), PAIRS, "right")] == CHINESE[:1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("The weather is good today.\nWe go to the park with them.\n", r"another language \(en\).*\(zh\)"),
        ("Ξ ψ ω φ χ\nθ λ μ ν ξ\n", r"another (language|script)"),
        ("\n  \n", "no text|empty|no rows"),
    ],
)
def test_files_in_another_language_or_without_text_are_refused(
    content: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "texts.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=said) as caught:
        read_sentences([path], RowLog(), PAIRS)
    assert str(path) in str(caught.value)


def test_a_script_tells_where_no_language_does(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("天地人\n山水火\n", encoding="utf-8")
    pairs = [Pair("ka lo mi", "zuvu qexa", n) for n in range(40)]
    with pytest.raises(DataError, match=r"another script \(han\) than the targets \(latin\)"):
        read_sentences([path], RowLog(), pairs)


def test_what_is_held_out_known_or_there_already_is_left_out() -> None:
    held_out = [Pair("The house by the sea is old.", "海边的那座房子已经非常非常旧了。", 1)]
    texts = [
        "海边的那座房子已经非常非常旧了",  # to the letter, but for its full stop
        "海边的那座房子已经非常非常旧了吗？",  # nearly
        PAIRS[3].target,
        "谢谢你。",
        "谢谢你",
        "再见。",
    ]
    log = RowLog()
    left = fresh_sentences([Sentence(t, n) for n, t in enumerate(texts, 1)], PAIRS, held_out, log)
    assert [one.text for one in left] == ["谢谢你。", "再见。"]
    reasons = {record["reason"]: record["row"] for record in log.records() if record["row"] != 2}
    assert reasons == {HELD_OUT: 1, KNOWN: 3, AGAIN: 5}
    assert log.counts[("dropped", HELD_OUT)] == 2


def test_made_pairs_are_cleaned_by_what_the_given_ones_are_like() -> None:
    made = [
        Pair("We have no pears on the table.", "桌上没有梨。", 1),
        Pair("桌上没有苹果。", "桌上没有苹果。", 2),
        Pair("There are 77 pears there.", "那里有12个梨。", 3),
        Pair(PAIRS[0].source, PAIRS[0].target, 4),
        Pair("The sea is blue.", "海是蓝的。", 5),
    ]
    log = RowLog()
    left = clean_made(made, (PAIRS, [Pair("the sea is blue", "大海蓝蓝的。", 9)]), log, PairRules())
    assert [pair.row for pair in left] == [1]
    rows = {record["row"]: record["reason"] for record in log.records()}
    assert [rows[n] for n in range(2, 6)] == [
        f"back-translated: {reason}"
        for reason in (
            "source and target are the same text",
            "the numbers of source and target contradict each other",
            "the same pair as an earlier one",
            "a side is held out",
        )
    ]


def test_an_answer_of_a_teacher_may_be_near_the_given_target() -> None:
    long = "The old man and the young woman walked to the market to buy some bread and apples today."
    train = [Pair(long, "老人和年轻女子今天走到市场去买面包和苹果。", 1), *PAIRS]
    made = [Pair(long, "老人和年轻女子今天走到市场上去买面包和苹果。", 1)]
    assert clean_made(made, (train, []), RowLog(), PairRules(), name=TAUGHT) == made
    log = RowLog()
    assert clean_made(made, (train, []), log, PairRules()) == []
    assert ("dropped", "back-translated: nearly the same pair as an earlier one") in log.counts


@given(st.integers(1, 60), st.integers(0, 300), st.floats(0.05, 0.9), st.integers(0, 5))
def test_given_pairs_have_their_share_of_an_epoch(
    num_given: int, num_made: int, share: float, seed: int
) -> None:
    places = with_share(num_given, num_made, share, seed)
    times = np.bincount(places, minlength=num_given + num_made)
    assert (times[num_given:] == 1).all() and times[:num_given].min() >= 1
    assert np.ptp(times[:num_given]) <= 1
    found = times[:num_given].sum() / times.sum()
    assert found >= share - 1 / times.sum()
    assert num_given == times[:num_given].sum() or found <= share + 1 / times.sum()


def usual(tokenizer: Tokenizer, languages: Sequence[str]) -> PairFrame:
    return PairFrame.usual(tokenizer.frame.suffix[-1])


def test_made_pairs_are_marked_and_none_is_held_out(tmp_path: Path) -> None:
    def add(given: object, held_out: object, log: RowLog) -> Added:
        assert isinstance(given, list) and isinstance(held_out, list)
        assert not {pair.row for pair in given} & {pair.row for pair in held_out}
        taught = [Pair(given[0].source, "桌上有梨。", given[0].row)]
        return Added(given, taught, [Pair("a pear", "一个梨。", 7)], {"back": {"kept": 1}})

    settings = TokenizerSettings(kind="bpe", vocabulary_size=330)
    making = Making(settings, lambda plain: with_marks(paired(plain), [BACK]), usual, 64, add=add)
    corpus, learned = build_pairs(PAIRS, tmp_path, making, RowLog(), Told())
    assert len(learned) == len(PAIRS) + 2
    about = corpus.train.about
    assert about["kinds"] == {GIVEN: len(PAIRS) - corpus.validation.about["documents"], TAUGHT: 1, BACK: 1}
    assert about["documents"] == sum(about["kinds"].values()) and "kinds" not in corpus.validation.about
    mark = marks_of(corpus.tokenizer)[BACK]
    sources, targets = both(corpus.train, corpus.tokenizer)
    assert [mark in row for row in sources] == [False] * (len(sources) - 1) + [True]
    assert sources[-1][0] == mark and not any(mark in row for row in targets)
    assert corpus.tokenizer.decode(sources[-1][1:-1]) == "a pear"
    assert not any(mark in row for side in both(corpus.validation, corpus.tokenizer) for row in side)


def both(part: Shards, tokenizer: Tokenizer) -> tuple[list[list[int]], list[list[int]]]:
    """The tokens of both sides of all pairs."""
    end = tokenizer.frame.suffix[-1]
    sources, targets = sides_of(part.take(np.array([0]), len(part))[0], end)
    return [row.tolist() for row in sources], [row.tolist() for row in targets]
