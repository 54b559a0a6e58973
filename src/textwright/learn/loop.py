"""The one gradient loop: a generator of step events that knows neither console nor disk.

Whoever consumes the events decides what to show, when to store a checkpoint and when to stop: closing the
generator (Ctrl-C, a spent budget) keeps the best weights. Random states are a pure function of seed and step,
so a run that continues from a checkpoint makes the same steps as one that was never stopped.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from textwright.core.clock import Clock
from textwright.core.errors import ModelError
from textwright.core.records import StepEvent
from textwright.core.seeds import derive
from textwright.learn.batches import Batch, Rows, collate, epoch_order
from textwright.learn.objectives import Objective
from textwright.learn.optimizers import build_optimizer
from textwright.learn.schedules import rate_factor
from textwright.learn.settings import LearnSettings


@dataclass(frozen=True)
class Judgement:
    """A validation: `value` decides (lower is better), `scores` are shown."""

    value: float
    scores: dict[str, float]


@dataclass
class FitState:
    """Where a fit stands; what a checkpoint holds beside weights and optimizer."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    rows: int = 0
    tokens: int = 0
    seconds: float = 0.0
    best_value: float = float("inf")
    best_epoch: float = 0.0
    checks_without_gain: int = 0
    best_weights: dict[str, Any] = field(default_factory=dict)


@dataclass
class Fit:
    """One run of the loop: `epochs` times over `rows`, or until the clock or the validation ends it.

    A part of an epoch ends after the batch that completes it. Validations come `checks_per_epoch` times an
    epoch and at the end by length; not at the end by the clock, which may leave no time for one.
    """

    model: nn.Module
    rows: Rows
    objective: Objective
    settings: LearnSettings
    epochs: float
    seed: int
    clock: Clock
    validate: Callable[[nn.Module], Judgement] | None = None
    planned_epochs: float | None = None
    state: FitState = field(default_factory=FitState)

    def __post_init__(self) -> None:
        self.optimizer = build_optimizer(self.model, self.settings.optimizer)

    def run(self) -> Iterator[StepEvent]:
        """Yield an event a step. At the end the model holds the best weights; without validation, the last.

        Raises ModelError when the loss is no longer a number.
        """
        started = time.monotonic() - self.state.seconds
        try:
            while self.state.epoch < self.epochs and not self._is_stopped():
                yield from self._epoch(started)
        finally:
            if self.state.best_weights:
                self.model.load_state_dict(self.state.best_weights)
            self.model.eval()

    def _epoch(self, started: float) -> Iterator[StepEvent]:
        state, settings = self.state, self.settings
        order = epoch_order(
            self.rows.tokens.lengths, settings.batch, settings.max_tokens, self.seed, state.epoch
        )
        end = math.ceil(min(self.epochs - state.epoch, 1.0) * len(order) - 1e-6)
        parts = range(1, settings.checks_per_epoch + 1)
        checks = {end, *(round(len(order) * part / settings.checks_per_epoch) for part in parts)}
        while state.batch < end:
            batch = collate(self.rows, order[state.batch])
            loss, rate = self._update(batch, len(order))
            self._count(batch, started)
            judgement = self._check() if self.validate and state.batch in checks else None
            yield self._event(loss, rate, judgement, len(order))
            if self._is_stopped():
                return
        state.epoch, state.batch = state.epoch + 1, 0

    def _is_stopped(self) -> bool:
        """Before the end by length: by patience, or by the clock, which is asked after every step."""
        state, patience = self.state, self.settings.patience
        is_tired = bool(patience) and state.checks_without_gain >= patience
        return is_tired or (self.clock.is_over() and state.step > 0)

    def progress(self, batches: int) -> float:
        """How far the schedule is, by planned epochs or by time, the further one: in the middle of a step.

        At its start the first step would have a rate of zero, at its end the last one, and be wasted.
        """
        done = self.state.epoch + (self.state.batch + 0.5) / batches
        by_length = done / (self.planned_epochs or self.epochs)
        return max(by_length, self.clock.progress())

    def _update(self, batch: Batch, batches: int) -> tuple[float, float]:
        # Not torch.manual_seed, which formats a traceback for each kind of accelerator: 0.2 ms a step.
        torch.default_generator.manual_seed(derive(self.seed, "step", self.state.step))
        self.model.train()
        rate = self.settings.optimizer.rate * rate_factor(self.settings.schedule, self.progress(batches))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = self.objective(self.model(batch.ids_BT, batch.mask_BT).logits, batch.targets)
        self._refuse_nan(loss.total.detach(), "loss")
        self.optimizer.zero_grad(set_to_none=True)
        loss.mean.backward()
        if self.settings.clip:
            self._clip()
        self.optimizer.step()
        return float(loss.mean.detach()), rate

    def _clip(self) -> None:
        """As clip_grad_norm_, but gradients that are short enough are not written again."""
        trained = [p for p in self.model.parameters() if p.grad is not None]
        length = nn.utils.get_total_norm([p.grad for p in trained if p.grad is not None])
        self._refuse_nan(length, "gradient")
        if length > self.settings.clip:
            nn.utils.clip_grads_with_norm_(trained, self.settings.clip, length)

    def _refuse_nan(self, value: Tensor, what: str) -> None:
        if not torch.isfinite(value):
            raise ModelError(
                f"the {what} is {float(value)} at step {self.state.step + 1}: training has diverged",
                hint=f"Try a lower rate: --set learn.optimizer.rate={self.settings.optimizer.rate / 3:.2g}",
            )

    def _count(self, batch: Batch, started: float) -> None:
        state = self.state
        state.step, state.batch = state.step + 1, state.batch + 1
        state.rows += len(batch.ids_BT)
        state.tokens += batch.num_tokens
        state.seconds = time.monotonic() - started

    def _check(self) -> Judgement:
        assert self.validate is not None
        judgement = self.validate(self.model)
        state = self.state
        if judgement.value < state.best_value:
            state.best_value, state.checks_without_gain = judgement.value, 0
            state.best_epoch = state.rows / len(self.rows)
            state.best_weights = copy.deepcopy(self.model.state_dict())
        else:
            state.checks_without_gain += 1
        return judgement

    def _event(self, loss: float, rate: float, judgement: Judgement | None, batches: int) -> StepEvent:
        state = self.state
        done = state.epoch + state.batch / batches
        left = min((self.epochs - done) * state.seconds / max(done, 1e-9), self.clock.remaining())
        return StepEvent(
            step=state.step,
            epoch=done,
            rows=state.rows,
            tokens=state.tokens,
            seconds=state.seconds,
            loss=loss,
            rate=rate,
            tokens_per_second=state.tokens / max(state.seconds, 1e-9),
            remaining=max(left, 0.0),
            scores=judgement.scores if judgement else None,
            is_best=judgement is not None and state.checks_without_gain == 0,
        )
