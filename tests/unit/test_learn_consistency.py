"""The distance of R-Drop against torch.nn.functional.kl_div and torch.distributions.

Shapes: B batch, C outputs.
"""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn import functional as F

from textwright.core.errors import ConfigError
from textwright.learn.consistency import divergence_for

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
