"""The order of rows: every row once an epoch, a pure function of seed and epoch, within the token budget."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from textwright.core.ragged import Ragged
from textwright.learn.batches import Rows, batches, collate, cut_batches, epoch_order, in_order

LENGTHS = st.lists(st.integers(0, 60), max_size=300)


@given(LENGTHS, st.integers(1, 9), st.integers(1, 100), st.integers(0, 3), st.integers(0, 3))
def test_every_row_once_within_both_limits(
    lengths: list[int], batch: int, max_tokens: int, seed: int, epoch: int
) -> None:
    array = np.array(lengths, dtype=np.int64)
    steps = epoch_order(array, batch, seed, epoch)
    assert sorted(map(len, steps))[1:] == [batch] * (len(steps) - 1), "all but one step are full"
    parts = [part for step in steps for part in cut_batches(step, array, batch, max_tokens)]
    for order in (parts, in_order(array, batch, max_tokens)):
        rows = [int(row) for part in order for row in part]
        assert sorted(rows) == list(range(len(lengths)))
        for part in order:
            padded = len(part) * max(lengths[row] for row in part)
            assert 1 <= len(part) <= batch
            assert padded <= max_tokens or len(part) == 1


def test_order_depends_on_seed_and_epoch_and_on_nothing_else() -> None:
    lengths = np.random.default_rng(0).integers(1, 40, 1000)

    def order(seed: int, epoch: int) -> list[list[int]]:
        return [part.tolist() for part in epoch_order(lengths, 32, seed, epoch)]

    first = order(1, 4)
    np.random.seed(3)
    torch.manual_seed(3)
    assert order(1, 4) == first
    assert order(1, 5) != first != order(2, 4)


def test_batches_hold_rows_of_like_length_in_mixed_order() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, 6400)
    order = epoch_order(lengths, 32, 0, 0)
    longest = np.array([lengths[part].max() for part in order])
    waste = 1 - sum(lengths[part].sum() for part in order) / sum(
        len(p) * m for p, m in zip(order, longest, strict=True)
    )
    assert waste < 0.03, "at random it is half"
    assert abs(np.corrcoef(np.arange(len(longest)), longest)[0, 1]) < 0.2, "short and long batches alternate"


def test_prediction_begins_with_the_longest() -> None:
    lengths = np.array([3, 9, 1, 7, 5])
    assert [part.tolist() for part in in_order(lengths, 2, 100)] == [[3, 1], [0, 4], [2]]


def test_collate_gives_ids_mask_targets_and_the_tokens_that_are_real() -> None:
    rows = Rows(Ragged.from_lists([[5, 6], [], [7]]), np.array([2, 0, 1], dtype=np.int32), pad_id=9)
    batch = collate(rows, np.array([2, 0]))
    assert batch.ids_BT.tolist() == [[7, 9], [5, 6]] and batch.ids_BT.dtype == torch.int64
    assert batch.mask_BT.tolist() == [[True, False], [True, True]]
    assert batch.targets.tolist() == [1, 2]
    assert batch.num_tokens == 3
    assert collate(rows, np.array([1])).mask_BT.tolist() == [[False]]
    assert [b.num_tokens for b in batches(rows, [np.array([0]), np.array([1, 2])])] == [2, 1]
    with pytest.raises(IndexError):
        collate(rows, np.array([3]))


def test_taken_rows_keep_their_targets() -> None:
    rows = Rows(Ragged.from_lists([[5], [6, 6], [7]]), np.arange(6).reshape(3, 2), 4)
    taken = rows.take(np.array([2, 1]))
    assert len(taken) == 2 and taken.pad_id == 4
    assert [row.tolist() for row in taken.tokens] == [[7], [6, 6]] and taken.targets.tolist() == [
        [4, 5],
        [2, 3],
    ]
