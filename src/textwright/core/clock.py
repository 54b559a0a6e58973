"""Budgets that are promises: one clock from the start of the process to its end, in seconds or in steps."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace


@dataclass
class Steps:
    """Counts the steps of all fits; in the place of the time it makes a run the same on every machine."""

    done: int = 0


@dataclass(frozen=True)
class Clock:
    """`limit` seconds from `started` (a `time.monotonic` reading), or steps; None is no limit.

    It knows the processor seconds of this process when it was made as well, to tell what a run has used. With
    `steps` all that it tells, and all that it takes, is steps instead of seconds.

    >>> Clock.starting(60).part(0.5).remaining() <= 30
    True
    >>> counted = Clock.counting(Steps(), 100)
    >>> counted.steps.done = 40
    >>> counted.remaining(), counted.again(10).remaining()
    (60, 10)
    """

    started: float
    limit: float | None = None
    cpu_started: float = field(default_factory=time.process_time, compare=False)
    steps: Steps | None = field(default=None, compare=False)

    @classmethod
    def starting(cls, limit: float | None = None) -> Clock:
        return cls(time.monotonic(), limit)

    @classmethod
    def counting(cls, steps: Steps, limit: float | None) -> Clock:
        return cls(steps.done, limit, steps=steps)

    def again(self, limit: float | None) -> Clock:
        """A clock of the same kind that begins now."""
        return Clock.starting(limit) if self.steps is None else Clock.counting(self.steps, limit)

    def elapsed(self) -> float:
        return (time.monotonic() if self.steps is None else self.steps.done) - self.started

    def limited(self, limit: float | None) -> Clock:
        """The same beginning with another limit."""
        return replace(self, limit=limit)

    def cpu_seconds(self) -> float:
        """Processor seconds that this process, with all of its threads, has used since."""
        return time.process_time() - self.cpu_started

    def remaining(self) -> float:
        return float("inf") if self.limit is None else self.limit - self.elapsed()

    def is_over(self) -> bool:
        return self.remaining() <= 0

    def part(self, share: float) -> Clock:
        """A clock from now on that ends after this share of what remains."""
        left = self.remaining()
        return self.again(None if left == float("inf") else max(left, 0.0) * share)

    def progress(self) -> float:
        """Share of the time that is spent, from 0 to 1; 0 without a limit."""
        if self.limit is None:
            return 0.0
        return min(self.elapsed() / self.limit, 1.0) if self.limit > 0 else 1.0
