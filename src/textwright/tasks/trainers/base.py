"""How a candidate is fitted, whatever it is made of, and what it leaves: an engine from texts to outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from textwright.core.clock import Clock
from textwright.core.events import Event
from textwright.core.ragged import IntArray
from textwright.tasks.base import Array


@dataclass(frozen=True)
class Foreseen:
    """What a search takes, in the units of the clock: in its planned length, and the least that is worth it.

    0 is what is so quick that nobody need ask.
    """

    planned: float = 0.0
    least: float = 0.0


class Engine(Protocol):
    """A trained model with its encoder."""

    architecture: str

    @property
    def num_parameters(self) -> int: ...

    @property
    def num_bytes(self) -> int:
        """Of the weights."""
        ...

    def outputs(self, texts: Sequence[str]) -> Array:
        """(N, K) outputs."""
        ...

    def save(self, folder: Path) -> None:
        """Write config.json, model.safetensors and, where there is one, the tokenizer."""
        ...


class Fitted(Protocol):
    """What a fit leaves: an engine, what was decided, and the refit on all rows."""

    @property
    def engine(self) -> Engine | None: ...

    @property
    def was_cut(self) -> bool:
        """Whether the search ended sooner than it should, as its time ran out."""
        ...

    def give(self, clock: Clock) -> None:
        """The time for what comes next."""
        ...

    def refit(self, rows: IntArray) -> Iterator[Event]:
        """Fit on all `rows` with what was found; without a search, with the settings as they are."""
        ...

    def refit_seconds(self, rows: int) -> float:
        """An estimate from the search, in the units of the clock."""
        ...

    def reasons(self) -> dict[str, str]:
        """What was decided, for the plan."""
        ...

    def choices(self) -> dict[str, Any]:
        """The settings in force, for the model folder."""
        ...


class Trainer(Fitted, Protocol):
    """A fit in two parts: `search` chooses settings and length on validation, `refit` uses all rows."""

    def encode(self) -> None:
        """Encode the texts, unless a candidate before has done it: what comes next is the fit alone."""
        ...

    def search(self, train: IntArray, validation: IntArray) -> Iterator[Event]:
        """Leaves the best engine so far in `engine`, whenever it is stopped after its first event."""
        ...

    def foresee(self, rows: int) -> Foreseen:
        """What a search over `rows` takes, by a few steps of a network that are thrown away."""
        ...

    def found(self) -> dict[str, Any]:
        """What a search found, as JSON has it: all that a refit elsewhere, or at another time, needs."""
        ...

    def recall(self, found: dict[str, Any]) -> None:
        """Take what the search of another trainer of the same recipe found, in the place of an own search."""
        ...
