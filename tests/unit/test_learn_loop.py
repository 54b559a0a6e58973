"""The loop ends where it should, keeps the best weights, and makes the same steps from the same seed."""

from __future__ import annotations

import gc
import math
import time
import tracemalloc
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from made_clocks import Still
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError
from textwright.core.ragged import Ragged
from textwright.core.seeds import derive
from textwright.learn.batches import Rows, collate, epoch_order
from textwright.learn.consistency import divergence_for
from textwright.learn.gradient import seed_torch
from textwright.learn.loop import Fit, Judgement
from textwright.learn.objectives import cross_entropy
from textwright.learn.settings import LearnSettings
from textwright.runtime.settings import Compute

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


def test_validations_come_when_they_are_due_and_at_the_end_however_it_comes() -> None:
    kept: list[dict[str, Tensor]] = []
    fit = start(2.5, validate=judging(range(9, 0, -1), kept), is_due=lambda state: state.step % 7 == 0)
    assert [e.step for e in fit.run() if e.scores] == [7, 14, 21, 25]
    assert same_bits(kept[-1], weights(fit.model)), "the last one was the best"

    clock = Still(0.0, 10.0)
    fit = start(100, clock, validate=judging([1], kept := []), is_due=lambda state: False)
    events = fit.run()
    for _ in range(4):
        next(events)
    clock.now[0] = 10.0
    assert [(event.step, bool(event.scores)) for event in events] == [(5, True)]
    assert same_bits(kept[0], weights(fit.model))


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
    assert fit.recovery.good is None, "the engine that is left holds the weights once"


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


def judged_weights(fit: Fit) -> list[dict[str, Tensor]]:
    """What every validation of a run sees; each is better than the one before."""
    seen: list[dict[str, Tensor]] = []
    fit.validate = judging(range(99, 0, -1), seen)
    list(fit.run())
    return seen


def test_validation_judges_the_averaged_weights_and_keeps_them() -> None:
    fit = start(3, learn={"average": {"name": "mean", "start": 0}})
    seen, own = judged_weights(fit), judged_weights(start(3))
    after_each: list[dict[str, Tensor]] = []
    plain = start(3)
    for _ in plain.run():
        after_each.append(weights(plain.model))
    for check, judged in enumerate(seen, 1):
        steps = after_each[: check * PER_EPOCH]
        for name in judged:
            mean = torch.stack([step[name] for step in steps]).mean(0)
            torch.testing.assert_close(judged[name], mean, rtol=1e-4, atol=1e-6)
        assert not same_bits(judged, own[check - 1])
    assert same_bits(weights(fit.model), seen[-1]), "the best are those that were judged"


def test_without_validation_the_average_is_left() -> None:
    fit = start(2, learn={"average": {"name": "ema", "decay": 0.9}})
    losses = [event.loss for event in fit.run()]
    assert fit.average is not None and losses == [event.loss for event in start(2).run()]
    average = fit.average.weights()
    assert average is not None and same_bits(weights(fit.model), weights_of(average))
    # A refit that is shorter than planned has an average as well.
    fit = start(1, planned_epochs=9, learn={"average": {"name": "mean", "start": 0.5}})
    list(fit.run())
    assert fit.average is not None and fit.average.weights() is not None


def weights_of(average: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in average.items()}


def test_r_drop_adds_how_far_two_passes_are_apart() -> None:
    def first_loss(r_drop: float) -> float:
        fit = start(
            1, learn={"batch": NUM_ROWS, "loss": {"r_drop": r_drop}}, divergence=divergence_for("softmax")
        )
        return next(iter(fit.run())).loss

    fit = start(1, learn={"batch": NUM_ROWS})
    order = epoch_order(rows().tokens.lengths, NUM_ROWS, 0, 0)[0]
    batch = collate(rows(), order)
    seed_torch("cpu", derive(0, "step", 0))
    first, second = (fit.model(batch.ids_BT, batch.mask_BT).logits for _ in range(2))
    both = [cross_entropy(logits, batch.targets).mean for logits in (first, second)]
    apart = divergence_for("softmax")(first, second).mean
    assert not torch.equal(first, second) and apart > 0
    for r_drop in (0.5, 4.0):
        wanted = (both[0] + both[1]) / 2 + r_drop * apart
        assert first_loss(r_drop) == pytest.approx(wanted.item(), rel=1e-5)
    with pytest.raises(ConfigError, match="r_drop"):
        start(1, learn={"loss": {"r_drop": 1}})


def test_plain_gradient_descent_takes_all_rows() -> None:
    fit = start(3, learn={"optimizer": {"name": "gd", "rate": 0.1}})
    events = list(fit.run())
    assert [event.rows for event in events] == [NUM_ROWS, 2 * NUM_ROWS, 3 * NUM_ROWS]


def test_groups_learn_at_their_share_of_the_rate() -> None:
    fit = start(1, learn={"schedule": {"name": "linear", "warmup": 0}})
    fit.optimizer.param_groups[-1]["factor"] = 0.25
    for event in fit.run():
        rates = [group["lr"] for group in fit.optimizer.param_groups]
        assert rates[-1] == pytest.approx(0.25 * event.rate) and rates[0] == pytest.approx(event.rate)


def test_a_rate_that_is_still_open_is_refused() -> None:
    with pytest.raises(ConfigError, match="rate is still auto"):
        start(1, learn={"optimizer": {}})


class Steady(nn.Module):
    """A network without dropout: what it learns does not depend on how its steps are cut."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(30, 8), nn.Linear(8, 2)
        self.largest = 0

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> SimpleNamespace:
        self.largest = max(self.largest, ids_BT.numel())
        return SimpleNamespace(logits=self.head((self.table(ids_BT) * mask_BT.unsqueeze(-1)).sum(1)))


def steady(**more: Any) -> Fit:
    torch.manual_seed(1)
    learn = {"batch": 32, "optimizer": {"name": "sgd", "rate": 0.3}, **more.pop("learn", {})}
    return Fit(Steady(), rows(90), cross_entropy, LearnSettings.parse(learn), 4, 0, Clock.starting(), **more)


@pytest.mark.parametrize(
    ("more", "tokens"),
    [
        ({"compute": Compute(micro_batch=4)}, 4 * 6),
        ({"compute": Compute(micro_batch=5)}, 5 * 6),
        ({"learn": {"max_tokens": 40}}, 40),
        ({"compute": Compute(micro_batch=1), "learn": {"max_tokens": 1}}, 6),
    ],
)
def test_parts_add_up_to_the_whole_step(more: dict[str, Any], tokens: int) -> None:
    """1 x 32 is 8 x 4, and the last step of an epoch, with fewer rows, counts as it does in one part."""
    whole, cut = steady(), steady(**more)
    wanted, found = list(whole.run()), list(cut.run())
    assert cut.model.largest <= tokens < whole.model.largest
    assert [(e.rows, e.tokens, e.epoch) for e in found] == [(e.rows, e.tokens, e.epoch) for e in wanted]
    np.testing.assert_allclose([e.loss for e in found], [e.loss for e in wanted], rtol=1e-4)
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(cut.model.state_dict()[name], value, rtol=1e-4, atol=1e-5)


def test_each_part_draws_its_own_dropout() -> None:
    first, again = (start(1, learn={"batch": 32}, compute=Compute(micro_batch=8)) for _ in range(2))
    assert [e.loss for e in first.run()] == [e.loss for e in again.run()], "and the same ones each time"
    drawn: list[Tensor] = []
    fit = start(1, learn={"batch": 32}, compute=Compute(micro_batch=8))
    fit.model.head.register_forward_pre_hook(lambda _, inputs: drawn.append(inputs[0] == 0))
    next(iter(fit.run()))
    assert len(drawn) == 4 and not any(torch.equal(drawn[0], other) for other in drawn[1:])


def test_memory_stays_flat_over_twenty_epochs() -> None:
    """With all that copies weights: validations, an average, good states (the first at step 250)."""
    values = iter(range(999, 0, -1))
    average = {"average": {"name": "ema"}}
    fit = start(
        34, validate=lambda model: Judgement(next(values), {"loss": 0.0}), data=rows(160), learn=average
    )
    num_bytes, num_tensors = dict[float, int](), dict[float, int]()
    tracemalloc.start()
    try:
        for event in fit.run():
            if event.epoch in (14, 34):
                fit.model.modes.clear()
                gc.collect()
                num_bytes[event.epoch] = tracemalloc.get_traced_memory()[0]
                num_tensors[event.epoch] = sum(issubclass(type(thing), Tensor) for thing in gc.get_objects())
    finally:
        tracemalloc.stop()
    assert num_tensors[34] == num_tensors[14]
    # Python's own free lists grow by some 20 kB; the events of 400 steps, if kept, would be 280 kB.
    assert num_bytes[34] < num_bytes[14] + 100_000


@pytest.mark.parametrize("is_judged", [True, False])
def test_the_mean_of_the_last_checks_is_judged_and_kept(is_judged: bool) -> None:
    """Or taken in without a judgement, where nothing is held out."""
    own: list[dict[str, Tensor]] = []
    seen: list[dict[str, Tensor]] = []
    fit = start(5, learn={"average": {"name": "last", "count": 2}, "patience": 0})
    average = fit.average
    assert average is not None
    mark = average.mark

    def marked(model: nn.Module) -> None:
        own.append(weights(model))
        mark(model)

    average.mark = marked  # type: ignore[method-assign]
    if is_judged:
        fit.validate = judging([5.0, 3.0, 2.0, 4.0, 6.0], seen)
    list(fit.run())
    assert len(own) == 5 and len(seen) == 5 * is_judged
    means = [{name: (own[i - 1][name] + own[i][name]) / 2 for name in own[i]} for i in range(1, 5)]
    wanted = means[1] if is_judged else means[3]
    for number, judged in enumerate(seen[1:]):
        assert all(torch.allclose(judged[name], value) for name, value in means[number].items())
    kept = weights(fit.model)
    assert all(torch.allclose(kept[name], value) for name, value in wanted.items())
