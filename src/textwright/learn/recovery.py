"""What is done when a training goes wrong: updates that are no numbers are skipped, a lost one goes back.

Two things are watched. A loss or gradient that is not finite: its update is not made, and three in a row
mean that the weights themselves are bad. A loss that stays well above where the run began, after it had been
lower. In both cases the last good state comes back and the rate is halved; all of it is said aloud. Good
states are copied in memory at fixed steps and go into checkpoints, so that a resumed run recovers alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import fmean, median

from torch import nn

from textwright.core.errors import ModelError
from textwright.core.records import Note
from textwright.learn.averaging import Average
from textwright.learn.optimizers import Stepper
from textwright.learn.state import Health, Snapshot, are_finite

STEPS_BETWEEN = 250
MOST_RECOVERIES = 3
_MOST_SKIPPED = 3
# A single high loss is nothing: gradients are clipped, and a batch may be one odd row. So the median of the
# last losses counts, against nearly the worst of the first ones.
_FIRST, _RECENT, _NEWEST = 20, 50, 9
_TIMES_WORSE, _QUANTILE, _LEAST_CEILING = 2.0, 0.9, 0.5


@dataclass
class Recovery:
    """Guards one fit; what it counts is in the `Health` of the fit's state."""

    model: nn.Module
    optimizer: Stepper
    average: Average | None
    rate: float
    good: Snapshot | None = field(default=None, init=False)

    def keep(self, step: int, health: Health) -> None:
        """Copy the state when its turn has come and nothing speaks against it."""
        if step % STEPS_BETWEEN or (step and _is_in_doubt(health)):
            return
        snapshot = Snapshot.of(self.model, self.optimizer, self.average)
        if are_finite(snapshot.weights):
            self.good = snapshot

    def after_step(self, step: int, loss: float, length: float, health: Health) -> Iterator[Note]:
        """Look at a step, say what is wrong and mend it. Raises ModelError when that was done in vain."""
        if math.isfinite(loss) and math.isfinite(length):
            health.skipped_in_a_row = 0
            if diverged(loss, health):
                stays = f"the loss stays at {median(health.recent):.3g}"
                yield self._go_back(step, f"{stays}, and was {health.begin:.3g} at the beginning", health)
            return
        what = f"the loss is {loss}" if not math.isfinite(loss) else f"the length of the gradient is {length}"
        health.num_skipped += 1
        health.skipped_in_a_row += 1
        if health.skipped_in_a_row >= _MOST_SKIPPED:
            yield self._go_back(step, f"{what}, the {_MOST_SKIPPED}rd time in a row", health)
        elif _is_worth_saying(health.num_skipped):
            times = "" if health.num_skipped == 1 else f" ({health.num_skipped:,} times so far)"
            yield Note(f"step {step:,}: {what}: this update is left out{times}", "warning")

    def _go_back(self, step: int, what: str, health: Health) -> Note:
        rate = self.rate * health.rate_factor
        if health.num_recoveries >= MOST_RECOVERIES or self.good is None:
            raise ModelError(
                f"training has diverged: step {step:,}: {what}; it went back to a good state "
                f"{health.num_recoveries} times, at last with the rate {rate:.2g}",
                hint=f"Try a lower rate: --set learn.optimizer.rate={rate / 3:.2g}",
            )
        self.good.restore(self.model, self.optimizer, self.average)
        health.num_recoveries += 1
        health.skipped_in_a_row, health.recent = 0, []
        health.rate_factor /= 2
        return Note(
            f"step {step:,}: {what}: back to the last good weights, and on with half the rate "
            f"(at most {rate / 2:.2g}; {health.num_recoveries} of {MOST_RECOVERIES} times)",
            "warning",
        )


def diverged(loss: float, health: Health) -> bool:
    """Take in a loss; whether the run is lost: most of the last losses are far worse than the first ones."""
    health.recent.append(loss)
    if health.begin is None or health.ceiling is None:
        if len(health.recent) == _FIRST:
            worst = sorted(health.recent)[int(_QUANTILE * _FIRST)]
            health.begin = fmean(health.recent)
            health.ceiling = max(_TIMES_WORSE * max(health.begin, worst), _LEAST_CEILING)
            health.recent = []
        return False
    del health.recent[:-_RECENT]
    if not health.was_lower and len(health.recent) >= _FIRST:
        health.was_lower = fmean(health.recent[-_FIRST:]) < health.begin
    is_full = len(health.recent) == _RECENT
    return health.was_lower and is_full and loss > health.ceiling < median(health.recent)


def _is_in_doubt(health: Health) -> bool:
    """Whether the newest losses look as if the run were being lost."""
    newest = health.recent[-_NEWEST:]
    is_high = health.ceiling is not None and bool(newest) and median(newest) > health.ceiling
    return is_high or health.skipped_in_a_row > 0


def _is_worth_saying(count: int) -> bool:
    """Each of the first three, then ten, a hundred, a thousand."""
    return count <= 3 or 10 ** round(math.log10(count)) == count
