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
# Fits that are compared, or drawn for a curve, get this where no minutes are given; and what their pages,
# which show each of them, take at most.
MINUTES_A_FIT = 10.0
_PAGES_SECONDS, _PAGES_SHARE = 1.5, 0.04
# What the quickest candidate takes for search and refit, on a busy machine, and for each character.
_FIRST_SECONDS, _SECONDS_PER_CHARACTER = 0.3, 4e-7
# What it takes with longer n-grams and many labels.
_BUSY = 4
# What is quick is not started with less.
_LEAST = 2.0
# Reading the rows for another candidate, each character: 26 million of them took 2 to 10 s.
_SECONDS_TO_READ = 6e-7
# What a student gets of the budget: its search and its refit on all rows, and a teacher has no refit.
_STUDENT_SHARE = 1 / 3
# Members of an ensemble whose loss is so much above the best get no time for a refit set aside.
_IN_PLAY = 1.5
# Where the clock has no limit.
_ENDLESS = 1e9


def time_left(clock: Clock) -> float:
    """Seconds for fits that are compared, or drawn for a curve, before the pages are written.

    >>> time_left(Clock.starting()), round(time_left(Clock.starting(100)))
    (inf, 96)
    """
    if clock.limit is None:
        return math.inf
    return clock.remaining() - max(_PAGES_SECONDS, _PAGES_SHARE * clock.limit)


@dataclass(frozen=True)
class Grant:
    """What a candidate's search may take; 0 where it is not started, and why."""

    amount: float
    why: str = ""


@dataclass(frozen=True)
class Room:
    """What a candidate can take from: `left` of the budget, `others` of that set aside for those before it.

    >>> Room(1000, 300, "balanced").grant(Foreseen(200), growth=1)
    Grant(amount=500.0, why='')
    """

    left: float
    others: float
    prefer: Prefer
    is_first: bool = False
    unit: str = "steps"

    def grant(self, search: Foreseen, growth: float, num_sharing: int = 1) -> Grant:
        """Of a candidate whose refit takes `growth` times what its search takes.

        A search may take its share of the room, so that as much is left for its refit whatever its speed
        is; the rate of one that is longer falls with the clock. One that cannot make its least gets
        nothing. `num_sharing` of which nothing is foreseen share alike.
        """
        room = self.left - self.others if self.prefer == "accuracy" else self.left
        least = max(search.least * (1 + growth), _LEAST)
        if not self.is_first and room < least:
            return Grant(0.0, _too_little(least, room, self.unit))
        most = room if self.is_first else self.left - self.others
        return Grant(max(min(room / (1 + growth) / num_sharing, most), 0.05))

    def after(self, search: Foreseen, grant: Grant, growth: float) -> Room:
        """What is left when a candidate takes all that is foreseen of its grant, and its refit as well."""
        used = min(search.planned, grant.amount)
        refit = used * growth
        others = self.others + refit if self.prefer == "accuracy" else max(self.others, refit)
        return replace(self, left=self.left - used, others=others)


@dataclass(frozen=True)
class Schedule:
    """The shares of a budget; `num_locked` rows are answered at its end, `num_beside` fits run at once.

    Where something is set aside `for_student`, what is tried is not refitted: it teaches as it was judged.
    """

    clock: Clock
    prefer: Prefer
    num_locked: int
    num_beside: int = 1
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
        return Grant(max(self.left(), 0.05) / (1 + self.of_refit(growth)))

    def grant(self, search: Foreseen, growth: float, tried: Sequence[Tried], rows: int) -> Grant:
        """Of a candidate whose refit takes `growth` times what its search takes.

        `tried` are those before, which may have to be refitted on `rows`.
        """
        return self.room(tried, rows).grant(search, self.of_refit(growth))

    def room(self, tried: Sequence[Tried], rows: int) -> Room:
        """What the next candidate can take from, after those in `tried`."""
        unit = "s" if self.clock.steps is None else "steps"
        return Room(self.left(tried), self._set_aside(tried, rows), self.prefer, not tried, unit)

    def too_late(self, characters: int, tried: Sequence[Tried], rows: int) -> str:
        """Why the rows are not even read for another candidate; empty where they are.

        What it needs to learn from them is told after that.
        """
        if self.clock.steps is not None or not tried:
            return ""
        least, room = max(_SECONDS_TO_READ * characters, _LEAST), self.room(tried, rows)
        left = room.left - room.others
        return _too_little(least, left, room.unit) if left < least else ""

    def of_refit(self, growth: float) -> float:
        """How many times what a search takes is set aside for its refit."""
        return 0.0 if self.for_student else growth

    def amount(self, amount: float) -> str:
        """In words, with its unit."""
        return _amount(amount, "s" if self.clock.steps is None else "steps")

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
        return max(max(costs), sum(costs) / self.num_beside) if self.prefer == "accuracy" else max(costs)


def _too_little(least: float, left: float, unit: str) -> str:
    return f"needs {_amount(least, unit)} at least, and {_amount(left, unit)} were left"


def _amount(amount: float, unit: str) -> str:
    return f"{max(amount, 0):,.0f} {unit}"
