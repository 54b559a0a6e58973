"""Means of weights against torch.optim.swa_utils and hand formulas; swapping leaves no trace."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from textwright.learn.averaging import Average, averaged, build_average
from textwright.learn.settings import AverageSettings


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Embedding(6, 4), nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))


def average(model: nn.Module, **values: object) -> Average:
    found = build_average(AverageSettings.parse(values), model)
    assert found is not None
    return found


def wander(model: nn.Module, step: int) -> None:
    rng = torch.Generator().manual_seed(step)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=rng))


def weights(found: Average) -> dict[str, torch.Tensor]:
    values = found.weights()
    assert values is not None
    return values


def test_mean_is_that_of_swa_utils_from_its_start_on() -> None:
    model = network()
    ours, theirs = average(model, name="mean", start=0.5), AveragedModel(model)
    for step in range(20):
        wander(model, step)
        progress = (step + 0.5) / 20
        ours.update(model, progress)
        if progress >= 0.5:
            theirs.update_parameters(model)
        else:
            assert ours.weights() is None
    wanted = dict(theirs.module.named_parameters())
    assert weights(ours).keys() == wanted.keys()
    for name, value in weights(ours).items():
        torch.testing.assert_close(value, wanted[name].detach())


def test_ema_is_the_sum_that_a_hand_adds_up() -> None:
    model, seen = network(), []
    ema = average(model, name="ema", decay=0.6)
    for step in range(12):
        wander(model, step)
        ema.update(model, 0.0)
        seen.append(model[1].weight.detach().double().clone())
    wanted = seen[0]
    for n, value in enumerate(seen[1:], 1):
        decay = min(0.6, (1 + n) / (10 + n))
        wanted = decay * wanted + (1 - decay) * value
    torch.testing.assert_close(weights(ema)["1.weight"].double(), wanted, rtol=1e-5, atol=1e-6)
    assert (1 + 11) / (10 + 11) < 0.6 < (1 + 13) / (10 + 13), "the decay is still rising here"


def test_ema_of_many_steps_keeps_to_its_decay() -> None:
    model = nn.Linear(1, 1)
    ema = average(model, name="ema", decay=0.5)
    for step in range(30):
        nn.init.constant_(model.weight, float(step))
        ema.update(model, 0.0)
    # In the long run a line is followed decay / (1 - decay) steps behind.
    assert weights(ema)["weight"].item() == pytest.approx(29 - 1.0, abs=1e-4)


def test_the_first_weights_are_soon_forgotten() -> None:
    model = nn.Linear(1, 1, bias=False)
    ema = average(model, name="ema", decay=0.999)
    nn.init.constant_(model.weight, 100.0)
    ema.update(model, 0.0)
    nn.init.constant_(model.weight, 1.0)
    for _ in range(60):
        ema.update(model, 0.0)
    assert weights(ema)["weight"].item() == pytest.approx(1.0, abs=0.01)
    assert 0.999**60 > 0.9, "a decay that does not start low would still hold most of them"


def test_only_what_is_learned_is_averaged() -> None:
    model = network()
    model[0].weight.requires_grad_(False)
    ema = average(model, name="ema")
    ema.update(model, 0.0)
    learned = {f"{i}.{kind}" for i in (1, 2, 3) for kind in ("weight", "bias")}
    assert set(weights(ema)) == learned
    assert build_average(AverageSettings(), model) is None


@pytest.mark.parametrize("name", ["ema", "mean"])
def test_a_restored_average_goes_on_with_the_same_bits(name: str) -> None:
    model = network()
    found = average(model, name=name, start=0.2)
    for step in range(5):
        wander(model, step)
        found.update(model, step / 10)
    saved = {key: value.clone() for key, value in found.state().items()}
    assert all(isinstance(value, torch.Tensor) for value in saved.values())
    other = average(network(seed=1), name=name, start=0.2)
    other.restore(saved)
    for step in range(5, 10):
        wander(model, step)
        found.update(model, step / 10)
        other.update(model, step / 10)
    assert all(torch.equal(value, weights(other)[key]) for key, value in weights(found).items())
    assert torch.equal(found.state()["count"], other.state()["count"])


def test_a_state_from_before_the_first_update_has_no_weights() -> None:
    model = network()
    found = average(model, name="mean")
    other = average(model, name="mean")
    other.restore(found.state())
    assert other.weights() is None


def test_the_state_of_another_model_is_refused() -> None:
    state = average(nn.Linear(2, 2), name="ema").state()
    with pytest.raises(KeyError):
        average(network(), name="ema").restore(state)
    with pytest.raises(RuntimeError, match="size"):
        average(nn.Linear(3, 2), name="ema").restore(state)


def test_averaged_puts_the_mean_in_and_the_own_weights_back_even_after_an_error() -> None:
    model = network()
    ema = average(model, name="ema")
    for step in range(3):
        wander(model, step)
        ema.update(model, 0.0)
    parameters = [(p, p.data_ptr()) for p in model.parameters()]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(RuntimeError, match="planted"), averaged(model, ema):
        inside = dict(model.named_parameters())
        assert all(torch.equal(inside[name].detach(), value) for name, value in weights(ema).items())
        assert not torch.equal(model[1].weight, before["1.weight"])
        raise RuntimeError("planted")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.data_ptr() == place for p, place in parameters)
    after = {name: value.clone() for name, value in weights(ema).items()}
    with averaged(model, ema):
        pass
    assert all(torch.equal(value, after[name]) for name, value in weights(ema).items())


def test_without_an_average_the_model_stays_as_it_is() -> None:
    model = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for nothing in (None, average(model, name="mean")):
        with averaged(model, nothing):
            assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_what_holds_on_to_a_weight_sees_that_it_changed() -> None:
    """Casts to another precision are kept by the version of the weight."""
    model = network()
    ema = average(model, name="ema")
    ema.update(model, 0.0)
    wander(model, 1)
    version = model[1].weight._version
    with averaged(model, ema):
        assert model[1].weight._version > version
        version = model[1].weight._version
    assert model[1].weight._version > version
