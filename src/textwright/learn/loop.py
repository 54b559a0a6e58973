"""The one gradient loop: a generator of events that knows neither console nor disk.

Whoever consumes the events decides what to show, when to store a checkpoint and when to stop: closing the
generator (Ctrl-C, a spent budget) keeps the best weights. Random states are a pure function of seed and step,
so a run that continues from a checkpoint makes the same steps as one that was never stopped.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from textwright.core.clock import Clock
from textwright.core.errors import ConfigError
from textwright.core.events import Event
from textwright.core.ragged import IntArray
from textwright.core.records import Note, StepEvent
from textwright.learn import memory
from textwright.learn.averaging import averaged, build_average
from textwright.learn.batches import Learnable
from textwright.learn.consistency import Divergence
from textwright.learn.gradient import Gradients
from textwright.learn.objectives import Objective
from textwright.learn.optimizers import build_optimizer, gradient_length, scale_gradients
from textwright.learn.pace import Pace
from textwright.learn.recovery import Diverged, Recovery
from textwright.learn.schedules import rate_factor
from textwright.learn.settings import LearnSettings
from textwright.learn.sharded.tensors import everywhere
from textwright.learn.state import FitState, Judgement, are_finite, changing_weights, copied_weights
from textwright.runtime.ranks import ALONE, Ranks
from textwright.runtime.settings import Compute

if TYPE_CHECKING:
    from textwright.learn.sharded.shards import Shards

__all__ = ["Fit", "FitState", "Judgement"]

_CUT = 2.0


@dataclass
class Fit:
    """One run of the loop: `epochs` times over `rows`, or until the clock or the validation ends it.

    A part of an epoch ends after the step that completes it. Validations come `checks_per_epoch` times an
    epoch and at the end by length; not at the end by the clock, which may leave no time for one. With
    `is_due` they come after the steps for which it is true, and at the end, however it comes. They judge the
    averaged weights where `settings.average` asks for them. Of several processes (`ranks`) only the first
    validates, and says when it is over; with `shards` all validate, when it says so. `on_end` is called when
    the fit has ended by itself and the model holds what is kept. Where `is_cut` is true after a step it ends
    there without being over (`was_cut`).
    """

    model: nn.Module
    rows: Learnable
    objective: Objective
    settings: LearnSettings
    epochs: float
    seed: int
    clock: Clock
    validate: Callable[[nn.Module], Judgement] | None = None
    planned_epochs: float | None = None
    is_due: Callable[[FitState], bool] | None = None
    ranks: Ranks = ALONE
    compute: Compute = field(default_factory=Compute)
    divergence: Divergence | None = None
    state: FitState = field(default_factory=FitState)
    on_end: Callable[[], None] = lambda: None
    is_cut: Callable[[], bool] = lambda: False
    was_cut: bool = field(default=False, init=False)
    shards: Shards | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.settings.optimizer.rate == "auto":
            raise ConfigError("learn.optimizer.rate is still auto", hint="Give a number, such as 0.001.")
        if self.settings.loss.r_drop and self.divergence is None:
            raise ConfigError("learn.loss.r_drop needs a divergence", hint="Give the fit one of the link.")
        self.rate = float(self.settings.optimizer.rate)
        with memory.explained(f"the model on the device {self.compute.device}"):
            self.model.to(self.compute.device)
            self.equip()

    def equip(self) -> None:
        """What learns the weights that the model has now."""
        is_whole = not self.compute.shard
        self.optimizer = build_optimizer(self.model, self.settings.optimizer, is_whole=is_whole)
        self.average = build_average(self.settings.average, self.model)
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.recovery = Recovery(self.model, self.optimizer, self.average, self.rate)

    @property
    def rows_per_step(self) -> int:
        """As asked; plain gradient descent takes all of them."""
        return len(self.rows) if self.settings.optimizer.name == "gd" else self.settings.batch

    def run(self) -> Iterator[Event]:
        """Yield an event a step, and a note where something had to be decided.

        At the end the model holds the best weights; without validation, the last or their average; of one in
        shards that of the first process does, and it is whole. Raises ModelError when training diverges time
        and again before there is a best, or when memory does not suffice even for a single row.
        """
        try:
            if not self.state.is_over:
                yield from self._to_the_end()
            self.state.is_over = not self.was_cut
        finally:
            # What one process meets alone the others do not know of: shards cannot be put together then.
            if self.shards is None or isinstance(sys.exception(), Diverged | None):
                self._settle()
        if self.state.is_over:
            self.on_end()

    def _to_the_end(self) -> Iterator[Event]:
        """All steps; a training that diverges after it was judged ends there, with the best."""
        state = self.state
        try:
            yield from self._steps()
            if not state.best_weights:
                yield from self.recovery.at_end(state.step, state.health)
        except Diverged as error:
            if not state.best_weights:
                raise
            kept = f"training ends here, and the best by validation is kept, of epoch {state.best_epoch:.3g}"
            yield Note(f"{error.message}; {kept}. {error.hint}", "warning")

    def _settle(self) -> None:
        """Put what is kept into the model; when it was stopped in a bad moment, the last good state."""
        kept = self.state.best_weights
        if not kept:
            self.recovery.mend(self.state.health)
            kept = (self.average.weights() if self.average else None) or {}
        self.model.load_state_dict(kept, strict=False)
        if self.shards is not None:
            self.model = self.shards.gathered(self.model)
        self.model.eval()
        self.recovery.good = None

    def _steps(self) -> Iterator[Event]:
        state = self.state
        self._started = time.monotonic() - state.seconds
        self._judged_at = 0
        self._pace = Pace(self.clock, state)
        self._gradients = self._gradients_of()
        if not state.step:
            self.recovery.keep(0, state.health)
        while state.epoch < self.epochs and not self._is_stopped():
            yield from self._epoch()

    def _gradients_of(self) -> Gradients:
        parts = (
            self.model,
            self.optimizer,
            self.rows,
            self.objective,
            self.divergence,
            self.settings,
            self.compute,
            self.seed,
            self.ranks,
        )
        if self.shards is None:
            return Gradients(*parts)
        from textwright.learn.sharded.gradient import ShardedGradients

        return ShardedGradients(*parts, shards=self.shards)

    def _epoch(self) -> Iterator[Event]:
        state, settings = self.state, self.settings
        order = self.rows.order(self.rows_per_step, self.seed, state.epoch)
        end = math.ceil(min(self.epochs - state.epoch, 1.0) * len(order) - 1e-6)
        parts = range(1, 1 + (0 if self.is_due else settings.checks_per_epoch))
        checks = {*(round(len(order) * part / settings.checks_per_epoch) for part in parts)}
        if not self.is_due or state.epoch + 1 >= self.epochs:
            checks.add(end)
        while state.batch < end:
            yield from self._step(order[state.batch], len(order), is_check=state.batch + 1 in checks)
            if self._is_stopped():
                return
        state.epoch, state.batch = state.epoch + 1, 0

    def _is_stopped(self) -> bool:
        """Before the end by length: by patience, by the clock, which is asked after every step, or cut."""
        state, patience = self.state, self.settings.patience
        is_tired = bool(patience) and state.checks_without_gain >= patience
        is_over = is_tired or (self.clock.is_over() and state.step > 0 and self._is_judged())
        said = self.ranks.told(_CUT if state.step > 0 and self.is_cut() else float(is_over))
        self.was_cut = said == _CUT
        return bool(said)

    def _is_judged(self) -> bool:
        """Whether what the clock would leave has been judged, where it is to be."""
        return not (self.is_due and self.validate) or self._judged_at == self.state.step

    def _step(self, chosen: IntArray, num_batches: int, *, is_check: bool) -> Iterator[Event]:
        """Gradient, update, a look at whether all is well, validation; what is said comes before the event.

        So a checkpoint that is stored after the event holds the step with all its notes.
        """
        state = self.state
        rate = self._set_rate(num_batches)
        loss, num_tokens = yield from self._gradients.made(chosen, state)
        length = gradient_length(self.trained)
        is_sound = bool(torch.isfinite(loss) & torch.isfinite(length))
        if is_sound:
            self._update(length, num_batches)
        self._count(len(chosen), num_tokens)
        yield from self.recovery.after_step(state.step, float(loss), float(length), state.health)
        self.recovery.keep(state.step, state.health)
        is_seen = (self.validate or self.average) and self._is_to_check(is_check)
        judgement = self._check() if is_seen else None
        if said := self._pace.after_step((self.epochs - self._done(num_batches)) * num_batches):
            yield Note(said)
        yield self._event(float(loss), rate, judgement, num_batches)

    def _is_to_check(self, is_check: bool) -> bool:
        """Whether a validation comes after this step: in its turn, by `is_due`, or by the clock, for the last
        time.
        """
        is_asked = self.is_due is not None and (self.is_due(self.state) or self.clock.is_over())
        is_asked = is_asked or is_check
        return is_asked if self.shards is None else bool(self.ranks.told(is_asked))

    def _done(self, num_batches: int, share: float = 0.0) -> float:
        """Epochs, and this share of a step more."""
        return self.state.epoch + (self.state.batch + share) / num_batches

    def _set_rate(self, num_batches: int) -> float:
        """The rate of this step, at its middle.

        At its start the first step would have a rate of zero, at its end the last one, and be wasted.
        """
        progress = self._pace.progress(self._done(num_batches, 0.5) / (self.planned_epochs or self.epochs))
        progress = self.state.progress = self.ranks.told(progress)
        rate = self.rate * self.state.health.rate_factor * rate_factor(self.settings.schedule, progress)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("factor", 1.0)
        return rate

    def _update(self, length: Tensor, num_batches: int) -> None:
        clip = self.settings.clip
        if clip and length > clip:  # gradients that are short enough are not written again
            scale_gradients(self.trained, clip / (length + 1e-6))
        with memory.explained(f"the state of the optimizer at step {self.state.step + 1:,}"):
            self.optimizer.step()  # cannot be repeated once it has begun
        if self.average:
            share = self._done(num_batches, 1.0) / self.epochs
            self.average.update(self.model, max(share, self.state.progress))

    def _count(self, num_rows: int, num_tokens: int) -> None:
        state = self.state
        state.step, state.batch = state.step + 1, state.batch + 1
        state.rows += num_rows
        state.tokens += num_tokens
        state.seconds = time.monotonic() - self._started

    def _check(self) -> Judgement | None:
        """Judge the weights, or their average; where nothing is held out it only takes them in."""
        state = self.state
        if self.average:
            self.average.mark(self.model)
        if self.validate is None:
            return None
        self._judged_at = state.step
        with averaged(self.model, self.average):
            judgement = self.validate(self.model)
            if judgement.value < state.best_value and are_finite(changing_weights(self.model)):
                state.best_value, state.checks_without_gain = judgement.value, 0
                state.best_epoch = state.rows / len(self.rows)
                state.best_weights = self._copied()
            else:
                state.checks_without_gain += 1
        return judgement

    def _copied(self) -> dict[str, Tensor]:
        """The weights that were judged best; without memory for them, in the place of the last good state."""
        copies: dict[str, Tensor] = {}
        with memory.Attempt():
            copies = copied_weights(self.model)
        if everywhere(bool(copies), self.model.parameters()):
            return copies
        copies.clear()
        self.recovery.good = None
        with memory.explained("a copy of the best weights"):
            return copied_weights(self.model)

    def _event(self, loss: float, rate: float, judgement: Judgement | None, num_batches: int) -> StepEvent:
        state = self.state
        done = self._done(num_batches)
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
