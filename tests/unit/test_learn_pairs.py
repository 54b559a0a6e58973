"""Pairs of rows: steps by tokens, what is told from what, and tokens that are cut in two."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from textwright.core.pairframe import PairFrame
from textwright.core.ragged import Ragged
from textwright.learn.objectives import UNTOLD, told_token
from textwright.learn.pairs import Pairs
from textwright.models.language.head import Deferred

END, PAD = 2, 1


def pairs(number: int = 400, cut: float = 0.0) -> Pairs:
    rng = np.random.default_rng(0)
    sides = [
        Ragged.from_lists([[*rng.integers(4, 40, int(n)).tolist(), END] for n in rng.integers(1, 30, number)])
        for _ in range(2)
    ]
    parts = np.full((40, 2), -1)
    parts[20:] = rng.integers(4, 20, (20, 2))
    return Pairs(*sides, PairFrame.usual(END), PAD, parts, cut)


def test_each_pair_comes_once_an_epoch_in_steps_of_like_size() -> None:
    rows = pairs()
    order = rows.order(32, 0, 0)
    assert sorted(np.concatenate(order).tolist()) == list(range(400))
    lengths = np.maximum(rows.sources.lengths, rows.targets.lengths)
    padded = [int(lengths[step].max()) * len(step) for step in order]
    room = 32 * lengths.mean()
    assert max(padded) <= room and np.median(padded) > 0.8 * room
    assert [step.tolist() for step in rows.order(32, 0, 0)] == [step.tolist() for step in order]
    assert [step.tolist() for step in rows.order(32, 0, 1)] != [step.tolist() for step in order]


def test_a_token_is_told_from_those_before_it() -> None:
    rows = pairs()
    chosen = np.array([3, 250])
    batch = rows.batch(chosen)
    assert batch.beside is not None
    for row, number in enumerate(chosen):
        source, target = rows.sources[number].tolist(), rows.targets[number].tolist()
        assert batch.ids_BT[row][batch.mask_BT[row]].tolist() == source
        told = batch.targets[row] != UNTOLD
        assert batch.targets[row][told].tolist() == target
        assert batch.beside[row][told].tolist() == [END, *target[:-1]]
    assert rows.weight_of(chosen) == int((batch.targets != UNTOLD).sum())


def test_what_is_cut_reads_the_same_and_depends_on_the_pair_alone() -> None:
    rows = pairs(cut=0.4)
    assert rows.parts is not None
    alone, among = rows.batch(np.array([7]), seed=5), rows.batch(np.array([1, 7, 9]), seed=5)
    cut = alone.ids_BT[0][alone.mask_BT[0]].tolist()
    assert cut == among.ids_BT[1][among.mask_BT[1]].tolist()
    assert torch.equal(alone.targets[0], among.targets[1][: alone.targets.shape[1]]), "what is told is whole"
    many = rows.batch(np.arange(200), seed=5)
    shares = int(many.mask_BT.sum()) / int(rows.sources.lengths[:200].sum())
    joinable = float((rows.sources.values >= 20).mean())
    assert shares == pytest.approx(1 + 0.4 * joinable, rel=0.1)
    assert rows.batch(np.arange(200), seed=6).ids_BT.tolist() != many.ids_BT.tolist()
    assert cut[-1] == END


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_deferred_logits_are_smoothed_as_torch_does(smoothing: float) -> None:
    torch.manual_seed(0)
    vectors, weight = torch.randn(2, 5, 8, requires_grad=True), torch.randn(11, 8, requires_grad=True)
    targets = torch.randint(0, 11, (2, 5))
    targets[0, :2] = UNTOLD
    deferred = told_token(Deferred(vectors, weight, None, torch.float32), targets, smoothing)
    plain = told_token(vectors @ weight.t(), targets, smoothing)
    assert deferred.count == plain.count == 8
    assert float(deferred.total.detach()) == pytest.approx(float(plain.total.detach()), rel=1e-5)
    for one, other in zip(
        torch.autograd.grad(deferred.total, [vectors, weight]),
        torch.autograd.grad(plain.total, [vectors, weight]),
        strict=True,
    ):
        assert torch.allclose(one, other, atol=1e-5)


def test_a_mark_stands_before_a_share_of_the_sources_and_changes_nothing_else() -> None:
    plain, marks = pairs(cut=0.3), np.arange(400) % 3 + 100
    rows = replace(plain, marks=np.where(np.arange(400) == 5, -1, marks), marked=0.75)
    every = np.arange(400)
    one, other = rows.batch(every, seed=5), plain.batch(every, seed=5)
    read, before = (
        [row[mask].tolist() for row, mask in zip(batch.ids_BT, batch.mask_BT, strict=True)]
        for batch in (one, other)
    )
    marked = [a != b for a, b in zip(read, before, strict=True)]
    assert all(
        a == ([int(m), *b] if is_marked else b)
        for a, b, m, is_marked in zip(read, before, marks, marked, strict=True)
    )
    assert 0.68 < np.mean(marked) < 0.82 and not marked[5]
    assert torch.equal(one.targets, other.targets)
    alone = rows.batch(np.array([7]), seed=5)
    assert alone.ids_BT[0][alone.mask_BT[0]].tolist() == read[7], "what is drawn follows from the pair"
    again = rows.batch(every, seed=6)
    assert [row[mask].tolist() for row, mask in zip(again.ids_BT, again.mask_BT, strict=True)] != read
