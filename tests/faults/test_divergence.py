"""Losses that run away or fall back are found out, and noise is not taken for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from _bags import NUM_ROWS, Bag, rows, start, told
from torch import Tensor

from textwright.core.errors import ModelError
from textwright.core.records import Note
from textwright.learn.loop import Fit
from textwright.learn.objectives import Loss, cross_entropy, squared_error
from textwright.learn.recovery import MOST_RECOVERIES, STEPS_BETWEEN, diverged
from textwright.learn.state import Health


@pytest.mark.parametrize("at", [STEPS_BETWEEN + 10, STEPS_BETWEEN - 10])
def test_a_loss_that_has_run_away_goes_back(at: int) -> None:
    """Something throws the weights far off: no number is infinite, but nothing is learned.

    Shortly before a copy is due, that copy is not made, as it would be one of bad weights.
    """
    fit = start(40, data=rows(targets=np.random.default_rng(1).integers(0, 2, NUM_ROWS)))
    notes: list[str] = []
    losses: list[float] = []
    for event in fit.run():
        if isinstance(event, Note):
            notes.append(event.text)
            continue
        losses.append(event.loss)
        if event.step == at:
            with torch.no_grad():
                fit.model.head.weight.mul_(-1e5)
    assert len(notes) == 1 and "back to the last good weights" in notes[0] and "the loss stays at" in notes[0]
    gone = int(notes[0].split()[1].rstrip(":"))
    assert at + 25 <= gone <= at + 60
    assert np.mean(losses[at + 2 : gone]) > 100 > 0.8 > np.mean(losses[gone:])


def test_a_rate_that_is_far_too_high_is_found_out() -> None:
    learn = {"optimizer": {"name": "sgd", "rate": 3000}, "clip": 0, "schedule": {"warmup": 0.5}}
    fit = start(60, learn=learn, data=rows(targets=np.random.default_rng(1).integers(0, 2, NUM_ROWS)))
    notes: list[str] = []
    with pytest.raises(ModelError, match="has diverged"):
        for event in fit.run():
            notes += [event.text] if isinstance(event, Note) else []
    assert len([n for n in notes if "half the rate" in n]) == MOST_RECOVERIES


HEALTHY: dict[str, dict[str, Any]] = {
    "one row a step": {"learn": {"batch": 1}, "epochs": 8},
    "labels by chance": {"targets": "chance", "learn": {"batch": 2}, "epochs": 10},
    "a high rate": {"learn": {"batch": 1, "optimizer": {"rate": 0.5}}, "targets": "chance", "epochs": 6},
    "wild scores": {"targets": "wild", "learn": {"batch": 1}, "objective": squared_error, "epochs": 6},
    "sgd": {"learn": {"batch": 4, "optimizer": {"name": "sgd", "rate": 1.0}}, "epochs": 20},
}


@pytest.mark.parametrize("name", list(HEALTHY))
def test_noise_is_no_divergence(name: str) -> None:
    case = dict(HEALTHY[name])
    rng = np.random.default_rng(5)
    kinds = {
        "chance": lambda: rng.integers(0, 2, NUM_ROWS),
        "wild": lambda: (rng.standard_cauchy(NUM_ROWS) * 3).astype(np.float32),
    }
    targets = kinds[case.pop("targets")]() if "targets" in case else None
    model = Bag(1) if case.get("objective") is squared_error else None
    fit = start(case.pop("epochs"), data=rows(targets=targets), model=model, **case)
    assert told(fit)[1] == [] and fit.state.step > 400


@pytest.mark.parametrize("drawn", ["exponential", "lognormal", "rare and huge"])
def test_losses_drawn_from_wide_distributions_are_no_divergence(drawn: str) -> None:
    """200 runs of 2,000 steps of single rows, whose loss falls to a third, or rises by a half, on the way."""
    for seed in range(200):
        rng = np.random.default_rng(seed)
        level = np.linspace(1.0, 0.33 if seed % 2 else 1.5, 2000)
        noise = {
            "exponential": rng.exponential(1, 2000),
            "lognormal": rng.lognormal(-1, 1.4, 2000),
            "rare and huge": np.where(rng.random(2000) < 0.05, 1000, 0.7),
        }[drawn]
        health = Health()
        assert not any(diverged(float(loss), health) for loss in level * noise), seed


@pytest.mark.parametrize("after", [5.0, 50.0, 1e30])
def test_a_jump_is_a_divergence_when_it_lasts(after: float) -> None:
    rng = np.random.default_rng(0)
    begin, low, high = (list(level * rng.exponential(1, 300)) for level in (1.0, 0.4, after))
    assert first_alarm(begin + low + high[:12] + low) is None, "a spike"
    found = first_alarm(begin + low + [after + loss for loss in high])
    assert found is not None and 600 + 20 < found <= 600 + 50
    assert first_alarm([after + loss for loss in high] * 3) is None, "it was never lower"


@pytest.mark.parametrize("wrong", [0.1, 0.25, 0.35])
def test_answers_that_are_right_or_wrong_by_turns_are_no_divergence(wrong: float) -> None:
    """Single rows, of which a part is answered wrongly and surely: the median jumps between both losses."""
    for seed in range(100):
        rng = np.random.default_rng(seed)
        losses = np.where(rng.random(3000) < wrong, 1.4, 0.05)
        assert first_alarm(around(0.69, 20, seed), list(losses)) is None, seed


def first_alarm(*parts: list[float]) -> int | None:
    health, losses = Health(), [loss for part in parts for loss in part]
    return next((i for i, loss in enumerate(losses) if diverged(loss, health)), None)


def around(level: float, count: int, seed: int = 0) -> list[float]:
    return list(level * (1 + 0.1 * np.random.default_rng(seed).standard_normal(count)))


@pytest.mark.parametrize("back", [0.6, 0.69, 0.9, 1.3])
def test_what_was_learned_and_is_forgotten_is_a_divergence(back: float) -> None:
    """Not one of these losses is far above the first ones."""
    begin, low = around(0.69, 300), around(0.05, 400)
    found = first_alarm(begin, low, around(back, 300))
    assert found is not None and 700 + 70 < found <= 700 + 100
    assert first_alarm(begin, low, around(back, 60), low) is None, "when it does not last it is noise"
    assert first_alarm(begin, low, around(0.45, 500)) is None, "nor is a part of the way back"
    assert first_alarm(begin, around(0.5, 400), around(back, 300)) is None, "it had learned too little to say"


@pytest.mark.parametrize("at", [0, 5, 17])
def test_a_spike_at_the_beginning_does_not_blind_the_watch(at: int) -> None:
    """Three of the first 20 losses are a thousand times as high; later ones are at 50 for ever."""
    begin = around(0.69, 20)
    begin[at : at + 3] = [700.0, 700.0, 700.0]
    for learned in (0.3, 0.6):
        found = first_alarm(begin, around(learned, 500), around(50, 200))
        assert found is not None and 520 + 30 < found <= 520 + 60, learned


def forgetting(steps: range) -> Fit:
    """A fit whose answers are all alike in these steps, until it has gone back."""
    fit = start(45, learn={"optimizer": {"rate": 0.005}})

    def objective(logits: Tensor, targets: Tensor) -> Loss:
        is_lost = fit.state.step in steps and not (fit.state.health.num_recoveries and len(steps) < 500)
        return cross_entropy(logits * 0 if is_lost else logits, targets)

    fit.objective = objective
    return fit


def test_a_fit_that_has_forgotten_goes_back_to_what_it_knew() -> None:
    fit = forgetting(range(STEPS_BETWEEN + 10, STEPS_BETWEEN + 300))
    events, (warning,) = told(fit)
    gone = int(warning.split()[1].rstrip(":"))
    assert STEPS_BETWEEN + 10 + 75 <= gone <= STEPS_BETWEEN + 10 + 100
    assert (
        "the loss stays at 0.693; it was " in warning and "less than half of that since: back to" in warning
    )
    assert f"those after {STEPS_BETWEEN} updates, and on with half the rate" in warning
    assert np.mean([event.loss for event in events[gone:]]) < 0.1


def test_weights_that_are_being_forgotten_are_not_copied_as_good_ones() -> None:
    """It began just before a copy was due; the one before is that of the beginning, which knows nothing."""
    fit = forgetting(range(STEPS_BETWEEN - 9, STEPS_BETWEEN + 300))
    losses: list[float] = []
    notes: list[str] = []
    for event in fit.run():
        if isinstance(event, Note):
            notes.append(event.text)
            assert not fit.state.health.has_learned, "learning anew is no divergence"
        else:
            losses.append(event.loss)
    (note,) = notes
    assert "those after 0 updates" in note and int(note.split()[1].rstrip(":")) <= STEPS_BETWEEN + 100
    assert np.mean(losses[-50:]) < 0.1


def test_what_is_forgotten_again_and_again_ends() -> None:
    fit = forgetting(range(STEPS_BETWEEN + 10, 9999))
    fit.epochs = 80
    with pytest.raises(ModelError, match=r"the loss stays at 0.693; .*it went back to a good state 3 times"):
        told(fit)
