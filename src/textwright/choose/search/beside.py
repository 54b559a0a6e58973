"""The candidates of a wave, fitted side by side by workers; what is said of them keeps its order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from textwright.choose.candidates import Proposal
from textwright.choose.scoring import FAILURES, latency, unfitted
from textwright.choose.search.orders import Cargo, FarTrainer, Order, Outcome, Workers
from textwright.choose.search.waves import Wave
from textwright.core.errors import CheckpointError, first_line
from textwright.core.events import Event
from textwright.core.records import Note
from textwright.tasks.trainers.base import Trainer

if TYPE_CHECKING:
    from textwright.choose.select import Selection


@dataclass
class _Member:
    """A candidate of a wave, what is to be said of it, and whether that is all."""

    proposal: Proposal
    trainer: Trainer | None = None
    amount: float | None = None
    said: deque[Event] = field(default_factory=deque)
    is_over: bool = False
    far: FarTrainer | None = None

    def ends(self, *notes: Event) -> None:
        self.said += notes
        self.is_over = True


@dataclass
class SideBySide:
    """Fits waves for a selection, which takes in every candidate as soon as it is there.

    So Ctrl-C keeps the best of those that are done. Rows are encoded here, once for all workers.
    """

    selection: Selection
    workers: Workers
    cargo: Any = None

    def fit(self, wave: Wave) -> Iterator[Event]:
        """All events, each member's in a row, as where they are fitted one after the other.

        A failed one is recorded, and a worker that died is a failure.
        """
        selection, num_before = self.selection, len(self.selection.tried)
        members = [_Member(proposal) for proposal in wave.proposals]
        for member in members:
            self._prepare(member, wave)
        cargo = Cargo.of(selection.examples, selection.train, selection.validation, selection.folds)
        self.cargo = self.workers.share(cargo)
        names = ", ".join(member.proposal.name for member in members if not member.is_over)
        if names:
            yield Note(f"fitting side by side, {self.workers.num_beside} at a time: {names}")
        yield from self._in_order(members, wave)
        self._settle(wave, num_before)

    def _prepare(self, member: _Member, wave: Wave) -> None:
        """Encode the rows, and grant what can be known before a fit: steps."""
        selection, proposal = self.selection, member.proposal
        try:
            trainer = selection.trainer(proposal)
            trainer.encode()
            if selection.schedule.clock.steps is not None:
                grant = selection.granted(trainer, wave)
                if not grant.amount:
                    self._left_out(member, grant.why)
                    return
                member.amount = grant.amount
        except CheckpointError:
            raise
        except FAILURES as error:
            self._failed(member, first_line(error), 0.0)
            return
        member.trainer = trainer

    def _in_order(self, members: Sequence[_Member], wave: Wave) -> Iterator[Event]:
        """Send what there is room for, take in what is done, say what comes next."""
        waiting = deque(member for member in members if not member.is_over)
        sent: dict[Any, _Member] = {}
        for front in members:
            while not front.is_over:
                while waiting and len(sent) < self.workers.num_beside:
                    member = waiting.popleft()
                    sent[self._send(member, wave)] = member
                for done in self.workers.wait([*sent]):
                    self._take(sent.pop(done), self.workers.fetch(done))
            yield from self.selection.schedule.counted(iter(front.said))

    def _send(self, member: _Member, wave: Wave) -> Any:
        selection, proposal = self.selection, member.proposal
        assert member.trainer is not None
        if member.amount is None:  # by the minute what is known by now counts
            wave = selection.wave([proposal])
        room = selection.schedule.room(wave.tried, len(selection.examples))
        order = Order(
            proposal.name,
            proposal.model,
            proposal.recipe(selection.recipe),
            selection.recipe.seed,
            self.workers.threads,
            room,
            selection.schedule.of_refit(selection.growth),
            hope=selection.hope(proposal, wave),
            amount=member.amount,
            is_counted=selection.schedule.clock.steps is not None,
        )
        schema = selection.examples.schema
        member.far = FarTrainer(member.trainer, order, self.workers, self.cargo, schema)
        member.said.append(selection.beginning(proposal))
        return self.workers.send(order, self.cargo)

    def _take(self, member: _Member, outcome: Outcome) -> None:
        """Take in what became of a member."""
        selection, far = self.selection, member.far
        assert far is not None and far.order.hope is not None
        if outcome.left_out:
            member.said.clear()
            self._left_out(member, outcome.left_out)
            return
        member.said += outcome.events
        if outcome.failure:
            self._failed(member, outcome.failure, outcome.seconds)
            return
        far.order.hope.curve[:] = outcome.curve
        far.take(outcome)
        if outcome.scored is not None:
            selection.take(member.proposal, far, outcome.scored, outcome.why)
        member.ends(*selection.told(member.proposal.name, far))

    def _left_out(self, member: _Member, why: str) -> None:
        self.selection.failed.append(unfitted(member.proposal, "skipped", why))
        member.ends(Note(f"{member.proposal.name}: left out: {why}"))

    def _failed(self, member: _Member, why: str, seconds: float) -> None:
        record = unfitted(member.proposal, "failed", why)
        self.selection.failed.append(replace(record, seconds=seconds))
        member.ends(Note(f"{member.proposal.name}: failed: {why}", "warning"))

    def _settle(self, wave: Wave, num_before: int) -> None:
        """Put the candidates of a wave in their order, and time them all here, one after the other.

        Latencies of two machines, or of one that is at work, tell nothing of which model is the quicker.
        """
        selection = self.selection
        places = {proposal.name: place for place, proposal in enumerate(wave.proposals)}
        fresh = sorted(selection.tried[num_before:], key=lambda t: places[t.name])
        del selection.tried[num_before:]
        for tried in fresh:
            speed = latency(tried.engine, selection.examples.texts)
            record = replace(tried.record, latency_ms_p50=speed.p50, latency_ms_p99=speed.p99)
            timed = replace(tried, record=record)
            if selection.chosen is tried:
                selection.chosen = timed
            selection.tried.append(timed)
        selection.failed.sort(key=lambda record: places.get(record.name, -1))
