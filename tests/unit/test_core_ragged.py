"""Ragged against plain Python lists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textwright.core.ragged import Ragged

ROWS = st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=6), max_size=8)


def lists(rows: Ragged) -> list[list[int]]:
    return [row.tolist() for row in rows]


@given(ROWS)
def test_holds_the_rows(rows: list[list[int]]) -> None:
    ragged = Ragged.from_lists(rows)
    assert lists(ragged) == rows
    assert len(ragged) == len(rows)
    assert ragged.lengths.tolist() == [len(row) for row in rows]
    assert [ragged[i].tolist() for i in range(-len(rows), len(rows))] == rows + rows
    for outside in (len(rows), -len(rows) - 1):
        with pytest.raises(IndexError):
            ragged[outside]


@given(ROWS.filter(bool), st.data())
def test_takes_rows_in_any_order(rows: list[list[int]], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(-len(rows), len(rows) - 1), max_size=10))
    taken = Ragged.from_lists(rows).take(np.array(chosen, dtype=np.int64))
    assert lists(taken) == [rows[i] for i in chosen]
    again = taken.take(np.arange(len(chosen))[::-1])
    assert lists(again) == [rows[i] for i in reversed(chosen)]
    mask = np.array([i % 2 == 0 for i in range(len(rows))])
    assert lists(Ragged.from_lists(rows).take(mask)) == rows[::2]


@given(ROWS, st.integers(-5, 5))
def test_pads_on_the_right(rows: list[list[int]], fill: int) -> None:
    values, mask = Ragged.from_lists(rows).padded(fill)
    width = max([1, *map(len, rows)])
    assert values.shape == mask.shape == (len(rows), width)
    assert values.tolist() == [row + [fill] * (width - len(row)) for row in rows]
    assert mask.tolist() == [[True] * len(row) + [False] * (width - len(row)) for row in rows]


@given(st.lists(ROWS, min_size=1, max_size=4))
def test_concatenates(parts: list[list[list[int]]]) -> None:
    together = Ragged.concatenate([Ragged.from_lists(part) for part in parts])
    assert lists(together) == [row for part in parts for row in part]
    assert together.offsets.dtype == np.int64 and together.values.dtype == np.int32


def test_a_window_into_a_larger_array_is_a_ragged_too() -> None:
    window = Ragged(np.arange(10, dtype=np.int32), np.array([3, 5, 5, 8]))
    assert lists(window) == [[3, 4], [], [5, 6, 7]]
    assert window.padded()[0].tolist() == [[3, 4, 0], [0, 0, 0], [5, 6, 7]]
    assert lists(window.take(np.array([2, 0]))) == [[5, 6, 7], [3, 4]]
    assert lists(Ragged.concatenate([window, window])) == lists(window) * 2
