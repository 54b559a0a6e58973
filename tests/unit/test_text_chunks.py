"""Chunks of long rows: nothing is lost, none is a rest, short rows stay as they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textwright.core.ragged import Ragged
from textwright.text.chunks import chunked

LENGTHS = st.lists(st.integers(0, 60), max_size=6)


def numbered(lengths: list[int]) -> Ragged:
    """Every token is another number."""
    ends = np.cumsum([0, *lengths])
    return Ragged(np.arange(ends[-1], dtype=np.int32), ends)


@given(LENGTHS, st.integers(1, 13), st.sampled_from([0.0, 0.1, 0.25, 0.5]))
def test_every_token_is_in_a_chunk_and_counts_once(lengths: list[int], window: int, overlap: float) -> None:
    rows = numbered(lengths)
    found = chunked(rows, window, overlap)
    assert len(found.counts) == len(lengths) and len(found.rows) == found.counts.sum()
    for text, length in enumerate(lengths):
        own = range(found.offsets[text], found.offsets[text + 1])
        parts, starts = [found.rows[i].tolist() for i in own], found.starts[list(own)]
        row = rows[text].tolist()
        assert parts == [row[start : start + window] for start in starts], "each where it says it begins"
        assert sorted({token for part in parts for token in part}) == row, "every token, and no other"
        assert sum(found.shares[i] for i in own) == pytest.approx(1) and min(found.shares[list(own)]) > 0
        if length <= window:
            assert parts == [row]
        else:
            assert {len(part) for part in parts} == {window}, "none is a short rest"
            step = max(window - round(overlap * window), 1)
            assert np.diff(starts).max() <= step, "the overlap asked for"
            assert window + (len(parts) - 2) * step < length, "as few as can be"


def test_what_two_chunks_share_counts_half_for_each() -> None:
    found = chunked(numbered([10]), 6, 0.0)
    assert found.starts.tolist() == [0, 4] and found.shares.tolist() == [0.5, 0.5]
    three = chunked(numbered([12]), 6, 0.5)
    assert three.starts.tolist() == [0, 3, 6]
    np.testing.assert_allclose(three.shares, [4.5 / 12, 3 / 12, 4.5 / 12])


def test_short_rows_and_rows_without_a_window_are_untouched() -> None:
    rows = numbered([3, 0, 5])
    for found in (chunked(rows, 5, 0.5), chunked(rows, None)):
        assert np.array_equal(found.rows.values, rows.values)
        assert np.array_equal(found.rows.offsets, rows.offsets)
        assert found.is_trivial and found.shares.tolist() == [1, 1, 1]
    assert len(chunked(numbered([]), 4).rows) == 0
    with pytest.raises(ValueError, match="a window of 0 tokens"):
        chunked(rows, 0)


def test_no_chunk_mixes_two_texts_though_they_lie_side_by_side() -> None:
    rows = Ragged.concatenate([numbered([9]), Ragged.from_lists([[70] * 9])])
    found = chunked(rows, 4, 0.25)
    assert found.texts.tolist() == [0, 0, 0, 1, 1, 1]
    assert all(set(found.rows[i]) == {70} for i in (3, 4, 5)) and 70 not in found.rows[2]
