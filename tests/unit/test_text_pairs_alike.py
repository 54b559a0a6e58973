"""Pairs that share a side: groups for a split, and leaks between its parts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from textwright.text.pairs.alike import find_leaks, groups_of, leaks
from textwright.text.pairs.reading import Pair

LONG = "It is raining in the village, so we are waiting for the boat by the river."


def pairs(*texts: tuple[str, str]) -> list[Pair]:
    return [Pair(source, target, row) for row, (source, target) in enumerate(texts, start=2)]


def test_groups_go_over_both_sides() -> None:
    rows = pairs(
        ("Hi.", "你好"),
        ("Hello!", "你好。"),
        ("hello", "您好"),
        ("Bye.", "再见"),
        (LONG, "甲"),
        (LONG + " Now.", "乙"),
    )
    assert groups_of(rows).tolist() == [0, 0, 0, 3, 4, 4]
    assert groups_of([]).tolist() == []


def test_leaks_are_found_on_each_side() -> None:
    train = pairs(("Hi.", "嗨"), ("So long.", "再见！"), (LONG, "甲"), ("Both", "都是"), ("Other", "别的"))
    held_out = pairs(
        ("hi", "你好"), ("Bye", "再见"), (LONG + " Now.", "乙"), ("BOTH!", "都是"), ("New", "新")
    )
    found = find_leaks(train, held_out)
    assert found.rows.tolist() == leaks(train, held_out).tolist() == [0, 1, 2, 3]
    assert (found.num_source, found.num_target, found.num_pairs) == (3, 2, 1)
    assert (found.num_near, found.num_held_out) == (1, 4)
    assert leaks(train, []).tolist() == leaks([], held_out).tolist() == []


@given(
    st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("vwxyz")), min_size=1, max_size=12),
    st.data(),
)
def test_nothing_leaks_between_groups(texts: list[tuple[str, str]], data: st.DataObject) -> None:
    rows = pairs(*texts)
    groups = groups_of(rows).tolist()
    chosen = data.draw(st.sets(st.sampled_from(groups)))
    train = [row for row, group in zip(rows, groups, strict=True) if group not in chosen]
    held_out = [row for row, group in zip(rows, groups, strict=True) if group in chosen]
    assert leaks(train, held_out).tolist() == []
    assert all(g <= place and groups[g] == g for place, g in enumerate(groups))
