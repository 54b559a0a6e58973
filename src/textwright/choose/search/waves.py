"""Which candidates are told the same of those before them, so that it does not matter which ends first.

A candidate's share of the budget and the moment in which it is given up follow from those before it. Within a
wave nothing follows from another member, and the members may be fitted one after the other or side by side
with the same results. What this costs: a network does not get what another one of its wave left over, and is
not measured by it before both are done. So waves are cut only for a budget in steps, where runs must be the
same, and on a cluster; by the minute and on one machine every candidate is a wave of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from textwright.choose.candidates import Proposal
from textwright.choose.search.hope import Curve
from textwright.choose.search.schedule import Grant, Room, Schedule
from textwright.choose.trying import Tried
from textwright.models.registry import ARCHITECTURES
from textwright.runtime.cpu import choose_waiting
from textwright.tasks.trainers.base import Foreseen


@dataclass
class Wave:
    """Candidates, with what was known before the first of them: those tried, and the curves of their fits."""

    proposals: Sequence[Proposal]
    tried: Sequence[Tried] = ()
    curves: Mapping[str, Sequence[Curve]] = field(default_factory=dict)
    _room: Room | None = None

    @property
    def best(self) -> float | None:
        """The lowest loss before."""
        return min((t.judged for t in self.tried), default=None)

    def grant(self, schedule: Schedule, search: Foreseen, growth: float, rows: int) -> Grant:
        """Of the next member, whose refit on `rows` takes `growth` times what its search takes.

        Seconds go by themselves. Of steps it is taken that each member uses all that was foreseen, as those
        that it does not use are known only when it is done; where nothing is foreseen they share alike.
        """
        if schedule.clock.steps is None:
            return schedule.grant(search, growth, self.tried, rows)
        room = self._room or schedule.room(self.tried, rows)
        grant = room.grant(search, growth, 1 if search.planned else len(self.proposals))
        self._room = room.after(search, grant, growth)
        return grant


def cut_waves(proposals: Sequence[Proposal], *, alone: bool) -> list[list[Proposal]]:
    """Solvers, then networks, then those that are an earlier one with another seed; or each `alone`.

    >>> both = [Proposal("bag", ""), Proposal("bag", "", "idf")]
    >>> [[p.name for p in wave] for wave in cut_waves(both, alone=False)]
    [['bag', 'bag idf']]
    """
    if alone:
        return [[proposal] for proposal in proposals]
    waves: dict[int, list[Proposal]] = {}
    for proposal in proposals:
        waves.setdefault(_place(proposal), []).append(proposal)
    return [waves[place] for place in sorted(waves)]


def _place(proposal: Proposal) -> int:
    choose_waiting()  # before the registry imports torch
    if proposal.seed:
        return 2
    return 0 if ARCHITECTURES.get(proposal.model).kind == "solver" else 1
