"""Short, medium and long by what there is: thirds, ties, both languages."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textwright.text.pairs.sizes import SIZE_NAMES, Sizes, size_of

TEXTS = st.lists(st.integers(1, 40), min_size=2, max_size=60).map(lambda sizes: ["a " * n for n in sizes])


@given(TEXTS)
def test_every_size_has_a_name_that_is_learned(texts: list[str]) -> None:
    sizes = Sizes.of(texts, 100)
    counts = [size_of(text) for text in texts]
    if sizes is None:
        assert len(set(counts)) == 1
        return
    names = [sizes.name_of(count) for count in counts]
    order = [SIZE_NAMES.index(name) for name in names]
    by_size = [place for _, place in sorted(zip(counts, order, strict=True))]
    assert by_size == sorted(by_size)
    assert len(set(names)) > 1 or len(texts) > 40
    for name in SIZE_NAMES:
        assert sizes.learned(name) in names, "a name that nothing has leads to one that something has"
        inside = [n for n, own in zip(counts, names, strict=True) if own == sizes.learned(name)]
        assert min(inside) <= sizes.middle(name) <= max(inside)
    again = Sizes.from_json(json.loads(json.dumps(sizes.to_json())))
    assert (again.edges, again.middles) == (sizes.edges, sizes.middles)
    assert again.tokens == pytest.approx(sizes.tokens, abs=1e-4)


def test_thirds_of_many_are_thirds() -> None:
    rng = np.random.default_rng(0)
    texts = ["字" * int(n) for n in rng.integers(5, 100, 3_000)]
    sizes = Sizes.of(texts, 2 * sum(map(len, texts)))
    assert sizes is not None and sizes.unit == "characters" and sizes.tokens == 2
    names = [sizes.name_of(len(text)) for text in texts]
    assert [names.count(name) / 3_000 for name in SIZE_NAMES] == pytest.approx([1 / 3] * 3, abs=0.02)
    english = Sizes.of(["It's 2 words long.", "No."] * 5, 50)
    assert english is not None and english.unit == "words" and english.edges == (1, 4)
    assert Sizes.of(["one two"] * 9, 20) is None and Sizes.of(["…", ""], 0) is None
