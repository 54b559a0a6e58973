"""Our optimizers against the plain ones of torch.optim, with the same groups written down by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from textwright.core.errors import ModelError
from textwright.learn.optimizers import OPTIMIZERS, build_optimizer
from textwright.learn.settings import OptimizerSettings

DECAY = 0.3


class Small(nn.Module):
    """A parameter of every kind: embedding, convolution, gain, recurrence, matrix, frozen, never used."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 6)
        self.conv = nn.Conv1d(6, 6, 3, padding=1)
        self.norm = nn.LayerNorm(6)
        self.rnn = nn.GRU(6, 5, batch_first=True)
        self.head = nn.Linear(5, 3)
        self.unused = nn.Linear(2, 2)
        self.norm.bias.requires_grad_(False)

    def loss(self, step: int) -> torch.Tensor:
        ids = torch.randint(0, 9, (4, 7), generator=torch.Generator().manual_seed(step))
        x = self.norm(self.conv(self.table(ids).transpose(1, 2)).transpose(1, 2))
        return nn.functional.cross_entropy(self.head(self.rnn(x)[0][:, -1]), ids[:, 0] % 3)


DECAYED = {"conv.weight", "rnn.weight_ih_l0", "rnn.weight_hh_l0", "head.weight", "unused.weight"}
REFERENCES: dict[str, Callable[[list[dict[str, object]]], Optimizer]] = {
    "adamw": lambda groups: AdamW(groups, lr=0.01, foreach=False, fused=False),
    "adam": lambda groups: Adam(
        [{**g, "weight_decay": 0.0} for g in groups], lr=0.01, foreach=False, fused=False
    ),
    "sgd": lambda groups: SGD(groups, lr=0.01, momentum=0.8, foreach=False, fused=False),
}


def start() -> Small:
    torch.manual_seed(0)
    return Small()


def steps(model: Small, optimizer: Optimizer, count: int = 25) -> None:
    for step in range(count):
        for group in optimizer.param_groups:
            group["lr"] = 0.01 * (1 - step / count)
        optimizer.zero_grad()
        model.loss(step).backward()
        optimizer.step()


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_makes_the_steps_of_the_plain_optimizer(name: str) -> None:
    ours, theirs, before = start(), start(), start().state_dict()
    settings = OptimizerSettings.parse({"name": name, "rate": 0.01, "weight_decay": DECAY, "momentum": 0.8})
    steps(ours, build_optimizer(ours, settings))
    named = [(key, p) for key, p in theirs.named_parameters() if p.requires_grad]
    groups: list[dict[str, object]] = [
        {"params": [p for key, p in named if key in DECAYED], "weight_decay": DECAY},
        {"params": [p for key, p in named if key not in DECAYED], "weight_decay": 0.0},
    ]
    steps(theirs, REFERENCES[name](groups))
    found, wanted = ours.state_dict(), theirs.state_dict()
    for key, value in wanted.items():
        torch.testing.assert_close(
            found[key], value, rtol=1e-4, atol=1e-6, msg=lambda text, key=key: f"{key}: {text}"
        )
    still = {"norm.bias", "unused.weight", "unused.bias"}
    assert {key for key in before if torch.equal(found[key], before[key])} == still


def test_decay_acts_on_matrices_alone() -> None:
    """Gradients of zero: what still changes is what decays."""
    model = start()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer = build_optimizer(model, OptimizerSettings(rate=0.1, weight_decay=DECAY))
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
    optimizer.step()
    after = model.state_dict()
    assert {key for key in before if not torch.equal(before[key], after[key])} == DECAYED
    torch.testing.assert_close(after["head.weight"], before["head.weight"] * (1 - 0.1 * DECAY))


def test_a_table_that_is_the_output_too_does_not_decay() -> None:
    model = nn.Sequential(nn.Embedding(9, 6), nn.Linear(6, 9, bias=False))
    model[1].weight = model[0].weight
    (group,) = build_optimizer(model, OptimizerSettings()).param_groups
    assert group["weight_decay"] == 0.0 and len(group["params"]) == 1


def test_a_model_that_is_all_frozen_is_refused() -> None:
    with pytest.raises(ModelError, match="no weights that may change"):
        build_optimizer(nn.Linear(2, 2).requires_grad_(False), OptimizerSettings())
