"""Budgets of the finished model: its size, its time for one text, what it must keep; how far one is off."""

from __future__ import annotations

from dataclasses import dataclass

from textwright.core.errors import ConfigError
from textwright.core.records import Candidate
from textwright.core.units import in_bytes, in_milliseconds, shown_bytes
from textwright.tasks.promise import Promise
from textwright.tasks.recipe import Recipe


@dataclass(frozen=True)
class Breach:
    """A limit that a candidate breaks: in words, and by which factor it is off (more than 1)."""

    what: str
    factor: float


@dataclass(frozen=True)
class Limits:
    """What may be chosen: bytes of the weights, milliseconds for one text alone, a promise of a label."""

    max_bytes: float | None = None
    max_milliseconds: float | None = None
    promise: Promise | None = None

    @classmethod
    def of(cls, recipe: Recipe) -> Limits:
        """Raises ConfigError for what is no size, time or promise, and for budgets that contradict."""
        budget = recipe.budget
        if budget.steps is not None and budget.minutes is not None:
            raise ConfigError(
                "budget.steps and budget.minutes contradict each other: steps are there so that the clock "
                "decides nothing",
                hint="Give one of them.",
            )
        return cls(
            in_bytes(budget.max_size, "--max-size") if budget.max_size else None,
            in_milliseconds(budget.max_latency, "--max-latency") if budget.max_latency else None,
            Promise.parse(recipe.at_least) if recipe.at_least else None,
        )

    def breaches(self, record: Candidate, kept: float | None = None) -> list[Breach]:
        """The limits that a candidate breaks; `kept` is what it reaches of the promise."""
        found = []
        if self.max_bytes is not None and record.bytes > self.max_bytes:
            what = f"its {shown_bytes(record.bytes)} are more than the {shown_bytes(self.max_bytes)} allowed"
            found.append(Breach(what, record.bytes / self.max_bytes))
        latency, most = record.latency_ms_p50, self.max_milliseconds
        if most is not None and latency is not None and latency > most:
            found.append(
                Breach(f"its {latency:.3g} ms a text are more than the {most:.3g} ms allowed", latency / most)
            )
        if self.promise is not None and kept is not None and kept < self.promise.value:
            what = f"reaches {kept:.3f} of {self.promise}"
            found.append(Breach(what, self.promise.value / max(kept, 1e-9)))
        return found

    def __bool__(self) -> bool:
        return any(limit is not None for limit in (self.max_bytes, self.max_milliseconds, self.promise))
