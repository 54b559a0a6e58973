"""Words of any language, and outputs in which a decoder got stuck."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textwright.measure.words import SpaceTally, english_words, loops, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ＡＢＣ１２３，好！", ["abc123", "好"]),
        ("C919 客机 5G网", ["c919", "客", "机", "5g", "网"]),
        ("東京タワーは高い", list("東京タワーは高い")),
        ("서울 3.5km", ["서", "울", "3.5km"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("Ёлка, 1.000,5", ["ёлка", "1.000,5"]),
        ("snake_case 3. end", ["snake", "case", "3", "end"]),
        ("\U00020000😀", ["\U00020000"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text(st.characters(max_codepoint=127)))
def test_english_of_plain_letters_is_the_same_but_for_numbers(text: str) -> None:
    assert "".join(words(text)).replace(".", "").replace(",", "") == "".join(english_words(text))


@given(st.text())
def test_no_word_is_empty_or_holds_a_blank(text: str) -> None:
    assert all(word and not any(c.isspace() for c in word) for word in words(text))


def test_share_of_scripts_without_spaces() -> None:
    tally = SpaceTally()
    assert tally.share == 0.0
    tally.add("die Stadt 北京")
    assert tally.share == pytest.approx(2 / 10)


@given(st.lists(st.sampled_from("abc"), max_size=40))
def test_loops_against_their_definition(tokens: list[str]) -> None:
    def stuck(start: int, unit: int) -> bool:
        size = max(3 * unit, 6)
        part = tokens[start : start + size]
        return len(part) == size and all(a == b for a, b in zip(part, part[unit:], strict=False))

    expected = any(stuck(start, unit) for start in range(len(tokens)) for unit in range(1, 9))
    assert loops(tokens) == expected
