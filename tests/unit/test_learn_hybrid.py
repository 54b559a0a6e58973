"""Rows of two kinds: how many of each a step has, what each tells, and from where."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from textwright.learn.hybrid import Hybrid
from textwright.learn.masked import Gaps, Masked
from textwright.learn.objectives import UNTOLD, by_rows
from textwright.learn.packed import Packed

END, MASK, SIZE = 98, 99, 100


class Counted:
    """Tokens that say where they stand, as far as they can."""

    def __len__(self) -> int:
        return 5000

    def take(self, starts: object, length: int) -> np.ndarray:
        return (np.asarray(starts)[:, None] + np.arange(length)) % 97 + 1


def rows(share: float, length: int = 32) -> Hybrid:
    gaps = Gaps(0.3, 0.15, MASK, np.arange(SIZE) < 97)
    return Hybrid(Packed(Counted(), length), Masked(Counted(), length, END, END, gaps, 0), share)


@pytest.mark.parametrize("share", [0.5, 0.25, 1 / 16])
def test_every_step_has_its_share_of_both_kinds(share: float) -> None:
    made = rows(share)
    first, again, second = (made.order(16, 3, epoch) for epoch in (0, 0, 1))
    assert len(first) > 5 and [step.tolist() for step in first] == [step.tolist() for step in again]
    for step in first[:-1]:
        assert abs((step % 2).sum() - share * len(step)) < 1
        assert (np.diff(step % 2) <= 0).all(), "causal ones first"
    plain = np.concatenate(made.causal.order(16, 3, 0))
    assert sorted(np.concatenate(first) // 2) == sorted(plain), "all of the text, each row of one kind"
    kinds = [{int(name) % 2 for step in order for name in step} for order in (first, second)]
    assert kinds == [{0, 1}, {0, 1}]


def test_each_kind_tells_what_it_would_alone_and_gaps_from_the_place_before() -> None:
    made = rows(0.5)
    chosen = made.order(8, 0, 0)[0]
    batch = made.batch(chosen, 5, 0.5)
    told, gapped = chosen[chosen % 2 == 1] // 2, chosen[chosen % 2 == 0] // 2
    causal, masked = made.causal.batch(told, 5), made.masked.batch(gapped, 5, 0.5)
    n = len(told)
    assert torch.equal(batch.ids_BT, torch.cat([causal.ids_BT, masked.ids_BT]))
    assert torch.equal(batch.targets[:n], causal.targets)
    assert batch.mask_BT.shape == (8, 32, 32) and batch.mask_BT[n:].all()
    assert torch.equal(batch.mask_BT[:n], torch.ones(n, 32, 32, dtype=torch.bool).tril())
    assert masked.beside is not None
    for row, places, hidden in zip(batch.targets[n:], masked.beside, masked.targets, strict=True):
        assert (row != UNTOLD).sum() == len(places) and torch.equal(row[places - 1], hidden)
    assert batch.inputs[1] is batch.mask_BT and len(batch.inputs) == 2


def test_a_row_counts_as_one_however_many_places_it_tells() -> None:
    logits = torch.randn(2, 6, 10, generator=torch.Generator().manual_seed(0))
    targets = torch.randint(10, (2, 6), generator=torch.Generator().manual_seed(1))
    targets[1, 2:] = UNTOLD
    loss = by_rows(logits, targets)
    nats = -logits.log_softmax(-1).gather(-1, targets.clamp_min(0)[..., None])[..., 0]
    assert loss.count == 2
    assert float(loss.total) == pytest.approx(float(nats[0].mean() + nats[1, :2].mean()), rel=1e-6)


def test_a_row_that_has_nothing_to_tell_looks_at_nothing_outside_itself() -> None:
    """Of nothing but ends of texts the first place is told: from itself, as no place is before it."""
    made = rows(0.5)
    made.masked.tokens.take = lambda starts, length: np.full((len(starts), length), END)  # type: ignore[method-assign]
    targets = made.batch(np.array([0, 2]), 0).targets
    assert (targets != UNTOLD).sum(1).tolist() == [1, 1] and (targets[:, 0] == END).all()
