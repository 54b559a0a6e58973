"""What is done when a training goes wrong: updates that are no numbers are skipped, a lost one goes back.

Two things are watched. A loss or gradient that is not finite: its update is not made, and three in a row
mean that the weights themselves are bad. Losses that stay well above those of the beginning after lower ones,
or that come back to them after they had been far below. In all cases the last good state comes back and the
rate is halved; all of it is said aloud. Good states are copied in memory at fixed steps and go into
checkpoints, so that a resumed run recovers alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

from torch import nn

from textwright.core.errors import ModelError
from textwright.core.records import Note
from textwright.learn import memory
from textwright.learn.averaging import AnyAverage
from textwright.learn.optimizers import Stepper
from textwright.learn.sharded.tensors import everywhere
from textwright.learn.state import Health, Snapshot, are_finite, changing_weights

STEPS_BETWEEN = 250
MOST_RECOVERIES = 3
_MOST_SKIPPED = 3
# A single high loss is nothing: gradients are clipped, and a batch may be one odd row. So three quarters of
# the last losses count, and by how much they differ themselves: medians alone gave false alarms with batches
# of one and two rows (docs/log.md).
_FIRST, _RECENT, _LONG, _NEWEST = 20, 50, 100, 9
_MOST = 0.75
# Run away: above twice nearly the worst of the first losses. Fallen back: from below half of their median to
# near it (networks that are not trained often answer worse than by chance).
_TIMES_WORSE, _QUANTILE, _LEAST_CEILING = 2.0, 0.9, 0.5
_LEARNED, _BACK = 0.5, 0.75


class Diverged(ModelError):
    """A training that went wrong in spite of all that was done about it."""


@dataclass
class Recovery:
    """Guards one fit; what it counts is in the `Health` of the fit's state."""

    model: nn.Module
    optimizer: Stepper
    average: AnyAverage | None
    rate: float
    good: Snapshot | None = field(default=None, init=False)

    def keep(self, step: int, health: Health) -> None:
        """Copy the state when its turn has come, nothing speaks against it and memory suffices."""
        if step % STEPS_BETWEEN or (step and _is_in_doubt(health)):
            return
        with memory.Attempt() as attempt:
            snapshot = Snapshot.of(self.model, self.optimizer, self.average)
        if not everywhere(not attempt.failure, self.model.parameters()):
            return
        if are_finite(snapshot.weights) and are_finite(snapshot.average):
            self.good = snapshot
            health.good_updates, health.good_has_learned = health.num_updates, health.has_learned

    def after_step(self, step: int, loss: float, length: float, health: Health) -> Iterator[Note]:
        """Look at a step, say what is wrong and mend it. Raises Diverged when that was done in vain."""
        if math.isfinite(loss) and math.isfinite(length):
            health.skipped_in_a_row = 0
            health.num_updates += 1
            if diverged(loss, health):
                was = ", and was less than half of that since" if health.has_learned else ""
                stays = f"the loss stays at {median(health.recent[-_RECENT:]):.3g}"
                yield self._go_back(step, f"{stays}; it was {health.begin:.3g} at the beginning{was}", health)
            return
        what = f"the loss is {loss}" if not math.isfinite(loss) else f"the length of the gradient is {length}"
        health.num_skipped += 1
        health.skipped_in_a_row += 1
        if health.skipped_in_a_row >= _MOST_SKIPPED:
            yield self._go_back(step, f"{what}, the {_MOST_SKIPPED}rd time in a row", health)
        elif _is_worth_saying(health.num_skipped):
            times = "" if health.num_skipped == 1 else f" ({health.num_skipped:,} times so far)"
            yield Note(f"step {step:,}: {what}: this update is left out{times}", "warning")

    def at_end(self, step: int, health: Health) -> Iterator[Note]:
        """See that what is left are numbers, and learned. Raises Diverged when there is no such state."""
        is_finite = self._is_finite()
        self.mend(health)
        what = "none of its updates is left" if is_finite else "the weights are no numbers"
        if not health.num_updates or not self._is_finite():
            raise self._diverged(f"at its end, after step {step:,}, {what}", health)
        if not is_finite:
            kept = f"those after {health.num_updates:,} updates are kept"
            yield Note(f"step {step:,}: {what} at the end: {kept}", "warning")

    def mend(self, health: Health) -> None:
        """Go back when the weights or their average are no numbers."""
        if self.good is not None and not self._is_finite():
            self._restore(self.good, health)

    def _is_finite(self) -> bool:
        return are_finite(changing_weights(self.model)) and (
            self.average is None or are_finite(self.average.state())
        )

    def _go_back(self, step: int, what: str, health: Health) -> Note:
        rate = self.rate * health.rate_factor
        if health.num_recoveries >= MOST_RECOVERIES or self.good is None:
            raise self._diverged(f"step {step:,}: {what}", health)
        self._restore(self.good, health)
        health.num_recoveries += 1
        health.rate_factor /= 2
        return Note(
            f"step {step:,}: {what}: back to the last good weights, those after {health.num_updates:,} "
            f"updates, and on with half the rate (at most {rate / 2:.2g}; {health.num_recoveries} of "
            f"{MOST_RECOVERIES} times)",
            "warning",
        )

    def _restore(self, good: Snapshot, health: Health) -> None:
        with memory.explained("going back to the last good state"):
            good.restore(self.model, self.optimizer, self.average)
        health.num_updates, health.has_learned = health.good_updates, health.good_has_learned
        health.skipped_in_a_row, health.recent = 0, []

    def _diverged(self, what: str, health: Health) -> Diverged:
        rate, times = self.rate * health.rate_factor, health.num_recoveries
        often = "once" if times == 1 else f"{times} times"
        went = f"it went back to a good state {often}, at last with the rate {rate:.2g}"
        return Diverged(
            f"training has diverged: {what}; {went if times else 'there was no good state to go back to'}",
            hint=f"Try a lower rate: --set learn.optimizer.rate={rate / 3:.2g}",
        )


def diverged(loss: float, health: Health) -> bool:
    """Take in a loss; whether the run is lost."""
    recent = health.recent
    recent.append(loss)
    if health.begin is None or health.ceiling is None:
        if len(recent) == _FIRST:
            health.begin, health.ceiling = median(recent), _ceiling(recent, median(recent))
            health.recent = []
        return False
    del recent[:-_LONG]
    if len(recent) == _RECENT:  # a second look, as the first losses may hold some that are very high
        health.ceiling = min(health.ceiling, _ceiling(recent, health.begin))
    if not health.was_lower:
        health.was_lower = len(recent) >= _FIRST and median(recent[-_FIRST:]) < health.begin
    if not health.has_learned:
        health.has_learned = _are_most(recent, _LONG, below=_LEARNED * health.begin)
    has_run_away = health.was_lower and _are_most(recent, _RECENT, above=health.ceiling)
    return has_run_away or (health.has_learned and _are_most(recent, _LONG, above=_BACK * health.begin))


def _ceiling(losses: list[float], begin: float) -> float:
    worst = sorted(losses)[int(_QUANTILE * len(losses))]
    return max(_TIMES_WORSE * max(begin, worst), _LEAST_CEILING)


def _are_most(losses: list[float], count: int, above: float = -math.inf, below: float = math.inf) -> bool:
    """Whether the newest of the last `count` losses, and three quarters of them, are in between."""
    if len(losses) < count or not above < losses[-1] < below:
        return False
    return sum(above < loss < below for loss in losses[-count:]) >= _MOST * count


def _is_in_doubt(health: Health) -> bool:
    """Whether the newest losses look as if the run were being lost."""
    if health.begin is None or health.ceiling is None or not health.recent:
        return health.skipped_in_a_row > 0
    level = _BACK * health.begin if health.has_learned else health.ceiling
    return health.skipped_in_a_row > 0 or median(health.recent[-_NEWEST:]) > level


def _is_worth_saying(count: int) -> bool:
    """Each of the first three, then ten, a hundred, a thousand."""
    return count <= 3 or 10 ** round(math.log10(count)) == count
