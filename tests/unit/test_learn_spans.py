"""Rows with spans taken out: nothing lost, always as much, and a model that learns to tell them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from textwright.core.errors import ConfigError
from textwright.learn.objectives import next_token
from textwright.learn.spans import Spans
from textwright.models.language.base import Vocabulary
from textwright.models.language.seq2seq import M2M100
from textwright.models.language.settings import LanguageSettings
from textwright.tasks.pretraining.evaluating import Row

MASK, END = 99, 2


def spans(count: int = 500, length: int = 32, share: float = 0.3, mean: float = 3.0) -> Spans:
    return Spans(Row(np.arange(count) % 90 + 5), length, share, mean, MASK, END, END)


def put_back(read: list[int], told: list[int]) -> list[int]:
    """The row that both were made of."""
    assert read[-1] == told[-1] == END and told[0] == MASK
    held: list[list[int]] = []
    for token in told[:-1]:
        held.append([]) if token == MASK else held[-1].append(token)
    assert all(held), "no span is empty"
    out: list[int] = []
    for token in read[:-1]:
        out += held.pop(0) if token == MASK else [token]
    assert not held
    return out


@settings(max_examples=100, deadline=None)
@given(st.integers(8, 60), st.floats(0.01, 0.99), st.floats(1, 20), st.integers(0, 10**6))
def test_what_is_told_and_what_is_read_make_the_row(
    length: int, share: float, mean: float, seed: int
) -> None:
    rows = spans(300, length, share, mean)
    chosen = rows.order(4, seed, 0)[0]
    batch = rows.batch(chosen, seed)
    assert batch.beside is not None and batch.targets.shape == batch.beside.shape
    assert batch.ids_BT.shape[1] <= length and bool(batch.mask_BT.all())
    assert (batch.targets == MASK).sum(1).tolist() == [rows.num_spans] * len(chosen)
    whole = rows.tokens.take(chosen, length - 1)
    for read, told, row in zip(batch.ids_BT.tolist(), batch.targets.tolist(), whole.tolist(), strict=True):
        assert put_back(read, told) == row
    assert batch.beside[:, 0].tolist() == [END] * len(chosen)
    assert torch.equal(batch.beside[:, 1:], batch.targets[:, :-1])


def test_shares_and_lengths_are_those_asked_for_and_gaps_are_drawn_by_the_seed() -> None:
    rows = spans(5000, 101, 0.3, 3.0)
    assert (rows.num_told, rows.num_spans) == (30, 10)
    chosen = rows.order(20, 0, 0)[0]
    one, same, other = (rows.batch(chosen, seed).ids_BT for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)
    ends = (one == MASK).float().mean(0)
    assert ends[:-1].max() < 0.6, "no place is always a gap"


def test_rows_that_are_too_short_are_refused() -> None:
    with pytest.raises(ConfigError, match="too short for gaps"):
        spans(500, 7)
    with pytest.raises(ConfigError, match="cannot be cut"):
        spans(20, 32)


def test_a_model_learns_to_tell_them() -> None:
    """Numbers that count up: a gap is known from what stands around it."""
    torch.manual_seed(0)
    rows = spans(2000, 24)
    sizes = LanguageSettings(width=32, layers=1, heads=2, inner=64, positions=24)
    network = M2M100.build(sizes, Vocabulary(100, 1, 0, END, MASK)).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    losses = []
    for step in range(40):
        batch = rows.batch(rows.order(16, 0, step)[0], step)
        loss = next_token(network(*batch.inputs).logits, batch.targets)
        loss.mean.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.mean.detach()))
    assert np.mean(losses[-5:]) < 0.6 * losses[0]
