"""What every objective keeps to: a sum and a count, one row one term, and no answer seen by the model.

Shapes: B batch, C outputs.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from textwright.core.clock import Clock
from textwright.core.errors import ConfigError
from textwright.core.ragged import Ragged
from textwright.learn.batches import Rows
from textwright.learn.loop import Fit
from textwright.learn.objectives import OBJECTIVES, objective_for
from textwright.learn.settings import LearnSettings
from textwright.tasks.base import Link

LINKS = list(OBJECTIVES)
B, C = 12, 5
each_link = pytest.mark.parametrize("link", LINKS)


def example(link: str, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Outputs and answers, as a task gives them."""
    rng = torch.Generator().manual_seed(seed)
    if link == "identity":
        return torch.randn(B, 1, generator=rng), torch.randn(B, generator=rng)
    outputs = torch.randn(B, C, generator=rng)
    if link == "softmax":
        return outputs, torch.randint(0, C, (B,), generator=rng)
    return outputs, torch.randint(0, 2, (B, C), generator=rng).to(torch.int8)


def by_hand(link: str, outputs: Tensor, answers: Tensor) -> float:
    rows = zip(outputs.double().tolist(), answers.tolist(), strict=True)
    if link == "softmax":
        return sum(math.log(sum(math.exp(o) for o in row)) - row[answer] for row, answer in rows)
    if link == "sigmoid":
        pairs = [pair for row, answer in rows for pair in zip(row, answer, strict=True)]
        return sum(math.log1p(math.exp(-o if yes else o)) for o, yes in pairs)
    return sum((row[0] - answer) ** 2 for row, answer in rows)


@each_link
def test_the_total_is_what_a_hand_adds_up(link: str) -> None:
    loss = OBJECTIVES[link](*example(link))
    assert loss.count == B
    assert loss.total.item() == pytest.approx(by_hand(link, *example(link)), rel=1e-5)
    assert loss.mean.item() == pytest.approx(loss.total.item() / B, rel=1e-6)


@each_link
def test_parts_of_any_size_add_up_to_one_batch(link: str) -> None:
    outputs, answers = example(link)
    outputs.requires_grad_()
    whole = OBJECTIVES[link](outputs, answers)
    (wanted,) = torch.autograd.grad(whole.mean, outputs)
    parts = [OBJECTIVES[link](outputs[a:b], answers[a:b]) for a, b in ((0, 1), (1, 4), (4, B))]
    assert sum(part.count for part in parts) == whole.count
    together = torch.stack([part.total for part in parts]).sum() / sum(part.count for part in parts)
    torch.testing.assert_close(together, whole.mean)
    torch.testing.assert_close(torch.autograd.grad(together, outputs)[0], wanted)
    means = torch.stack([part.mean for part in parts]).mean()
    assert abs(float(means.detach() - whole.mean.detach())) > 1e-3, "a mean of means is another number"


@each_link
def test_an_answer_counts_for_its_own_row_alone(link: str) -> None:
    outputs, answers = example(link)
    outputs.requires_grad_()
    changed = answers.clone()
    changed[3] = 1 - changed[3] if link != "softmax" else (changed[3] + 1) % C
    before, after = (
        torch.autograd.grad(OBJECTIVES[link](outputs, a).total, outputs)[0] for a in (answers, changed)
    )
    others = torch.arange(B) != 3
    assert torch.equal(before[others], after[others])
    assert not torch.equal(before[3], after[3])


@pytest.mark.parametrize("num_classes", [2, 3, 100])
def test_outputs_that_know_nothing_cost_ln_2_a_label_and_ln_c_a_row(num_classes: int) -> None:
    outputs = torch.full((B, num_classes), 0.7)
    classes = torch.arange(B) % num_classes
    assert OBJECTIVES["softmax"](outputs, classes).mean.item() == pytest.approx(
        math.log(num_classes), rel=1e-5
    )
    labels = torch.ones(B, num_classes)
    loss = OBJECTIVES["sigmoid"](torch.zeros(B, num_classes), labels)
    assert loss.mean.item() == pytest.approx(num_classes * math.log(2), rel=1e-5)
    assert OBJECTIVES["identity"](torch.full((B, 1), 2.0), torch.zeros(B)).mean.item() == 4.0


@pytest.mark.parametrize("link", ["sigmoid", "identity"])
def test_answers_of_another_shape_are_never_spread_over_the_outputs(link: str) -> None:
    with pytest.raises(RuntimeError, match="shape"):
        OBJECTIVES[link](torch.zeros(B, 2), torch.zeros(B))
    flat = OBJECTIVES[link](torch.zeros(B, 1), torch.ones(B)).total
    assert torch.equal(flat, OBJECTIVES[link](torch.zeros(B, 1), torch.ones(B, 1)).total)


@each_link
def test_huge_outputs_stay_finite(link: str) -> None:
    outputs, answers = example(link)
    outputs = (outputs * 1e4).requires_grad_()
    loss = OBJECTIVES[link](outputs, answers)
    assert loss.total.isfinite()
    assert torch.autograd.grad(loss.total, outputs)[0].isfinite().all()


class Blind(nn.Module):
    """Keeps what it was called with."""

    def __init__(self, num_outputs: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(num_outputs))
        self.seen: list[tuple[Tensor, ...]] = []

    def forward(self, *args: Tensor) -> SimpleNamespace:
        self.seen.append(args)
        return SimpleNamespace(logits=self.bias.expand(len(args[0]), -1))


@each_link
def test_the_model_sees_tokens_and_mask_but_no_answer(link: str) -> None:
    outputs, answers = example(link)
    tokens = Ragged.from_lists([[90 + i] * (1 + i % 5) for i in range(B)])

    def seen(targets: Tensor) -> list[tuple[Tensor, ...]]:
        model = Blind(outputs.shape[1])
        fit = Fit(
            model,
            Rows(tokens, targets.numpy()),
            OBJECTIVES[link],
            LearnSettings(batch=4),
            1,
            0,
            Clock.starting(),
        )
        assert sum(1 for _ in fit.run()) == 3
        return model.seen

    first, second = seen(answers), seen(answers * 0)
    for batch, other in zip(first, second, strict=True):
        ids, mask = batch
        assert np.array_equal(mask.numpy(), ids.numpy() >= 90)
        assert all(torch.equal(a, b) for a, b in zip(batch, other, strict=True))
    assert sorted({int(i) for ids, _ in first for i in ids.flatten()}) == [0, *range(90, 90 + B)]


def test_links_and_their_names() -> None:
    assert set(LINKS) == set(get_args(Link))
    assert all(objective_for(link) is OBJECTIVES[link] for link in LINKS)
    with pytest.raises(ConfigError, match=r"'softmx'\nDid you mean 'softmax'"):
        objective_for("softmx")
