"""The distance of R-Drop against torch.nn.functional.kl_div and torch.distributions.

Shapes: B batch, C outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn import functional as F

from textwright.core.errors import ConfigError
from textwright.core.pairframe import PairFrame
from textwright.core.ragged import Ragged
from textwright.learn.consistency import divergence_for, told_divergence
from textwright.learn.gradient import Gradients
from textwright.learn.objectives import UNTOLD, told_token
from textwright.learn.optimizers import build_optimizer
from textwright.learn.pairs import Pairs
from textwright.learn.settings import LearnSettings, OptimizerSettings
from textwright.learn.state import FitState
from textwright.models.language.head import Deferred
from textwright.models.output import Output
from textwright.runtime.ranks import Ranks
from textwright.runtime.settings import Compute

LINKS = ["softmax", "sigmoid", "identity"]
B, C = 7, 4


def pair(scale: float = 2.0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    first, second = (torch.randn(B, C, generator=rng) * scale for _ in range(2))
    return first, second


def reference(link: str, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    first, second = first.double(), second.double()
    if link == "softmax":
        p, q = first.log_softmax(-1), second.log_softmax(-1)
        both = [F.kl_div(a, b, reduction="sum", log_target=True) for a, b in ((p, q), (q, p))]
        return (both[0] + both[1]) / 2
    if link == "sigmoid":
        p, q = Bernoulli(logits=first), Bernoulli(logits=second)
    else:
        p, q = Normal(first, 1.0), Normal(second, 1.0)
    return (kl_divergence(p, q) + kl_divergence(q, p)).sum() / 2


@pytest.mark.parametrize("link", LINKS)
def test_is_the_mean_of_both_divergences(link: str) -> None:
    first, second = pair()
    loss = divergence_for(link)(first, second)
    assert loss.count == B
    assert loss.total.item() == pytest.approx(reference(link, first, second).item(), rel=1e-5)
    torch.testing.assert_close(loss.total, divergence_for(link)(second, first).total)


@pytest.mark.parametrize("link", LINKS)
def test_both_passes_are_pulled_and_by_the_right_gradient(link: str) -> None:
    first, second = (outputs.requires_grad_() for outputs in pair())
    found = torch.autograd.grad(divergence_for(link)(first, second).total, (first, second))
    wanted = torch.autograd.grad(reference(link, first, second), (first, second))
    for mine, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)
        assert mine.abs().max() > 0


@pytest.mark.parametrize("link", LINKS)
def test_equal_passes_are_no_distance_apart_and_huge_ones_a_finite_one(link: str) -> None:
    first, second = (outputs.requires_grad_() for outputs in pair(scale=1e4))
    assert divergence_for(link)(first, first).total == 0
    loss = divergence_for(link)(first, second)
    assert loss.total.isfinite() and loss.total > 0
    assert all(g.isfinite().all() for g in torch.autograd.grad(loss.total, (first, second)))


def test_an_unknown_link_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"'softmx'\nDid you mean 'softmax'"):
        divergence_for("softmx")


def told(seed: int = 0) -> tuple[list[torch.Tensor], torch.Tensor, torch.Tensor]:
    """Vectors of two passes (2, 5, 6), the weights of a head (11, 6), and targets of which some are told."""
    rng = torch.Generator().manual_seed(seed)
    passes = [torch.randn(2, 5, 6, generator=rng).requires_grad_() for _ in range(2)]
    weight = torch.randn(11, 6, generator=rng).requires_grad_()
    targets = torch.randint(0, 11, (2, 5), generator=rng)
    targets[0, :2] = targets[1, 4] = UNTOLD
    return passes, weight, targets


@pytest.mark.parametrize("cap", [None, 3.0])
def test_of_told_tokens_it_is_the_mean_of_both_divergences(cap: float | None) -> None:
    passes, weight, targets = told()
    logits = [vectors @ weight.t() for vectors in passes]
    if cap is not None:
        logits = [cap * torch.tanh(raw / cap) for raw in logits]
    is_told = targets != UNTOLD
    wanted = reference("softmax", *(raw[is_told] for raw in logits))
    plain = told_divergence(logits[0], logits[1], targets)
    deferred = told_divergence(*(Deferred(each, weight, cap, torch.float32) for each in passes), targets)
    assert plain.count == deferred.count == 7
    inputs = [*passes, weight]
    by_hand = torch.autograd.grad(wanted, inputs, retain_graph=True)
    for found in (plain, deferred):
        assert found.total.item() == pytest.approx(wanted.item(), rel=1e-5)
        for mine, other in zip(
            torch.autograd.grad(found.total, inputs, retain_graph=True), by_hand, strict=True
        ):
            torch.testing.assert_close(mine, other.float(), rtol=1e-4, atol=1e-5)


def test_what_is_not_told_says_nothing_and_parts_add_up() -> None:
    passes, weight, targets = told()
    changed = passes[1].detach().clone()
    changed[targets == UNTOLD] = 1e3
    whole, other = (
        told_divergence(passes[0] @ weight.t(), second @ weight.t(), targets).total.item()
        for second in (passes[1], changed)
    )
    parts = [
        told_divergence(
            passes[0][i : i + 1] @ weight.t(), passes[1][i : i + 1] @ weight.t(), targets[i : i + 1]
        )
        for i in range(2)
    ]
    assert whole == pytest.approx(other) == pytest.approx(sum(part.total.item() for part in parts))
    assert sum(part.count for part in parts) == 7


class TwoWays(nn.Module):
    """Tells tokens from those before them, every second time with other vectors, as dropout would."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(40, 6)
        self.calls = 0

    def forward(self, ids_BS: torch.Tensor, mask_BS: torch.Tensor, told_BT: torch.Tensor) -> Output:
        self.calls += 1
        vectors_BTD = self.table(told_BT) + self.table(ids_BS[:, :1]) * (self.calls % 2)
        return Output(Deferred(vectors_BTD, self.table.weight, None, torch.float32))


@dataclass(frozen=True)
class Part(Ranks):
    """One of several processes, whose sums the test adds up."""

    def add_up(self, tensors: Sequence[torch.Tensor]) -> None:
        """Nothing: each part stays what it is."""


@pytest.mark.parametrize(("count", "at_once"), [(1, 2), (2, None), (3, 1)])
def test_processes_and_parts_of_a_step_add_up_to_the_step_of_one(count: int, at_once: int | None) -> None:
    rng = np.random.default_rng(0)
    sides = [
        Ragged.from_lists([[*rng.integers(4, 40, int(n)).tolist(), 2] for n in rng.integers(1, 9, 7)])
        for _ in range(2)
    ]
    rows, settings = Pairs(*sides, PairFrame.usual(2), 1), LearnSettings.parse({"loss": {"r_drop": 3.0}})

    def made(ranks: Ranks, compute: Compute) -> tuple[float, torch.Tensor]:
        torch.manual_seed(0)
        model = TwoWays()
        optimizer = build_optimizer(model, OptimizerSettings(rate=0.1))
        step = Gradients(
            model, optimizer, rows, told_token, told_divergence, settings, compute, 0, ranks
        ).made(np.arange(7), FitState())
        try:
            while True:
                next(step)
        except StopIteration as end:
            assert model.table.weight.grad is not None
            return float(end.value[0]), model.table.weight.grad

    whole, gradient = made(Ranks(), Compute())
    parts = [made(Part(number, count), Compute(micro_batch=at_once)) for number in range(count)]
    assert sum(loss for loss, _ in parts) == pytest.approx(whole, rel=1e-5)
    torch.testing.assert_close(sum(g for _, g in parts), gradient, rtol=1e-4, atol=1e-6)
