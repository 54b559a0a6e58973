"""The one gradient loop: a generator of step events that knows neither console nor disk.

Whoever consumes the events decides what to show, when to store a checkpoint and when to stop: closing the
generator (Ctrl-C, a spent budget) keeps the best weights. Random states are a pure function of seed and step,
so a run that continues from a checkpoint makes the same steps as one that was never stopped.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from textwright.core.clock import Clock
from textwright.core.errors import ModelError
from textwright.core.records import StepEvent
from textwright.core.seeds import derive
from textwright.learn.batches import Batch, Rows, collate, epoch_order
from textwright.learn.objectives import Objective, is_finite
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
    """One run of the loop over `rows`, `epochs` times at most or until the clock or the validation ends it."""

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
        self.restart_clock()

    def restart_clock(self) -> None:
        """Count seconds on from a restored state."""
        self._resumed_seconds = self.state.seconds

    def run(self) -> Iterator[StepEvent]:
        """Yield an event a step; at the end the model holds the best weights (the last ones without validation)."""
        started = time.monotonic()
        try:
            while not self._is_done():
                yield from self._epoch(started)
        finally:
            if self.state.best_weights:
                self.model.load_state_dict(self.state.best_weights)
            self.model.eval()

    def _epoch(self, started: float) -> Iterator[StepEvent]:
        state = self.state
        order = epoch_order(self.rows.tokens.lengths, self.settings.batch, self.settings.max_tokens, self.seed, state.epoch)
        checks = {round(len(order) * (i + 1) / self.settings.checks_per_epoch) for i in range(self.settings.checks_per_epoch)}
        while state.batch < len(order):
            if self._is_done(len(order)):
                return
            batch = collate(self.rows, order[state.batch])
            loss, rate = self._update(batch, len(order))
            self._count(batch, started)
            judgement = self._check() if self.validate and state.batch in checks else None
            yield self._event(loss, rate, judgement, len(order))
        state.epoch, state.batch = state.epoch + 1, 0

    def _is_done(self, batches: int | None = None) -> bool:
        """The end by length, by patience or by the clock, which is asked before every step."""
        state = self.state
        done = state.epoch + (state.batch / batches if batches else 0.0)
        tired = self.settings.patience and state.checks_without_gain >= self.settings.patience
        return done >= self.epochs or bool(tired) or (self.clock.is_over() and state.step > 0)

    def progress(self, batches: int) -> float:
        """How far the schedule is: by epochs planned or by the time that is spent, whichever is further."""
        done = self.state.epoch + self.state.batch / batches
        by_length = done / (self.planned_epochs or self.epochs)
        return max(by_length, self.clock.progress())

    def _update(self, batch: Batch, batches: int) -> tuple[float, float]:
        torch.manual_seed(derive(self.seed, "step", self.state.step))
        self.model.train()
        rate = self.settings.optimizer.rate * rate_factor(self.settings.schedule, self.progress(batches))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = self.objective(self.model(batch.ids_BT, batch.mask_BT).logits, batch.targets)
        if not is_finite(loss):
            raise ModelError(
                f"the loss is {float(loss.total)} at step {self.state.step + 1}: training has diverged",
                hint=f"Try a lower rate: --set learn.optimizer.rate={self.settings.optimizer.rate / 3:.2g}",
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.mean.backward()
        if self.settings.clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.optimizer.step()
        return float(loss.mean.detach()), rate

    def _count(self, batch: Batch, started: float) -> None:
        state = self.state
        state.step, state.batch = state.step + 1, state.batch + 1
        state.rows += len(batch.ids_BT)
        state.tokens += batch.num_tokens
        state.seconds = self._resumed_seconds + time.monotonic() - started

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
