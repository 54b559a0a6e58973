"""The mean of the last validated states: by hand, through the loop, and after a restart."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from textwright.learn.averaging import build_average
from textwright.learn.latest import Latest
from textwright.learn.settings import AverageSettings


def latest(model: nn.Module, count: int) -> Latest:
    found = build_average(AverageSettings(name="last", count=count), model)
    assert isinstance(found, Latest)
    return found


def at(model: nn.Linear, value: float) -> None:
    nn.init.constant_(model.weight, value)


def value_of(found: Latest) -> float:
    weights = found.weights()
    assert weights is not None
    return float(weights["weight"].mean())


def test_the_mean_is_of_the_last_marks_and_of_no_step_between() -> None:
    model = nn.Linear(2, 2, bias=False)
    found = latest(model, 3)
    assert found.weights() is None
    for number, wanted in enumerate([10.0, 15.0, 20.0, 30.0, 40.0], 1):
        at(model, 1e6)
        found.update(model, 0.5)
        at(model, 10.0 * number)
        found.mark(model)
        assert value_of(found) == pytest.approx(wanted)
    assert float(model.weight.detach().mean()) == 50.0


def test_a_restored_mean_goes_on_with_the_same_bits() -> None:
    torch.manual_seed(0)
    model, other = nn.Linear(3, 2), nn.Linear(3, 2)
    found, again = latest(model, 3), latest(other, 3)
    for step in range(9):
        with torch.no_grad():
            model.weight.add_(torch.randn(2, 3))
        found.mark(model)
        if step == 4:
            again.restore({name: value.clone() for name, value in found.state().items()})
        elif step > 4:
            again.mark(model)
            one, two = found.weights(), again.weights()
            assert one is not None and two is not None
            assert all(torch.equal(one[name], two[name]) for name in one)


def test_what_is_frozen_is_not_kept_and_another_model_is_refused() -> None:
    model = nn.Linear(2, 2)
    model.bias.requires_grad_(False)
    found = latest(model, 2)
    found.mark(model)
    assert list(found.weights() or {}) == ["weight"]
    with pytest.raises(RuntimeError, match="size"):
        latest(nn.Linear(3, 2), 2).restore(latest(nn.Linear(2, 2), 2).state())
