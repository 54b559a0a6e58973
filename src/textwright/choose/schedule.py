"""How much of the budget each candidate gets: all that it needs where there is room, less where that pays.

What is set aside is for the refits of what was found so far and for the end of the run. All amounts are in
the units of the clock: seconds, or steps.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from textwright.choose.trying import Tried
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError
from textwright.core.events import Event
from textwright.core.records import StepEvent
from textwright.tasks.recipe import Prefer
from textwright.tasks.trainers.base import Foreseen

# What saving, pages and leaving take at most, in seconds and as a share of the budget.
_RESERVE_SECONDS, _RESERVE_SHARE = 1.5, 0.015
# What the quickest candidate takes for search and refit, on a busy machine, and for each character.
_FIRST_SECONDS, _SECONDS_PER_CHARACTER = 0.3, 4e-7
# What it takes with longer n-grams and many labels.
_BUSY = 4
# What is quick is not started with less.
_LEAST = 2.0
# What a student gets of the budget: its search and its refit on all rows, and a teacher has no refit.
_STUDENT_SHARE = 1 / 3
# Members of an ensemble whose loss is so much above the best get no time for a refit set aside.
_IN_PLAY = 1.5
# Where the clock has no limit.
_ENDLESS = 1e9


@dataclass(frozen=True)
class Grant:
    """What a candidate's search may take; 0 where it is not started, and why."""

    amount: float
    why: str = ""


@dataclass(frozen=True)
class Schedule:
    """The shares of a budget; `num_locked` rows are answered at the end.

    Where something is set aside `for_student`, what is tried is not refitted: it teaches as it was judged.
    """

    clock: Clock
    prefer: Prefer
    num_locked: int
    for_student: float = 0.0

    def before_a_student(self) -> Schedule:
        """The same with a share of what is left now set aside for a student."""
        return replace(self, for_student=_STUDENT_SHARE * min(self.clock.remaining(), _ENDLESS))

    def of_the_student(self) -> Schedule:
        """All that is left, when the teacher is there."""
        return replace(self, for_student=0.0)

    def left(self, tried: Sequence[Tried] = ()) -> float:
        """What remains when the end of the run is set aside; answers of `tried` to the locked rows too."""
        if self.clock.steps is not None:
            return self.clock.remaining() - self.for_student
        answering = self.num_locked * sum(t.seconds_a_text for t in tried)
        return (
            self.clock.remaining()
            - max(_RESERVE_SECONDS, _RESERVE_SHARE * (self.clock.limit or 0))
            - answering
            - self.for_student
        )

    def refuse_too_little(self, characters: int) -> None:
        """Raise ConfigError, with the least that would do, where not even the quickest can be fitted."""
        if self.clock.limit is None or self.clock.steps is not None:
            return
        least = _FIRST_SECONDS + _SECONDS_PER_CHARACTER * characters
        if self.left() >= least:
            return
        spent, limit = self.clock.elapsed(), self.clock.limit
        needed = spent + least + limit - spent - self.left()
        raise ConfigError(
            f"{limit:.1f} s are too little for any candidate: reading the rows took {spent:.1f} s, and the "
            f"quickest needs about {least:.1f} s and as much as that for its end",
            hint=f"Give at least --minutes {math.ceil(100 * needed / 60) / 100:g}",
        )

    def most_characters(self) -> float:
        """Of how many a candidate can be fitted at all; a clock of steps does not see them."""
        if self.clock.steps is not None:
            return math.inf
        return max(self.left(), 0.0) / (_BUSY * _SECONDS_PER_CHARACTER)

    def only(self, growth: float) -> Grant:
        """Of the one candidate that there is: its refit takes `growth` times what its search takes."""
        return Grant(max(self.left(), 0.05) / (1 + self._of_refit(growth)))

    def grant(self, search: Foreseen, growth: float, tried: Sequence[Tried], rows: int) -> Grant:
        """Of a candidate whose refit takes `growth` times what its search takes.

        `tried` are those before, which may have to be refitted on `rows`. A search may take its share of the
        room, so that as much is left for its refit whatever its speed turns out to be; the rate of one that
        is longer falls with the clock. One that cannot make its least gets nothing.
        """
        growth = self._of_refit(growth)
        others = self._set_aside(tried, rows)
        left = self.left(tried)
        room = left - others if self.prefer == "accuracy" else left
        least = max(search.least * (1 + growth), _LEAST)
        if tried and room < least:
            return Grant(0.0, f"needs {self.amount(least)} at least, and {self.amount(room)} were left")
        return Grant(max(min(room / (1 + growth), left - others if tried else room), 0.05))

    def _of_refit(self, growth: float) -> float:
        return 0.0 if self.for_student else growth

    def amount(self, amount: float) -> str:
        """In words, with its unit."""
        return f"{max(amount, 0):,.0f} {'s' if self.clock.steps is None else 'steps'}"

    def counted(self, events: Iterator[Event]) -> Generator[Event, None, None]:
        """The same events; a clock that counts steps goes on by one at each step."""
        for event in events:
            if self.clock.steps is not None and isinstance(event, StepEvent):
                self.clock.steps.done += 1
            yield event

    def _set_aside(self, tried: Sequence[Tried], rows: int) -> float:
        """For refits: of every likely member of an ensemble, or of the one that takes the longest."""
        if not tried or self.for_student:
            return 0.0
        best = min(t.judged for t in tried)
        near = [t for t in tried if t.judged <= _IN_PLAY * best]
        costs = [t.refit_seconds(rows) for t in near]
        return sum(costs) if self.prefer == "accuracy" else max(costs)
