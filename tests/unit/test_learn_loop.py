"""The loop ends where it should, keeps the best weights, and makes the same steps from the same seed."""

from __future__ import annotations

import gc
import math
import time
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from textwright.core.clock import Clock
from textwright.core.errors import ModelError
from textwright.core.ragged import Ragged
from textwright.learn.batches import Rows
from textwright.learn.loop import Fit, Judgement
from textwright.learn.objectives import cross_entropy
from textwright.learn.settings import LearnSettings

NUM_ROWS, BATCH = 80, 8
PER_EPOCH = NUM_ROWS // BATCH


class Bag(nn.Module):
    """Mean of token vectors, with dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(30, 8)
        self.head = nn.Linear(8, 2)
        self.modes: list[bool] = []

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> SimpleNamespace:
        self.modes.append(self.training)
        x_BTD = self.table(ids_BT) * mask_BT.unsqueeze(-1)
        return SimpleNamespace(logits=self.head(nn.functional.dropout(x_BTD.sum(1), 0.3, self.training)))


def rows(count: int = NUM_ROWS) -> Rows:
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, count)
    texts = [(rng.integers(1, 15, 1 + i % 6) + 15 * t - t).tolist() for i, t in enumerate(targets)]
    return Rows(Ragged.from_lists(texts), targets)


@dataclass(frozen=True)
class Still(Clock):
    """A clock that stands where the test puts it."""

    now: list[float] = field(default_factory=lambda: [0.0])

    def elapsed(self) -> float:
        return self.now[0]


def start(
    epochs: float = 3, clock: Clock | None = None, *, seed: int = 0, data: Rows | None = None, **more: Any
) -> Fit:
    learn = {"batch": BATCH, "optimizer": {"rate": 0.01}, "schedule": {"name": "constant", "warmup": 0}}
    settings = LearnSettings.parse({**learn, **more.pop("learn", {})})
    torch.manual_seed(1)
    return Fit(
        Bag(), data or rows(), cross_entropy, settings, epochs, seed, clock or Clock.starting(), **more
    )


def judging(values: Iterable[float], kept: list[dict[str, Tensor]]) -> Callable[[nn.Module], Judgement]:
    """A validation that says `values` one after the other and keeps the weights it saw, drawing at random."""
    waiting = iter(values)

    def validate(model: nn.Module) -> Judgement:
        kept.append(weights(model))
        model.eval()
        torch.rand(3)
        value = next(waiting)
        return Judgement(value, {"loss": value})

    return validate


def weights(model: nn.Module) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in model.state_dict().items()}


def same_bits(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


@pytest.mark.parametrize(
    ("epochs", "steps"),
    [(0.5, 5), (2.3, 23), (1, 10), (0.01, 1), (0.11, 2), (2, 20), (7 / 3, 24), (1.0000000001, 10)],
)
def test_ends_at_the_right_batch(epochs: float, steps: int) -> None:
    fit = start(epochs)
    events = list(fit.run())
    assert [event.step for event in events] == list(range(1, steps + 1))
    assert events[-1].epoch == pytest.approx(steps / PER_EPOCH)
    assert (events[-1].rows, fit.state.rows) == (steps * BATCH, steps * BATCH)
    assert list(fit.run()) == [], "over is over"


def test_an_epoch_counts_every_row_and_every_token() -> None:
    events = list(start(1).run())
    assert events[-1].tokens == len(rows().tokens.values)
    assert events[-1].rows == NUM_ROWS and events[-1].remaining == pytest.approx(0, abs=1e-9)


def test_learns_and_gives_eval_mode_back() -> None:
    fit = start(8)
    losses = [event.loss for event in fit.run()]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    assert all(fit.model.modes) and not fit.model.training


def test_loss_is_the_mean_over_the_rows_of_a_batch() -> None:
    fit = start(1, learn={"batch": NUM_ROWS})
    with torch.no_grad():
        ids, mask = rows().tokens.padded()
        torch.default_generator.manual_seed(0)
        fit.model.eval()
        logits = fit.model(torch.from_numpy(ids.astype(np.int64)), torch.from_numpy(mask)).logits
        wanted = nn.functional.cross_entropy(logits, torch.from_numpy(rows().targets)).item()
    fit.model.train = lambda mode=True: fit.model  # type: ignore[method-assign]
    assert next(fit.run()).loss == pytest.approx(wanted, rel=1e-5)


def test_rates_follow_the_schedule_and_waste_no_step() -> None:
    fit = start(2, learn={"schedule": {"name": "linear", "warmup": 0.25}})
    rates = [event.rate / 0.01 for event in fit.run()]
    middles = [(i + 0.5) / 20 for i in range(20)]
    assert rates == pytest.approx([m / 0.25 if m < 0.25 else (1 - m) / 0.75 for m in middles])
    assert min(rates) > 0
    # A refit that is shorter than planned keeps to the plan.
    short = start(1, planned_epochs=2, learn={"schedule": {"name": "linear", "warmup": 0.25}})
    assert [event.rate / 0.01 for event in short.run()] == pytest.approx(rates[:10])


def test_time_moves_the_schedule_on() -> None:
    clock = Still(0.0, 100.0)
    fit = start(10, clock, learn={"schedule": {"name": "linear", "warmup": 0}})
    events = fit.run()
    next(events)
    clock.now[0] = 80.0
    assert next(events).rate == pytest.approx(0.01 * 0.2)


def test_the_clock_stops_within_a_step() -> None:
    clock = Still(0.0, 10.0)
    events = start(100, clock).run()
    for _ in range(4):
        next(events)
    clock.now[0] = 10.0
    assert list(events) == []
    before = time.monotonic()
    assert len(list(start(10_000, Clock.starting(0.2)).run())) >= 1
    assert time.monotonic() - before < 2


@pytest.mark.parametrize("limit", [0.0, -1.0])
def test_at_least_one_step_is_made(limit: float) -> None:
    assert [event.step for event in start(5, Clock.starting(limit)).run()] == [1]


def test_best_weights_come_back_at_the_end() -> None:
    kept: list[dict[str, Tensor]] = []
    fit = start(4, validate=judging([3, 1, 2, 1], kept))
    events = [event for event in fit.run() if event.scores]
    assert [event.is_best for event in events] == [True, True, False, False], "equal is no gain"
    assert [event.scores for event in events] == [{"loss": 3}, {"loss": 1}, {"loss": 2}, {"loss": 1}]
    assert same_bits(weights(fit.model), kept[1]) and not same_bits(kept[1], kept[3])
    assert (fit.state.best_value, fit.state.best_epoch, fit.state.step) == (1, 2.0, 40)
    assert not fit.model.training and all(fit.model.modes)


@pytest.mark.parametrize(("patience", "checks"), [(1, 3), (2, 4), (3, 8), (0, 10)])
def test_stops_when_patience_is_over(patience: int, checks: int) -> None:
    values = [5, 4, 6, 6, 3, 9, 9, 9, 9, 9]
    kept: list[dict[str, Tensor]] = []
    fit = start(10, validate=judging(values, kept), learn={"patience": patience})
    assert sum(1 for _ in fit.run()) == checks * PER_EPOCH
    assert len(kept) == checks
    assert same_bits(weights(fit.model), kept[int(np.argmin(values[:checks]))])


@pytest.mark.parametrize(
    ("epochs", "checks_per_epoch", "at"),
    [
        (2, 1, [10, 20]),
        (1, 4, [2, 5, 8, 10]),
        (0.5, 1, [5]),
        (1.3, 2, [5, 10, 13]),
        (1, 99, list(range(1, 11))),
    ],
)
def test_validates_so_often_and_at_the_end(epochs: float, checks_per_epoch: int, at: list[int]) -> None:
    learn = {"checks_per_epoch": checks_per_epoch, "patience": 0}
    fit = start(epochs, validate=judging(range(99, 0, -1), []), learn=learn)
    assert [event.step for event in fit.run() if event.scores] == at


def test_a_value_that_is_no_number_is_never_the_best() -> None:
    fit = start(3, validate=judging([math.nan, 2, math.nan], []))
    assert [event.is_best for event in fit.run() if event.scores] == [False, True, False]


def test_closing_it_early_leaves_the_best_weights() -> None:
    kept: list[dict[str, Tensor]] = []
    fit = start(5, validate=judging([2, 1, 0], kept))
    events = fit.run()
    while next(events).step < 25:
        continue
    assert not same_bits(weights(fit.model), kept[1])
    events.close()  # type: ignore[attr-defined]
    assert same_bits(weights(fit.model), kept[1]) and not fit.model.training


def test_ctrl_c_inside_a_step_leaves_the_best_weights() -> None:
    kept: list[dict[str, Tensor]] = []
    fit = start(5, validate=judging([2, 1, 0], kept))
    real = fit.objective

    def objective(logits: Tensor, targets: Tensor) -> Any:
        if fit.state.step == 24:
            raise KeyboardInterrupt
        return real(logits, targets)

    fit.objective = objective
    with pytest.raises(KeyboardInterrupt):
        list(fit.run())
    assert same_bits(weights(fit.model), kept[1]) and not fit.model.training


def test_stopped_before_any_validation_it_keeps_the_last_weights() -> None:
    fit = start(5, validate=judging([1], []))
    events = fit.run()
    for _ in range(3):
        next(events)
    last = weights(fit.model)
    events.close()  # type: ignore[attr-defined]
    assert same_bits(weights(fit.model), last) and not fit.model.training


@pytest.mark.parametrize("where", ["loss", "gradient"])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_divergence_is_an_error_with_a_hint_and_leaves_no_nan(where: str, bad: float) -> None:
    kept: list[dict[str, Tensor]] = []
    fit = start(5, validate=judging([2, 1, 0], kept))
    hook = fit.model.head.weight.register_hook(
        lambda g: g * bad if fit.state.step == 23 and where == "gradient" else g
    )
    real = fit.objective

    def objective(logits: Tensor, targets: Tensor) -> Any:
        return real(logits * bad if fit.state.step == 23 and where == "loss" else logits, targets)

    fit.objective = objective
    with pytest.raises(
        ModelError, match=rf"the {where} is (nan|inf) at step 24.*\nTry a lower rate.*rate=0\.0033"
    ):
        list(fit.run())
    hook.remove()
    assert same_bits(weights(fit.model), kept[1])


def test_long_gradients_are_cut_as_torch_does() -> None:
    def first_step(clip: float, learn: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        fit = start(
            1, learn={"clip": clip, "optimizer": {"name": "sgd", "rate": 1, "momentum": 0, "weight_decay": 0}}
        )
        before = weights(fit.model)
        next(fit.run())
        after = fit.model.state_dict()
        return before, {key: before[key] - after[key] for key in before}

    _, free = first_step(0, {})
    length = torch.cat([step.flatten() for step in free.values()]).norm()
    _, wide = first_step(float(length) * 2, {})
    assert same_bits(free, wide)
    _, cut = first_step(0.1, {})
    for key in free:
        torch.testing.assert_close(cut[key], free[key] * 0.1 / length, rtol=1e-3, atol=1e-6)


def test_one_seed_gives_the_same_bits_twice() -> None:
    def run(seed: int) -> tuple[list[float], dict[str, Tensor]]:
        fit = start(2, seed=seed)
        torch.manual_seed(time.time_ns())  # nobody's draws outside count
        return [event.loss for event in fit.run()], fit.model.state_dict()

    (losses, end), (again, end_again), (others, other_end) = run(3), run(3), run(4)
    assert losses == again and same_bits(end, end_again)
    assert losses != others and not same_bits(end, other_end)


def test_a_validation_changes_no_step() -> None:
    with_checks = start(2, validate=judging(range(9, 0, -1), []), learn={"checks_per_epoch": 3})
    assert [e.loss for e in with_checks.run()] == [e.loss for e in start(2).run()]


def test_memory_stays_flat_over_twenty_epochs() -> None:
    values = iter(range(999, 0, -1))
    fit = start(22, validate=lambda model: Judgement(next(values), {"loss": 0.0}), data=rows(160))
    num_bytes, num_tensors = dict[float, int](), dict[float, int]()
    tracemalloc.start()
    try:
        for event in fit.run():
            if event.epoch in (2, 22):
                fit.model.modes.clear()
                gc.collect()
                num_bytes[event.epoch] = tracemalloc.get_traced_memory()[0]
                num_tensors[event.epoch] = sum(issubclass(type(thing), Tensor) for thing in gc.get_objects())
    finally:
        tracemalloc.stop()
    assert num_tensors[22] == num_tensors[2]
    # Python's own free lists grow by some 20 kB; the events of 400 steps, if kept, would be 280 kB.
    assert num_bytes[22] < num_bytes[2] + 100_000
