"""What is dropped from pairs and what is not: faults put into clean pairs, and pairs that only look odd."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textwright.core.errors import ConfigError
from textwright.report.messages import translate
from textwright.text.pairs.cleaning import REASONS, PairRules, clean_pairs
from textwright.text.pairs.lengths import odd_lengths
from textwright.text.pairs.marks import addresses_differ, numbers_differ
from textwright.text.pairs.reading import Pair
from textwright.text.pairs.scripts import Side, swapped
from textwright.text.rowlog import RowLog

_TRIPLES = """
garden 花园 Garten|kitchen 厨房 Küche|window 窗户 Fenster|teacher 老师 Lehrer|summer 夏天 Sommer
river 河流 Fluss|village 村庄 Dorf|doctor 医生 Arzt|market 市场 Markt
bridge 桥梁 Brücke|winter 冬天 Winter|forest 森林 Wald
"""
WORDS = {a: (b, c) for a, b, c in (row.split() for row in _TRIPLES.strip().replace("\n", "|").split("|"))}
PAIRS = [(a, b, n) for n, a in enumerate(WORDS) for b in WORDS if a != b]


def english_chinese() -> list[Pair]:
    return [
        Pair(
            f"The {a} is near the {b}, and we see them there.",
            f"{WORDS[a][0]}在{WORDS[b][0]}附近，我们看见它们。",
            row,
        )
        for row, (a, b, _) in enumerate(PAIRS, start=2)
    ]


def english_german() -> list[Pair]:
    return [
        Pair(
            f"The {a} is near the {b}, and we see it.",
            f"Der {WORDS[a][1]} ist bei dem {WORDS[b][1]}, und wir sehen ihn.",
            row,
        )
        for row, (a, b, _) in enumerate(PAIRS, start=2)
    ]


def dropped(pairs: list[Pair], rules: PairRules | None = None, **more: object) -> dict[str, list[int]]:
    log = RowLog()
    kept = clean_pairs(pairs, log, rules, **more)  # type: ignore[arg-type]
    found: dict[str, list[int]] = {}
    for record in log.records():
        found.setdefault(record["reason"], []).append(record["row"])
    assert len(kept) + sum(map(len, found.values())) == len(pairs)
    return found


OFF = PairRules(near_duplicates=False)


def test_clean_pairs_stay() -> None:
    assert dropped(english_chinese(), OFF) == dropped(english_german(), OFF) == {}


SIDE = "the {} is in another {} than the others"
FAULTS = [
    ("no source", None, " ", "你好"),
    ("no target", None, "Hello", ""),
    ("source and target are the same text", "identical", "Asyncio!", "asyncio"),
    ("a side is too long", "long", "word " * 100_000, "词"),
    ("a side is too long", "long", "字" * 4_000, "word"),
    ("source and target are swapped", "swapped", "花园在河流附近。", "The garden is near the river."),
    (SIDE.format("target", "script"), "scripts", "The garden is near the river.", "The garden by the river"),
    (SIDE.format("source", "script"), "scripts", "Сад находится у реки, мы его видим.", "花园在河流附近。"),
    (
        SIDE.format("source", "language"),
        "languages",
        "Le jardin est dans la forêt et nous ne sommes pas avec eux.",
        "花园在森林里，我们没有和他们在一起。",
    ),
    (
        "the lengths of source and target do not fit",
        "lengths",
        "The garden is there.",
        "花园在那里，我们看见它们。" * 9,
    ),
    (
        "the numbers of source and target contradict each other",
        "numbers",
        "The garden of 1926 is near the river.",
        "1962年的花园在河流附近。",
    ),
    (
        "a web or e-mail address stands on one side only",
        "addresses",
        "The garden is at www.garden.org now.",
        "花园现在在那里。",
    ),
]


@pytest.mark.parametrize(("reason", "switch", "source", "target"), FAULTS)
def test_each_fault_has_its_reason_and_its_switch(
    reason: str, switch: str | None, source: str, target: str
) -> None:
    pairs = [*english_chinese(), Pair(source, target, 999)]
    assert dropped(pairs, OFF) == {reason: [999]}
    if switch:
        assert reason not in dropped(pairs, PairRules(near_duplicates=False, **{switch: False}))


def test_languages_of_one_script_are_told_apart_by_their_words() -> None:
    pairs = english_german()
    pairs[3] = Pair(pairs[3].target, pairs[3].source, 900)
    pairs[40] = Pair(pairs[40].source, pairs[60].source, 901)
    assert dropped(pairs, OFF) == {
        "source and target are swapped": [900],
        "the target is in another language than the others": [901],
    }


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("Sheldon, what are you getting at?", "Sheldon，你想说什么？"),
        (
            "What's the difference between astronomy and astrology?",
            "「astronomy」和「astrology」有什么区别？",
        ),
        ("PyObject_Call calls a callable object.", "PyObject_Call 调用一个可调用对象。"),
        ("Go!", "快走吧！"),
        ("At 9:30 p.m. on May 3, 10,000 people came.", "5月3日21时30分，来了1万人。"),
        ("The £1.35bn project of the 1950s", "上世纪50年代这个13.5亿英镑的项目"),
        ("Thirty dollars, twice.", "30美元，2次。"),
        ("See https://a.org/en/index.html for more.", "详见 https://a.org/zh/index.html 。"),
    ],
)
def test_what_only_looks_odd_stays(source: str, target: str) -> None:
    assert dropped([*english_chinese(), Pair(source, target, 999)], OFF) == {}


def test_what_comes_again() -> None:
    first = Pair(
        "It is raining in the village, so we wait by the river.", "村里在下雨，所以我们在河边等。", 900
    )
    nearly = Pair(
        "It is raining in the village, so we wait by that river.", "村里在下雨，所以我们在河边等。", 901
    )
    again = Pair("it is raining in the village so we wait by the river", "村里在下雨, 所以我们在河边等", 902)
    free = Pair(first.source, "外面下着雨，大家都躲在河岸上不走。", 903)
    pairs = [*english_chinese()[:5], first, nearly, again, free]
    assert dropped(pairs, PairRules(similarity=0.8)) == {
        "nearly the same pair as an earlier one": [901],
        "the same pair as an earlier one": [902],
    }
    rules = PairRules(near_duplicates=False, max_targets=1)
    assert dropped(pairs, rules)["its source has enough targets already"] == [903]
    assert dropped(pairs, PairRules(near_duplicates=False, duplicates=False)) == {}


def test_summaries() -> None:
    texts = [f"{a} {b} " * 20 + f"number {n}" for a, b, n in PAIRS]
    pairs = [Pair(text, text[:25], row) for row, text in enumerate(texts)]
    faults = [
        Pair("short text of a person", "a summary that is longer than its text", 900),
        Pair(texts[0], texts[0], 901),
        Pair(texts[1] + " in 1999, of which nothing else is said", "1234 文摘 www.a.org no", 902),
        Pair(texts[2], "x", 903),
    ]
    assert dropped([*pairs, *faults], OFF, kind="summarize") == {
        "the summary is not shorter than the text": [900],
        "source and target are the same text": [901],
        "the lengths of source and target do not fit": [903],
    }


def test_one_language_on_both_sides_may_be_the_same_but_for_a_comma() -> None:
    pairs = [
        *[
            Pair(f"{a}者{b}也", f"{a}就是{b}", n)
            for n, (a, b) in enumerate(zip("甲乙丙丁", "天地人和", strict=True))
        ]
    ]
    pairs = [*pairs, Pair("公伯缭字子周。", "公伯缭，字子周。", 900), Pair("二年", "二年", 901)]
    assert dropped(pairs) == {"source and target are the same text": [901]}


def test_few_pairs_teach_nothing() -> None:
    assert dropped([Pair("花园。", "The garden.", 1), Pair("Yes", "是", 2), Pair("No", "不" * 90, 3)]) == {}
    assert clean_pairs([], RowLog()) == []


def test_rules_are_checked() -> None:
    assert PairRules.parse({"max_targets": 3}).max_targets == 3
    with pytest.raises(ConfigError, match="max_target"):
        PairRules.parse({"max_target": 3})


def test_every_reason_is_translated() -> None:
    assert [reason for reason in REASONS if translate(reason, "zh") == reason] == []


@given(st.lists(st.tuples(st.text(), st.text()), max_size=40), st.sampled_from(["translate", "summarize"]))
def test_any_pairs_are_kept_or_counted(texts: list[tuple[str, str]], kind: str) -> None:
    dropped([Pair(s, t, row) for row, (s, t) in enumerate(texts)], kind=kind)


@given(st.lists(st.integers(0, 10**9), max_size=6), st.permutations(range(6)))
def test_numbers_agree_in_any_order_and_with_separators(numbers: list[int], order: list[int]) -> None:
    shuffled = [numbers[n] for n in order if n < len(numbers)]
    source, target = "; ".join(f"{n:,}" for n in numbers), "；".join(map(str, shuffled))
    assert not numbers_differ([source], [target]).any()


def test_marks_by_hand() -> None:
    cases = [("2 people and a 3rd", "Zwei und ein Dritter", False), ("in 2005, 25 %", "2015年25%", True)]
    cases += [
        ("1,234 5,678 9,012 left", "nichts übrig", True),
        ("11 p.m.", "23点", False),
        ("4 am", "16点", False),
    ]
    cases += [
        ("killing 14,000", "杀了1万4千人", False),
        ("the 1990s", "20世纪90年代", False),
        ("20 years", "17年", True),
    ]
    sources, targets, wrong = zip(*cases, strict=True)
    assert numbers_differ(sources, targets).tolist() == [*wrong]
    left, right = ["a@b.org", "a@b.org", "at http://A.org.", "x"], ["a@b.org", "c@d.org", "a.org", "y"]
    assert addresses_differ(left, right).tolist() == [False, True, True, False]


def test_sides_know_their_script() -> None:
    zh, en, ja = ["我们在这里。"] * 40, ["We are here."] * 40, ["私たちはここにいます。", "東京"] * 20
    left, right = Side.of([*en, zh[0]]), Side.of([*zh, en[0]])
    assert np.flatnonzero(swapped(left, right)).tolist() == [40]
    assert np.flatnonzero(left.strays()).tolist() == np.flatnonzero(right.strays()).tolist() == [40]
    assert not Side.of(ja).strays().any()  # kanji alone is Japanese, too
    assert np.flatnonzero(Side.of([*zh, "これはペンです"]).strays()).tolist() == [40]
    assert Side.of(en + zh).script is None


@given(st.integers(30, 3_000), st.integers(0, 2**32 - 1))
def test_lengths_of_one_law_are_not_odd(num_pairs: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 400, num_pairs)
    sources = ["x" * n for n in sizes]
    targets = ["y" * max(1, int(n * rng.uniform(0.25, 0.45))) for n in sizes]
    assert odd_lengths(sources, targets, max_deviation=5.0).mean() < 0.02
