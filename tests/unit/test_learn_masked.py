"""Gaps: how many, which tokens, behind what, and the same for the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from textwright.core.errors import ConfigError
from textwright.learn.masked import Gaps, Masked

START, END, MASK, SIZE = 97, 98, 99, 100
CAN_BE_TOLD = np.array([i not in (0, START, END, MASK) for i in range(SIZE)])


class Drawn:
    """Ordinary tokens, with an end of a document now and then."""

    def __init__(self, count: int) -> None:
        rng = np.random.default_rng(0)
        self.ids = rng.integers(1, 97, count)
        self.ids[rng.random(count) < 0.02] = END

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, starts: Any, length: int) -> NDArray[np.int64]:
        return np.stack([self.ids[start : start + length] for start in starts])


def masked(gaps: Gaps, length: int = 34, count: int = 5000) -> Masked:
    return Masked(Drawn(count), length, START, END, gaps, seed=0)


def test_every_row_tells_exactly_its_share_and_never_a_special_token() -> None:
    rows = masked(Gaps(0.3, 0.15, MASK, CAN_BE_TOLD))
    chosen = np.concatenate(rows.order(8, 0, 0))
    for progress, count in ((0.0, 10), (0.5, 7), (1.0, 5)):
        batch = rows.batch(chosen, 1, progress)
        assert batch.beside is not None and batch.beside.shape == (len(chosen), count)
        assert (np.diff(batch.beside.numpy(), axis=1) > 0).all(), "in order, each once"
        assert CAN_BE_TOLD[batch.targets.numpy()].all()
        whole = rows.tokens.take(chosen, 32)
        assert (np.take_along_axis(whole, batch.beside.numpy() - 1, 1) == batch.targets.numpy()).all()
        ids = batch.ids_BT.numpy()
        assert (ids[:, 0] == START).all() and (ids[:, -1] == END).all()
        untouched = np.ones(ids.shape, bool)
        np.put_along_axis(untouched, batch.beside.numpy(), False, 1)
        assert (ids[:, 1:-1] == whole)[untouched[:, 1:-1]].all()


def test_four_fifths_are_hidden_a_tenth_is_drawn_a_tenth_stands() -> None:
    rows = masked(Gaps(0.5, 0.5, MASK, CAN_BE_TOLD), count=60_000)
    batch = rows.batch(np.concatenate(rows.order(8, 0, 0)), 3)
    assert batch.beside is not None
    shown = np.take_along_axis(batch.ids_BT.numpy(), batch.beside.numpy(), 1)
    hidden, same = (shown == MASK).mean(), (shown == batch.targets.numpy()).mean()
    assert abs(hidden - 0.8) < 0.01 and abs(same - 0.1) < 0.01
    assert CAN_BE_TOLD[shown[shown != MASK]].all(), "no special token is put in"


def test_words_are_hidden_whole() -> None:
    """Tokens from 50 on go on the word before them."""
    left = np.arange(SIZE) >= 50
    gaps = Gaps(0.3, 0.3, MASK, CAN_BE_TOLD, joins_left=left, joins_right=np.ones(SIZE, bool))
    rows = masked(gaps)
    broken = told = 0
    for step in rows.order(8, 0, 0):
        batch = rows.batch(step, 5)
        assert batch.beside is not None
        whole = np.column_stack([np.full(len(step), START), rows.tokens.take(step, 32)])
        for ids, places in zip(whole, batch.beside.numpy(), strict=True):
            is_told = np.zeros(len(ids), bool)
            is_told[places] = True
            joins = left[ids[1:]] & CAN_BE_TOLD[ids[1:]] & CAN_BE_TOLD[ids[:-1]]
            broken += int((joins & (is_told[1:] != is_told[:-1])).sum())
            told += 1
    assert broken <= told, "but for the last word of a row, of which there is only room for a part"


def test_gaps_are_a_function_of_the_seed_or_never_change() -> None:
    rows = masked(Gaps(0.2, 0.2, MASK, CAN_BE_TOLD))
    chosen = rows.order(8, 0, 0)[0]
    first, again, other = (rows.batch(chosen, seed).ids_BT for seed in (1, 1, 2))
    assert (first == again).all() and not (first == other).all()
    static = masked(Gaps(0.2, 0.2, MASK, CAN_BE_TOLD, is_static=True))
    assert (static.batch(chosen, 1).ids_BT == static.batch(chosen, 2).ids_BT).all()
    cuts = [sorted(np.concatenate(static.order(8, 0, epoch)).tolist()) for epoch in range(2)]
    assert cuts[0] == cuts[1]


def test_a_row_with_hardly_any_text_still_has_its_places() -> None:
    rows = masked(Gaps(0.3, 0.3, MASK, CAN_BE_TOLD), count=400)
    rows.tokens.ids[:] = END  # type: ignore[attr-defined]
    rows.tokens.ids[5] = 7  # type: ignore[attr-defined]
    batch = rows.batch(np.array([0]), 0)
    assert batch.beside is not None and batch.beside.shape == (1, 10)
    assert set(batch.targets.numpy().ravel().tolist()) == {7}


def test_rows_without_room_are_refused() -> None:
    with pytest.raises(ConfigError, match="rows of 7 tokens are too short for gaps"):
        masked(Gaps(0.2, 0.2, MASK, CAN_BE_TOLD), length=7)
