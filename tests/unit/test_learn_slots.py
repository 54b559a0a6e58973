"""What optimizers have gathered, kept by names: a fit goes on where other optimizers learn its parameters."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from textwright.learn.optimizers import Stepper, build_optimizer, weights
from textwright.learn.settings import OptimizerSettings
from textwright.learn.slots import by_name, by_number, changed, owners


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.hidden, self.head = nn.Embedding(50, 4), nn.Linear(4, 6), nn.Linear(6, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.head(self.hidden(self.table(ids)).tanh())
        return out


def made(name: str, *, lazy: bool, patch: pytest.MonkeyPatch, steps: int = 3) -> tuple[Net, Stepper]:
    """A network after some steps; `lazy` as on a CPU, where its table counts as large."""
    patch.setattr(weights, "_is_lazy", lambda table: lazy)
    torch.manual_seed(0)
    net = Net()
    optimizer = build_optimizer(net, OptimizerSettings.parse({"name": name, "rate": 0.01}))
    for step in range(steps):
        optimizer.zero_grad()
        net(torch.arange(step, step + 5)).square().sum().backward()
        optimizer.step()
    return net, optimizer


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "gd", "muon"])
def test_they_come_back_as_they_were(name: str, lazy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    net, optimizer = made(name, lazy=lazy, patch=monkeypatch)
    own, state = owners(optimizer, net), optimizer.state_dict()
    assert set(own) == {name for name, _ in net.named_parameters()}
    tensors, rest = by_name(state, own)
    again = by_number({**tensors, **rest}, own, own, state["param_groups"])
    assert again == state and list(again["state"]) == list(state["state"])


def test_they_are_told_by_the_names_of_the_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    net, optimizer = made("muon", lazy=True, patch=monkeypatch)
    own = owners(optimizer, net)
    kinds = {"hidden.weight": "Muon", "head.weight": "AdamW", "hidden.bias": "AdamW", "head.bias": "AdamW"}
    assert own == {**kinds, "table.weight": "LazyAdam"}
    tensors, _ = by_name(optimizer.state_dict(), own)
    state = optimizer.parts[2].state[net.table.weight]
    assert tensors["table.weight.seen"] is state["seen"]
    assert tensors["hidden.weight.momentum_buffer"].shape == net.hidden.weight.shape


@pytest.mark.parametrize(("before", "here"), [(True, False), (False, True)])
def test_what_another_optimizer_gathered_starts_anew_and_the_rest_goes_on(
    before: bool, here: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers would give the slots of the table to the bias of the head, and the reverse."""
    net, optimizer = made("adamw", lazy=before, patch=monkeypatch)
    stored = owners(optimizer, net)
    tensors, _ = by_name(optimizer.state_dict(), stored)
    other, optimizer = made("adamw", lazy=here, patch=monkeypatch, steps=0)
    own, groups = owners(optimizer, other), optimizer.state_dict()["param_groups"]
    assert list(own) != list(stored)
    was, now = ("LazyAdam", "AdamW") if before else ("AdamW", "LazyAdam")
    assert changed(stored, own) == [
        f"table.weight was learned by {was} and is by {now} here, which starts anew with it"
    ]
    optimizer.load_state_dict(by_number(tensors, stored, own, groups))
    found, _ = by_name(optimizer.state_dict(), own)
    assert found.keys() == {key for key in tensors if not key.startswith("table.")}
    assert all(torch.equal(found[key], tensors[key]) for key in found)
    other(torch.arange(5)).square().sum().backward()
    optimizer.step()
