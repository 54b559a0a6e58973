"""A fit that was mended, or that ended badly, is the same when it was stored and continued on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from _bags import PER_EPOCH, is_finite, same_bits, spoil, start, weights
from _fits import steps, told
from test_divergence import forgetting
from test_out_of_memory import Long
from test_training_faults import spoil_weights
from torch import nn

from textwright.core.errors import ModelError
from textwright.learn import recovery
from textwright.learn.checkpoint import checkpoints_in, load_checkpoint, save_checkpoint
from textwright.learn.loop import Fit, Judgement


def other_weights(fit: Fit) -> Fit:
    """What a checkpoint must bring back."""
    with torch.no_grad():
        for parameter in fit.model.parameters():
            parameter.add_(1)
    return fit


def check(folder: Path, made: Callable[[], Fit], stops: list[int]) -> Fit:
    """The undisturbed fit; one that is stored and thrown away at each stop is the same, and as much over."""
    whole, seen = made(), list[tuple[object, ...]]()
    wanted = [told(event) for event in whole.run()]
    fit = made()
    for stop in stops:
        events = fit.run()
        seen += steps(events, stop)
        save_checkpoint(folder, fit, {})
        events.close()  # type: ignore[attr-defined]
        fit = other_weights(made())
        resumed = load_checkpoint(folder, fit)
        assert resumed is not None and resumed.step == stop and not resumed.warnings
    fit.on_end = lambda: save_checkpoint(folder, fit, {})
    seen += [told(event) for event in fit.run()]
    assert seen == wanted and same_bits(weights(fit), weights(whole)) and is_finite(fit)
    assert fit.state.health == whole.state.health and fit.state.max_tokens == whole.state.max_tokens
    assert checkpoints_in(folder)[0].name.endswith("-end")
    again = other_weights(made())
    load_checkpoint(folder, again)
    assert list(again.run()) == [] and same_bits(weights(again), weights(whole))
    return whole


def by_step(fit: Fit, until: int) -> Callable[[nn.Module], Judgement]:
    """Better at each step up to this one."""
    return lambda model: Judgement(abs(fit.state.step - until), {})


@pytest.mark.parametrize("stops", [[20], [29, 30], [31, 34, 40]])
def test_one_that_diverges_after_it_was_judged(tmp_path: Path, stops: list[int]) -> None:
    def made() -> Fit:
        fit = start(9)
        fit.validate = by_step(fit, 2 * PER_EPOCH)
        return spoil(fit, range(30, 999))

    fit = check(tmp_path, made, stops)
    assert fit.state.is_over and fit.state.step == 41 and fit.state.best_epoch == 2


@pytest.mark.parametrize("stops", [[9], [10, 21]])
@pytest.mark.parametrize("average", ["none", "ema"])
def test_one_whose_last_weights_are_no_numbers(
    tmp_path: Path, stops: list[int], average: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "STEPS_BETWEEN", 10)
    fit = check(tmp_path, lambda: spoil_weights(start(2, learn={"average": {"name": average}}), 23), stops)
    assert fit.state.health.num_updates == 20


def test_one_of_which_nothing_is_left(tmp_path: Path) -> None:
    fit = spoil_weights(start(2), 23)
    steps(events := fit.run(), 20)
    save_checkpoint(tmp_path, fit, {})
    events.close()  # type: ignore[attr-defined]
    for _ in range(2):
        again = spoil_weights(other_weights(start(2)), 23)
        load_checkpoint(tmp_path, again)
        with pytest.raises(ModelError, match="the weights are no numbers"):
            list(again.run())


@pytest.mark.parametrize("stops", [[1], [2, 5]])
def test_one_that_ran_out_of_memory(tmp_path: Path, stops: list[int]) -> None:
    def made() -> Fit:
        torch.manual_seed(1)
        model = Long()
        model.most_tokens = 40
        return start(3, model=model, learn={"batch": 32})

    fit = check(tmp_path, made, stops)
    assert fit.state.max_tokens is not None and fit.state.max_tokens <= 40


def test_one_that_had_no_memory_for_a_good_state(tmp_path: Path) -> None:
    def made() -> Fit:
        fit = start(9)
        fit.recovery.keep = lambda step, health: None  # type: ignore[method-assign]
        fit.validate = by_step(fit, PER_EPOCH)
        return spoil(fit, range(30, 999))

    assert check(tmp_path, made, [20, 31]).state.step == 32


@pytest.mark.parametrize("stops", [[15, 200], [255, 300, 335], [420]])
def test_one_that_had_forgotten_what_it_knew(tmp_path: Path, stops: list[int]) -> None:
    fit = check(tmp_path, lambda: forgetting(range(260, 550)), stops)
    assert fit.state.health.num_recoveries == 1 and fit.state.health.has_learned


@pytest.mark.parametrize("stops", [[245, 252, 340], [500]])
def test_one_that_had_to_learn_anew(tmp_path: Path, stops: list[int]) -> None:
    fit = check(tmp_path, lambda: forgetting(range(241, 550)), stops)
    assert fit.state.health.num_recoveries == 1 and fit.state.health.num_updates < 300


def test_the_ceiling_is_looked_at_again_at_the_same_step(tmp_path: Path) -> None:
    """Losses as they are kept: three are spikes, so that the second look changes the ceiling."""

    def made() -> Fit:
        return spoil(start(8), [3, 4, 5], bad=1000.0)

    fit = check(tmp_path, made, [19, 21, 69])
    assert fit.state.health.ceiling is not None and fit.state.health.ceiling < 10
