"""Numbers that are none: said aloud, and survived; what was good before is kept."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from _bags import PER_EPOCH, is_finite, same_bits, spoil, start, told, weights
from torch import Tensor, nn

from textwright.core.errors import ModelError
from textwright.core.records import Note, StepEvent
from textwright.learn import recovery
from textwright.learn.loop import Fit, Judgement
from textwright.learn.recovery import MOST_RECOVERIES, STEPS_BETWEEN


@pytest.mark.parametrize("where", ["loss", "gradient"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_step_that_is_no_number_changes_nothing_and_is_said(where: str, bad: float) -> None:
    fit = spoil(start(2, learn={"average": {"name": "ema"}}), [7], bad, where)
    events, seen = fit.run(), list[Any]()
    before: dict[str, Tensor] = {}
    for event in events:
        seen.append(event)
        if isinstance(event, StepEvent) and event.step == 6:
            before, average = weights(fit), {k: v.clone() for k, v in fit.average.state().items()}
        if isinstance(event, StepEvent) and event.step == 7:
            assert same_bits(weights(fit), before) and same_bits(fit.average.state(), average)
    note = next(e for e in seen if isinstance(e, Note))
    what = "the loss is" if where == "loss" else "the length of the gradient is"
    assert note.text.startswith(f"step 7: {what} ") and "update is left out" in note.text
    steps = [e for e in seen if isinstance(e, StepEvent)]
    assert [e.step for e in steps] == list(range(1, 2 * PER_EPOCH + 1)), "it goes on with the next rows"
    assert math.isfinite(steps[6].loss) == (where == "gradient"), "what is logged is what was found"
    assert len({e.rate for e in steps}) == 1 and is_finite(fit)


def test_many_bad_steps_do_not_flood_the_person() -> None:
    fit = spoil(start(20), range(1, 20 * PER_EPOCH, 2))
    events, warnings = told(fit)
    assert fit.state.health.num_skipped == 10 * PER_EPOCH == 120 and is_finite(fit)
    assert [w.split(":")[0] for w in warnings] == ["step 1", "step 3", "step 5", "step 19", "step 199"]
    assert "(100 times so far)" in warnings[-1] and len(events) == 20 * PER_EPOCH


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_three_in_a_row_go_back_to_the_last_good_state(where: str) -> None:
    """And from there on as the good state did, with half the rate."""
    at = STEPS_BETWEEN + 20
    fit = spoil(start(25, learn={"average": {"name": "ema"}}), [at, at + 1, at + 2], where=where)
    good: tuple[Any, ...] = ()
    for event in fit.run():
        if not isinstance(event, StepEvent):
            continue
        if event.step == STEPS_BETWEEN:
            good = weights(fit), {k: v.clone() for k, v in fit.average.state().items()}, slots(fit)
        if event.step == at - 1:
            assert not same_bits(weights(fit), good[0])
        if event.step == at + 2:
            assert same_bits(weights(fit), good[0]) and same_bits(fit.average.state(), good[1])
            assert same_bits(slots(fit), good[2])
            assert event.rate == 0.02
        if event.step == at + 3:
            assert event.rate == 0.01 and not same_bits(weights(fit), good[0])
    assert fit.state.health.num_recoveries == 1 and is_finite(fit) and fit.state.step == 300


def slots(fit: Fit) -> dict[str, Tensor]:
    state = fit.optimizer.state_dict()["state"]
    return {f"{i}.{name}": value.clone() for i, named in state.items() for name, value in named.items()}


def test_weights_that_are_spoiled_come_back_from_the_start() -> None:
    """Before the first copy at a later step there is that of the beginning."""
    fit = start(4)
    notes: list[str] = []
    for event in fit.run():
        if isinstance(event, Note):
            notes.append(event.text)
        elif event.step == 10:
            with torch.no_grad():
                fit.model.head.weight.fill_(math.nan)
    assert [note.split(":")[0] for note in notes] == ["step 11", "step 12", "step 13"]
    assert "back to the last good weights" in notes[-1] and "at most 0.01; 1 of 3" in notes[-1]
    assert is_finite(fit) and fit.state.step == 4 * PER_EPOCH


def test_what_never_gets_better_is_an_error_with_a_diagnosis() -> None:
    """Nothing was judged, so nothing is known to be good."""
    fit = spoil(start(9), range(30, 999))
    notes: list[str] = []
    with pytest.raises(ModelError, match=r"has diverged: step 41: the loss is nan, the 3rd time") as caught:
        for event in fit.run():
            notes += [event.text] if isinstance(event, Note) else []
    assert "went back to a good state 3 times, at last with the rate 0.0025" in caught.value.message
    assert caught.value.hint == "Try a lower rate: --set learn.optimizer.rate=0.00083"
    assert sum("back to the last good" in note for note in notes) == MOST_RECOVERIES
    assert is_finite(fit) and not fit.model.training and not fit.state.is_over


@pytest.mark.parametrize("without", ["recoveries that are left", "a good state"])
def test_what_was_judged_good_outlives_a_training_that_diverges(without: str) -> None:
    kept: list[dict[str, Tensor]] = []
    ended: list[bool] = []

    def validate(model: nn.Module) -> Judgement:
        kept.append(weights(fit))
        return Judgement(1 / len(kept), {})

    fit = spoil(start(9, validate=validate), range(30, 999))
    fit.on_end = lambda: ended.append(fit.state.is_over)
    if without == "a good state":
        fit.recovery.keep = lambda step, health: None  # type: ignore[method-assign]
    _, warnings = told(fit)
    at, went = (
        (32, "there was no good") if without == "a good state" else (41, "it went back to a good state 3")
    )
    assert warnings[-1].startswith(
        f"training has diverged: step {at}: the loss is nan, the 3rd time in a row"
    )
    assert went in warnings[-1] and "the best by validation is kept, of epoch" in warnings[-1]
    assert "Try a lower rate: --set learn.optimizer.rate=0.00" in warnings[-1]
    assert len(kept) >= 2 and same_bits(weights(fit), kept[-1]) and is_finite(fit)
    assert ended == [True] and list(fit.run()) == [] and not fit.model.training


def test_weights_that_are_no_numbers_are_never_the_best() -> None:
    """The rows of validation need not hold the token whose vector is spoiled."""
    fit = start(3, validate=lambda model: Judgement(1 / (fit.state.step + 1), {}))
    for event in fit.run():
        if isinstance(event, StepEvent) and event.step == 2 * PER_EPOCH:
            with torch.no_grad():
                fit.model.table.weight[0] = math.nan  # id 0 is padding, which is multiplied by zero
    assert fit.state.best_epoch == 2 and is_finite(fit)


# Numbers that are none at the very end.

AVERAGES = [{"name": "none"}, {"name": "ema"}, {"name": "mean", "start": 0.0}]


def spoil_weights(fit: Fit, step: int) -> Fit:
    """Leave weights that are no numbers after the update of this step, and of this step alone."""
    real = fit.optimizer.step

    def update() -> None:
        real()
        if fit.state.step + 1 == step:
            with torch.no_grad():
                fit.model.head.weight.fill_(math.nan)

    fit.optimizer.step = update  # type: ignore[method-assign]
    return fit


@pytest.mark.parametrize("average", AVERAGES, ids=lambda average: average["name"])
@pytest.mark.parametrize("before_the_end", [0, 1, 2])
def test_bad_weights_at_the_end_go_back_to_the_last_good_ones(
    average: dict[str, Any], before_the_end: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "STEPS_BETWEEN", 10)
    fit = start(2, learn={"average": average})
    spoil_weights(fit, 2 * PER_EPOCH - before_the_end)
    good: dict[str, Tensor] = {}
    notes: list[str] = []
    for event in fit.run():
        if isinstance(event, Note):
            notes.append(event.text)
        elif event.step == 20:
            good = weights(fit) if fit.average is None else {**fit.average.weights()}
            good = {name: value.clone() for name, value in good.items()}
    assert len(notes) == 1 + before_the_end and same_bits(weights(fit), good)
    assert notes[-1] == "step 24: the weights are no numbers at the end: those after 20 updates are kept"


def test_so_does_an_average_alone_that_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "STEPS_BETWEEN", 10)
    fit = start(2, learn={"average": {"name": "ema"}})
    for event in fit.run():
        if isinstance(event, StepEvent) and event.step == 22:
            average = fit.average.weights()
            average["head.weight"].fill_(math.nan)
    assert fit.state.health.num_updates == 20 and is_finite(fit)


@pytest.mark.parametrize("average", AVERAGES, ids=lambda average: average["name"])
@pytest.mark.parametrize("before_the_end", [0, 1, 2])
def test_without_good_ones_they_are_an_error(average: dict[str, Any], before_the_end: int) -> None:
    """Those of the beginning are numbers, but have learned nothing."""
    fit = spoil_weights(start(2, learn={"average": average}), 2 * PER_EPOCH - before_the_end)
    with pytest.raises(
        ModelError, match="at its end, after step 24, the weights are no numbers; there was no"
    ):
        list(fit.run())
    assert not fit.state.is_over and is_finite(fit)


@pytest.mark.parametrize("steps", [[1, 2], [22, 23, 24]])
def test_a_fit_of_which_no_update_is_left_is_an_error(steps: list[int]) -> None:
    """All of them were left out, or the last of them went back to the beginning."""
    fit = spoil(start(steps[-1] / PER_EPOCH), steps)
    with pytest.raises(ModelError, match=f"after step {steps[-1]}, none of its updates is left"):
        list(fit.run())


def test_one_that_is_stopped_in_a_bad_moment_leaves_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "STEPS_BETWEEN", 10)
    fit = spoil_weights(start(2), 15)
    events = fit.run()
    while fit.state.step < 15:
        next(events)
    assert not is_finite(fit)
    events.close()  # type: ignore[attr-defined]
    assert is_finite(fit)


def test_a_best_that_was_judged_is_kept_whatever_the_end() -> None:
    fit = start(2, validate=lambda model: Judgement(0.5 if fit.state.epoch == 0 else math.nan, {}))
    assert told(spoil_weights(fit, 2 * PER_EPOCH))[1] == [] and is_finite(fit)
    assert fit.state.best_epoch == 1
