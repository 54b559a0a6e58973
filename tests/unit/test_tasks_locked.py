"""Pairs that are locked for a test: given or drawn, never learned from, and found again by a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made_pairs
from textwright.bundle.learned import SideKeys, read_sides, write_sides
from textwright.core.errors import ConfigError, DataError
from textwright.tasks.pretraining.recipe import TextSettings
from textwright.tasks.rewriting.locked import (
    LEAK,
    Locked,
    fingerprint_of,
    lock,
    read_locked,
    without_leaks,
    write_locked,
)
from textwright.text.pairs.alike import find_leaks, held_out
from textwright.text.pairs.checking import Told
from textwright.text.pairs.reading import Pair
from textwright.text.rowlog import RowLog

PAIRS = [Pair(source, target, row) for row, (source, target) in enumerate(made_pairs.pairs()[:200], 2)]


def locked(pairs: list[Pair]) -> Locked:
    return Locked("test.tsv", True, fingerprint_of(pairs), pairs)


def test_a_file_is_locked_as_it_stands_but_for_empty_rows(tmp_path: Path) -> None:
    path = tmp_path / "test.tsv"
    path.write_text("zh\ten\n你好。\tHello.\n\tNo.\n你好。\tHello.\n1999\t2020\n", encoding="utf-8")
    told = Told(columns=("en", "zh"), languages=("en", "zh"))
    rest, found = lock(PAIRS, "train.tsv", TextSettings(test=str(path)), "translate", 0, told)
    assert rest == PAIRS and found is not None and found.is_given
    assert [(p.source, p.target) for p in found.pairs] == [("Hello.", "你好。")] * 2 + [("2020", "1999")]
    assert [(row["file"], row["row"], row["reason"]) for row in found.rows] == [("test.tsv", 3, "no target")]
    write_locked(tmp_path, found)
    assert read_locked(tmp_path) == found
    write_locked(tmp_path, None)
    assert read_locked(tmp_path) is None


def test_a_share_is_drawn_by_whole_groups_and_differs_from_validation() -> None:
    asked = TextSettings(test_share=0.2)
    rest, found = lock(PAIRS, "train.tsv", asked, "translate", 0, Told())
    assert found is not None and not found.is_given
    assert sorted(pair.row for pair in (*rest, *found.pairs)) == [pair.row for pair in PAIRS]
    assert len(found.pairs) == pytest.approx(0.2 * len(PAIRS), abs=10)
    assert not len(find_leaks(rest, found.pairs).rows)
    again = lock(PAIRS, "train.tsv", asked, "translate", 0, Told())[1]
    assert again == found
    other = [pair for pair, held in zip(PAIRS, held_out(PAIRS, 0.2, 0), strict=True) if held]
    assert other != found.pairs


def test_nothing_is_locked_where_nobody_asks() -> None:
    assert lock(PAIRS, "train.tsv", TextSettings(), "translate", 0, Told()) == (PAIRS, None)


def test_leaks_by_either_side_are_dropped_counted_and_listed() -> None:
    train = [
        Pair("The cat is here.", "猫在这里。", 2),
        Pair("A dog barks.", "狗在叫。", 3),
        Pair("Something else entirely.", "鱼在水里游。", 4),
        Pair("The bird sings every morning.", "鸟儿歌唱。", 5),
    ]
    test = [Pair("the cat is here", "别的", 9), Pair("Other words.", "狗在叫！", 10)]
    log, told = RowLog(), Told()
    assert [pair.row for pair in without_leaks(train, locked(test), log, told)] == [4, 5]
    assert log.counts == {("dropped", LEAK): 2}
    assert [record["row"] for record in log.records()] == [2, 3]
    (note,) = told.notes
    assert (
        note.startswith("2 pairs share a side with 2 of the 2 to test on") and "1 the source, 1 the t" in note
    )
    with pytest.raises(DataError, match="every pair to learn from shares a side with one of"):
        without_leaks(train[:2], locked(test), RowLog(), Told())


@settings(max_examples=20)
@given(
    seed=st.integers(0, 10**6), marks=st.lists(st.sampled_from(["", "!", " ", "。"]), min_size=5, max_size=5)
)
def test_no_side_of_a_test_pair_is_left_to_learn(seed: int, marks: list[str]) -> None:
    """Whatever stands around it."""
    order = np.random.default_rng(seed).permutation(len(PAIRS))
    test = [PAIRS[i] for i in order[:5]]
    copies = [
        Pair(f"{mark}{pair.source.upper()}", f"another {n}", 900 + n)
        for n, (pair, mark) in enumerate(zip(test, marks, strict=True))
    ]
    try:
        left = without_leaks([*PAIRS, *copies], locked(test), RowLog(), Told())
    except DataError:
        return
    known = SideKeys.of([pair.source for pair in test], [pair.target for pair in test])
    source, target = known.seen([pair.source for pair in left], [pair.target for pair in left])
    assert not source.any() and not target.any()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"test": "a.tsv", "test_share": 0.1}, "contradict each other"),
        ({"test_target_file": "a.zh"}, "which is not given"),
    ],
)
def test_half_a_test_is_refused(asked: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        lock(PAIRS, "train.tsv", TextSettings.parse(asked), "translate", 0, Told())


def test_pairs_that_are_all_tied_together_cannot_be_held_out() -> None:
    tied = [Pair("The same source.", f"目标{n}", n) for n in range(20)]
    with pytest.raises(DataError, match="all 20 pairs share a side"):
        held_out(tied, 0.2, 0)
    near = [
        Pair(f"a very long sentence that is nearly the same as all others {n}", "目标" * (n + 1), n)
        for n in range(20)
    ]
    told = Told()
    assert held_out(near, 0.2, 0, told).any() and "too good" in told.warnings[0]


def test_sides_are_known_by_themselves_and_kept(tmp_path: Path) -> None:
    known = SideKeys.of(["Hello!", "Bye."], ["你好", "再见"]).with_those_of(SideKeys.of(["Yes"], ["是"]))
    write_sides(tmp_path, known)
    again = read_sides(tmp_path, verify=False)
    assert again is not None
    source, target = again.seen(["hello", "new", "yes."], ["新", "再见。", "是"])
    assert source.tolist() == [True, False, True] and target.tolist() == [False, True, True]
    assert read_sides(tmp_path / "none", verify=False) is None
