"""The refit of what was chosen on all rows that are not locked: one candidate, or each of an ensemble."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from textwright.choose.scoring import FAILURES
from textwright.choose.search.orders import FarTrainer
from textwright.choose.search.schedule import Schedule
from textwright.choose.trying import Tried
from textwright.core.errors import CheckpointError, ConfigError, first_line
from textwright.core.events import Event
from textwright.core.ragged import IntArray
from textwright.core.records import Note

# Where so much of what a refit takes is there, its rate falls with the clock; with less it is left out.
_ENOUGH = 0.6


@dataclass
class Refit:
    """The state of a refit: `chosen` has the engines that are whole so far.

    Interrupted, failed or out of time, a candidate keeps the engine of its search: it is better than half a
    refit.
    """

    chosen: Tried
    schedule: Schedule
    num_refitted: int = 0

    @property
    def is_whole(self) -> bool:
        return self.num_refitted == len(self.chosen.parts)

    def run(self, rows: IntArray) -> Iterator[Event]:
        """Events of all fits, the members with the greatest weights first."""
        parts = list(self.chosen.parts)
        weights = self.chosen.weights or (1.0,)
        places = np.argsort([-weight for weight in weights], kind="stable").tolist()
        begun = self._begun([parts[place] for place in places], rows)
        for place in places:
            left, expected = self.schedule.left(parts), _expected(parts[place], len(rows))
            if left < _ENOUGH * expected and parts[place].name not in begun:
                yield self._left_out(parts[place], expected)
                continue
            fresh = yield from self._fitted(parts[place], rows, left)
            if fresh is not None:
                parts[place], self.num_refitted = fresh, self.num_refitted + 1
                self.chosen = self.chosen.with_engines(parts) if self.chosen.members else fresh

    def _begun(self, parts: Sequence[Tried], rows: IntArray) -> set[str]:
        """Begin those that are fitted elsewhere, side by side; steps are counted one after the other."""
        begun = set[str]()
        for part in parts if self.schedule.clock.steps is None else ():
            left, trainer = self.schedule.left(self.chosen.parts), part.trainer
            if isinstance(trainer, FarTrainer) and _expected(part, len(rows)) <= left:
                trainer.give(self.schedule.clock.again(max(left, 0.05)))
                trainer.begin(rows)
                begun.add(part.name)
        return begun

    def _left_out(self, part: Tried, expected: float) -> Note:
        amount = self.schedule.amount(expected)
        return Note(
            f"{part.name}: no time is left to refit on all rows (about {amount}); "
            "the model of the search is kept",
            "warning",
        )

    def _fitted(self, part: Tried, rows: IntArray, left: float) -> Generator[Event, None, Tried | None]:
        """The same candidate with an engine of all rows; None where that of the search is kept."""
        trainer = part.trainer
        assert trainer is not None
        yield Note(
            f"{part.name}: chosen; refitting on all {len(rows):,} rows that are not locked",
            fit=f"{part.name}-refit",
        )
        trainer.give(self.schedule.clock.again(max(left, 0.05)))
        try:
            yield from self.schedule.counted(trainer.refit(rows))
        except (ConfigError, CheckpointError):
            raise
        except FAILURES as error:
            said = f"{part.name}: the refit failed, the model of the search is kept: "
            yield Note(said + first_line(error), "warning")
            return None
        engine = trainer.engine
        return None if engine is None or engine is part.engine else replace(part, engine=engine)


def _expected(part: Tried, rows: int) -> float:
    return part.trainer.refit_seconds(rows) if part.trainer else 0.0
