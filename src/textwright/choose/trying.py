"""One candidate that was tried, with what is needed to use it, and several that answer together.

Shapes: N rows of validation, K outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from textwright.choose.candidates import Proposal
from textwright.core.records import Candidate
from textwright.measure.base import Meter
from textwright.tasks.base import Array, Decode
from textwright.tasks.trainers.base import Engine, Fitted
from textwright.tasks.trainers.ensemble import EnsembleEngine, Member


@dataclass(frozen=True)
class Tried:
    """A candidate; `judged` is its loss on validation, `kept` what it reaches of a promise, `tuned` what
    was done to its answers.

    An ensemble has `members` with their `weights` and no trainer of its own.
    """

    proposal: Proposal
    record: Candidate
    engine: Engine
    decode: Decode
    outputs: Array
    judged: float
    trainer: Fitted | None = None
    meter: Meter | None = None
    wrong: Sequence[dict[str, Any]] = ()
    kept: float | None = None
    tuned: tuple[str, ...] = ()
    members: tuple[Tried, ...] = ()
    weights: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        return self.proposal.name

    def details(self) -> dict[str, Any]:
        """What a report shows beside the scores on validation; nothing where nothing was held out."""
        return self.meter.details() if self.meter else {}

    @property
    def parts(self) -> tuple[Tried, ...]:
        """What is fitted: itself, or its members."""
        return self.members or (self,)

    @property
    def seconds_a_text(self) -> float:
        return 1 / self.record.texts_per_second if self.record.texts_per_second else 0.0

    def refit_seconds(self, rows: int) -> float:
        return sum(part.trainer.refit_seconds(rows) for part in self.parts if part.trainer)

    def reasons(self) -> dict[str, str]:
        if not self.members:
            return self.trainer.reasons() if self.trainer else {}
        shares = zip(self.members, self.weights, strict=True)
        told = ", ".join(f"{member.name} {weight:.0%}" for member, weight in shares)
        found = {"ensemble": f"{told}: shares of their calibrated log-odds"}
        for member in self.members:
            found |= {f"{member.name}: {what}": reason for what, reason in member.reasons().items()}
        return found

    def choices(self) -> dict[str, Any]:
        if not self.members:
            return self.trainer.choices() if self.trainer else {}
        shares = zip(self.members, self.weights, strict=True)
        members = [{**m.choices(), "candidate": m.name, "weight": weight} for m, weight in shares]
        return {"name": "ensemble", "members": members}

    def with_engines(self, members: Sequence[Tried]) -> Tried:
        """The same ensemble of other fits of its members."""
        return replace(self, members=tuple(members), engine=together(members, self.weights))


def together(members: Sequence[Tried], weights: Sequence[float]) -> EnsembleEngine:
    """An engine that answers by calibrated outputs: each is divided by its temperature first."""
    return EnsembleEngine(
        [
            Member(member.proposal.stem, member.engine, weight / member.decode.temperature)
            for member, weight in zip(members, weights, strict=True)
        ]
    )


def calibrated(tried: Tried) -> Array:
    """Its outputs (N, K) as an ensemble takes them."""
    out: Array = tried.outputs / tried.decode.temperature
    return out
