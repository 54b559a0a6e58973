"""Time budgets that are promises: one clock from the start of the process to its end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Clock:
    """`limit` seconds from `started` (a `time.monotonic` reading); None is no limit.

    It knows the processor seconds of this process when it was made as well, to tell what a run has used.

    >>> Clock.starting(60).part(0.5).remaining() <= 30
    True
    """

    started: float
    limit: float | None = None
    cpu_started: float = field(default_factory=time.process_time, compare=False)

    @classmethod
    def starting(cls, limit: float | None = None) -> Clock:
        return cls(time.monotonic(), limit)

    def elapsed(self) -> float:
        return time.monotonic() - self.started

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
        return Clock.starting(None if left == float("inf") else max(left, 0.0) * share)

    def progress(self) -> float:
        """Share of the time that is spent, from 0 to 1; 0 without a limit."""
        if self.limit is None:
            return 0.0
        return min(self.elapsed() / self.limit, 1.0) if self.limit > 0 else 1.0
