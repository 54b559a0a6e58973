"""Numbers that are none, losses that run away, memory that does not suffice: said aloud, and survived."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from textwright.core.clock import Clock
from textwright.core.errors import ModelError
from textwright.core.events import Event
from textwright.core.ragged import Ragged
from textwright.core.records import Note, StepEvent
from textwright.learn.batches import Rows
from textwright.learn.loop import Fit, Judgement
from textwright.learn.objectives import Loss, cross_entropy, squared_error
from textwright.learn.recovery import MOST_RECOVERIES, STEPS_BETWEEN, diverged
from textwright.learn.settings import LearnSettings
from textwright.learn.state import Health
from textwright.runtime.settings import Compute

NUM_ROWS, BATCH = 96, 8
PER_EPOCH = NUM_ROWS // BATCH


class Bag(nn.Module):
    """A sum of token vectors. With more than `most_rows` rows it says what torch says without memory."""

    def __init__(self, outputs: int = 2, most_rows: int = 10**9) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(30, 8), nn.Linear(8, outputs)
        self.most_rows = most_rows
        self.said: Callable[[], BaseException] = lambda: RuntimeError(
            "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you "
            "tried to allocate 9437184 bytes. Error code 12 (Cannot allocate memory)"
        )

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> SimpleNamespace:
        if len(ids_BT) > self.most_rows:
            raise self.said()
        return SimpleNamespace(logits=self.head((self.table(ids_BT) * mask_BT.unsqueeze(-1)).sum(1)))


def rows(count: int = NUM_ROWS, targets: Any = None) -> Rows:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, count)
    texts = [(rng.integers(1, 15, 1 + i % 6) + 15 * t - t).tolist() for i, t in enumerate(labels)]
    return Rows(Ragged.from_lists(texts), labels if targets is None else targets)


def start(epochs: float = 5, *, model: nn.Module | None = None, data: Rows | None = None, **more: Any) -> Fit:
    learn = {"batch": BATCH, "optimizer": {"rate": 0.02}, "schedule": {"name": "constant", "warmup": 0}}
    settings = LearnSettings.parse(learn | more.pop("learn", {}))
    torch.manual_seed(1)
    objective = more.pop("objective", cross_entropy)
    model = model or Bag()
    return Fit(model, data or rows(), objective, settings, epochs, 0, Clock.starting(), **more)


def spoil(fit: Fit, steps: Iterable[int], bad: float = math.nan, where: str = "loss") -> Fit:
    """Make the loss, or the gradient alone, of these steps no number; steps are counted from 1."""
    wanted, real = set(steps), fit.objective

    def objective(logits: Tensor, targets: Tensor) -> Loss:
        loss = real(logits, targets)
        return (
            Loss(loss.total * bad, loss.count) if where == "loss" and fit.state.step + 1 in wanted else loss
        )

    fit.objective = objective
    if where == "gradient":
        fit.model.head.weight.register_hook(lambda g: g * bad if fit.state.step + 1 in wanted else g)
    return fit


def told(fit: Fit) -> tuple[list[StepEvent], list[str]]:
    """All steps, and all warnings."""
    events: list[Event] = list(fit.run())
    warnings = [e.text for e in events if isinstance(e, Note)]
    assert all(e.kind == "warning" for e in events if isinstance(e, Note))
    return [e for e in events if isinstance(e, StepEvent)], warnings


def weights(fit: Fit) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in fit.model.state_dict().items()}


def same_bits(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


def is_finite(fit: Fit) -> bool:
    return all(bool(torch.isfinite(value).all()) for value in fit.model.state_dict().values())


# Numbers that are none.


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
    values = iter(range(99, 0, -1))
    kept: list[dict[str, Tensor]] = []

    def validate(model: nn.Module) -> Judgement:
        kept.append(weights(fit))
        return Judgement(next(values), {})

    fit = spoil(start(9, validate=validate), range(30, 999))
    notes: list[str] = []
    with pytest.raises(ModelError, match=r"has diverged: step 41: the loss is nan, the 3rd time") as caught:
        for event in fit.run():
            notes += [event.text] if isinstance(event, Note) else []
    assert "went back to a good state 3 times, at last with the rate 0.0025" in caught.value.message
    assert caught.value.hint == "Try a lower rate: --set learn.optimizer.rate=0.00083"
    assert sum("back to the last good" in note for note in notes) == MOST_RECOVERIES
    assert len(kept) >= 2 and same_bits(weights(fit), kept[-1]) and not fit.model.training


# Losses that run away.


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
    def first_alarm(losses: list[float]) -> int | None:
        health = Health()
        return next((i for i, loss in enumerate(losses) if diverged(loss, health)), None)

    rng = np.random.default_rng(0)
    begin, low, high = (list(level * rng.exponential(1, 300)) for level in (1.0, 0.4, after))
    assert first_alarm(begin + low + high[:12] + low) is None, "a spike"
    found = first_alarm(begin + low + [after + loss for loss in high])
    assert found is not None and 600 + 20 < found <= 600 + 50
    assert first_alarm([after + loss for loss in high] * 3) is None, "it was never lower"


# Memory.


def out_of_memory() -> list[BaseException]:
    return [
        Bag().said(),
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.05 GB)"),
    ]


@pytest.mark.parametrize("number", range(4))
def test_a_step_that_is_too_large_is_made_in_parts(number: int) -> None:
    """32 and 16 rows are too many: from the first step on it is the run with parts of 8 rows, bit for bit."""
    model = Bag(most_rows=10)
    model.said = lambda: out_of_memory()[number]
    torch.manual_seed(3)
    fit = start(3, model=model, learn={"batch": 32})
    start_weights = weights(fit)
    events, warnings = told(fit)
    asked = start(3, learn={"batch": 32}, compute=Compute(micro_batch=8))
    asked.model.load_state_dict(start_weights)
    assert [e.loss for e in events] == [e.loss for e in asked.run() if isinstance(e, StepEvent)]
    assert same_bits(weights(fit), weights(asked)) and fit.state.micro_batch == 8
    assert [w.split(": ", 1)[1][:40] for w in warnings] == [
        "32 rows do not fit into memory at once: "[:40],
        "16 rows do not fit into memory at once: "[:40],
    ]
    assert "added up to the same steps of 32" in warnings[0]


def test_memory_that_runs_out_in_mid_run_repeats_the_step() -> None:
    """What the attempt left must not count: gradients of parts, tokens, the step itself."""
    fit, whole = start(3, learn={"batch": 32}), start(3, learn={"batch": 32})
    losses: list[float] = []
    for event in fit.run():
        if isinstance(event, StepEvent):
            losses.append(event.loss)
            fit.model.most_rows = 20 if event.step == 4 else fit.model.most_rows
    wanted = [e for e in whole.run() if isinstance(e, StepEvent)]
    np.testing.assert_allclose(losses, [e.loss for e in wanted], rtol=1e-4)
    assert fit.state.step == whole.state.step and fit.state.tokens == whole.state.tokens
    for name, value in weights(whole).items():
        torch.testing.assert_close(fit.model.state_dict()[name], value, rtol=1e-3, atol=1e-5)


def test_a_row_that_never_fits_is_an_error_that_says_what_to_do() -> None:
    fit = start(3, model=Bag(most_rows=0))
    with pytest.raises(ModelError, match=r"step 1: a single row does not fit") as caught:
        list(fit.run())
    assert "max_length" in caught.value.hint and "checkpoint_gradients" in caught.value.hint
    assert is_finite(fit) and not fit.model.training


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    model = Bag(most_rows=0)
    model.said = lambda: RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(RuntimeError, match="shapes"):
        list(start(1, model=model).run())


def test_no_memory_for_the_optimizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """An update that has begun cannot be repeated."""
    fit = start(1)
    monkeypatch.setattr(fit.optimizer, "step", lambda: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(ModelError, match="state of the optimizer"):
        list(fit.run())
