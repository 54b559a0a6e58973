"""A fit that is carried out elsewhere: what is sent, what comes back, and the candidate that was fitted so.

What is sent and what comes back can be pickled, and holds no model: an engine travels as the files of its
folder, which hold weights and JSON alone, and is read as any model folder is. Nothing here knows of Ray.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, TypeVar

from textwright.choose.scoring import FAILURES, Scored, Spent, score_candidate
from textwright.choose.search.folds import Folded, folded_trainer
from textwright.choose.search.hope import Curve, Hope, followed
from textwright.choose.search.schedule import Grant, Room, Schedule
from textwright.core.clock import Clock, Steps
from textwright.core.errors import BundleError, TextwrightError, first_line
from textwright.core.events import Event
from textwright.core.ragged import IntArray
from textwright.core.records import Status
from textwright.tasks.examples import Examples, Job
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers import load_engine
from textwright.tasks.trainers.base import Engine, Trainer
from textwright.text.schema import Schema

Made = TypeVar("Made")


@dataclass(frozen=True)
class Cargo:
    """What all fits share and is sent once: the rows, and which of them are learned from and chosen on.

    `folds` (N,) number the parts that are held out in turn, where there are few rows.
    """

    examples: Examples
    train: IntArray
    validation: IntArray
    folds: IntArray | None = None

    @classmethod
    def of(
        cls, examples: Examples, train: IntArray, validation: IntArray, folds: IntArray | None = None
    ) -> Cargo:
        """With the encodings that are there; n-grams and the like are found again where they are used."""
        return cls(replace(examples, _shared={}), train, validation, folds)


@dataclass(frozen=True)
class Order:
    """One fit: a search within `room`, judged by `hope`, or a refit of `rows` with what a search `found`.

    `amount` is what it may take where that is known: always of steps. `sent` is when (`time.time`): what it
    waits before it begins is time of the budget too. `threads` are those of the fit, `seed` of its scores.
    """

    name: str
    model: str
    recipe: Recipe
    seed: int
    threads: int
    room: Room
    growth: float = 1.0
    hope: Hope | None = None
    amount: float | None = None
    rows: IntArray | None = None
    found: Mapping[str, Any] | None = None
    is_counted: bool = False
    sent: float = field(default_factory=time.time)
    version: str = field(default_factory=lambda: version("textwright"))


@dataclass(frozen=True)
class Outcome:
    """What became of an order: its events in their order, the engine as files, what it scored and why.

    `failure` says what went wrong, `left_out` why it was not begun; the rest is empty then. `folds` has the
    engine of each fold, where they are to teach.
    """

    events: list[Event] = field(default_factory=list)
    failure: str = ""
    left_out: str = ""
    seconds: float = 0.0
    status: Status = "done"
    why: str = ""
    scored: Scored | None = None
    architecture: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    folds: list[dict[str, bytes]] = field(default_factory=list)
    found: dict[str, Any] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    choices: dict[str, Any] = field(default_factory=dict)
    curve: Curve = field(default_factory=list)


class Workers(Protocol):
    """Whoever carries out orders, `num_beside` at a time. A handle is what `send` and `share` gave."""

    num_beside: int
    threads: int

    def share(self, cargo: Cargo) -> Any:
        """Bring to the workers what many orders need."""
        ...

    def send(self, order: Order, cargo: Any) -> Any: ...

    def wait(self, sent: list[Any]) -> list[Any]:
        """Those of the orders that are done; at least one of them, or none after a moment."""
        ...

    def fetch(self, sent: Any) -> Outcome:
        """What became of an order that is done: a worker that died is a failure, a bug of ours is raised."""
        ...


def carry_out(order: Order, cargo: Cargo) -> Outcome:
    """Fit a candidate here; what goes wrong with it comes back in words, a bug of ours is raised."""
    if order.version != (own := version("textwright")):
        return Outcome(failure=f"the worker has textwright {own}, and this is {order.version}")
    begun, events = Spent.beginning(), list[Event]()
    try:
        clock = Clock.counting(Steps(), None) if order.is_counted else Clock.starting()
        job = Job(order.model, cargo.examples, clock, order.threads)
        trainer = folded_trainer(job, order.recipe, cargo.folds)
        if order.hope is None:
            return _refitted(order, trainer, events)
        return _searched(order, order.hope, trainer, cargo, events, begun)
    except FAILURES as error:
        return Outcome(events, first_line(error), seconds=begun.until_now().seconds)


def _searched(
    order: Order, hope: Hope, trainer: Trainer, cargo: Cargo, events: list[Event], begun: Spent
) -> Outcome:
    trainer.encode()
    grant = _grant(order, trainer, cargo)
    if not grant.amount:
        return Outcome(left_out=grant.why)
    fit = trainer.search(cargo.train, cargo.validation)
    followed_fit = followed(_given(order, trainer, grant.amount).counted(fit), trainer, hope)
    status, why = _gathered(followed_fit, events)
    found = replace(_outcome(trainer, events), status=status, why=why, curve=hope.curve)
    if isinstance(trainer, Folded) and order.recipe.distil.into:
        folds = [{} if engine is None else as_files(engine) for engine in trainer.engines]
        found = replace(found, folds=folds)
    if trainer.engine is None:
        return found
    scored = score_candidate(
        order.model,
        trainer.engine,
        cargo.examples,
        cargo.validation,
        seed=order.seed,
        spent=begun.until_now(),
        status=status,
        held_out=getattr(trainer, "held_out", None),
    )
    return replace(found, scored=scored)


def _refitted(order: Order, trainer: Trainer, events: list[Event]) -> Outcome:
    assert order.rows is not None
    trainer.recall(dict(order.found or {}))
    amount = max(order.room.left - _waited(order), 0.05)
    events += _given(order, trainer, amount).counted(trainer.refit(order.rows))
    return _outcome(trainer, events)


def _grant(order: Order, trainer: Trainer, cargo: Cargo) -> Grant:
    """What was granted before it was sent, or else by what is foreseen here, on the machine of the fit."""
    if order.amount is not None:
        return Grant(order.amount)
    search = trainer.foresee(len(cargo.train))
    return replace(order.room, left=order.room.left - _waited(order)).grant(search, order.growth)


def _waited(order: Order) -> float:
    """Seconds since it was sent; clocks of two machines may differ a little."""
    return 0.0 if order.is_counted else max(time.time() - order.sent, 0.0)


def _given(order: Order, trainer: Trainer, amount: float) -> Schedule:
    """Give a trainer its time; whose steps are counted as they are where there is one machine."""
    clock = Clock.counting(Steps(), amount) if order.is_counted else Clock.starting(amount)
    trainer.give(clock)
    return Schedule(clock, order.room.prefer, 0)


def _gathered(fit: Generator[Event, None, Made], events: list[Event]) -> Made:
    """Put all events into a list; what the generator returns."""
    while True:
        try:
            events.append(next(fit))
        except StopIteration as end:
            made: Made = end.value
            return made


def _outcome(trainer: Trainer, events: list[Event]) -> Outcome:
    engine = trainer.engine
    files = {} if engine is None else as_files(engine)
    architecture = "" if engine is None else engine.architecture
    return Outcome(
        events,
        architecture=architecture,
        files=files,
        found=trainer.found(),
        reasons=trainer.reasons(),
        choices=trainer.choices(),
    )


def as_files(engine: Engine) -> dict[str, bytes]:
    """The folder of an engine in memory, by the names of its files in that folder."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        engine.save(folder)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def from_files(files: Mapping[str, bytes], architecture: str, schema: Schema) -> Engine:
    """The engine that `as_files` took apart. Raises BundleError where a file would lie outside its folder."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        for relative, content in files.items():
            path = (folder / relative).resolve()
            if not path.is_relative_to(folder):
                raise BundleError(f"{folder}: names a member outside the folder: {relative!r}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return load_engine(folder, architecture, schema)


class FarTrainer:
    """A candidate that was fitted elsewhere, and will be refitted there: where its search ran, and as fast.

    `near` is a trainer of the same recipe here, which has not fitted anything: it knows what a refit costs.
    """

    def __init__(self, near: Trainer, order: Order, workers: Workers, cargo: Any, schema: Schema) -> None:
        self.near, self.order = near, order
        self._schema = schema
        self.engine: Engine | None = None
        self._workers, self._cargo = workers, cargo
        self._outcome = Outcome()
        self._refit: Any = None
        self._clock = Clock.starting()

    @property
    def was_cut(self) -> bool:
        return self.near.was_cut

    @property
    def engines(self) -> list[Engine | None]:
        """The engine of each fold, where they are to teach."""
        outcome, schema = self._outcome, self._schema
        return [from_files(own, outcome.architecture, schema) if own else None for own in outcome.folds]

    def take(self, outcome: Outcome) -> None:
        """What the search found."""
        self._outcome = outcome
        self.near.recall(outcome.found)
        if outcome.files:
            self.engine = from_files(outcome.files, outcome.architecture, self._schema)

    def give(self, clock: Clock) -> None:
        self._clock = clock

    def begin(self, rows: IntArray) -> None:
        """Send the refit, so that others go on beside it; `refit` waits for it."""
        room = replace(self.order.room, left=self._clock.remaining())
        order = replace(
            self.order,
            room=room,
            hope=None,
            rows=rows,
            found=self._outcome.found,
            sent=time.time(),
        )
        self._refit = self._workers.send(order, self._cargo)

    def refit(self, rows: IntArray) -> Iterator[Event]:
        """Its events come when it is over. Raises TextwrightError where it failed."""
        if self._refit is None:
            self.begin(rows)
        while not self._workers.wait([self._refit]):
            pass
        outcome, self._refit = self._workers.fetch(self._refit), None
        yield from outcome.events
        if outcome.failure:
            raise TextwrightError(outcome.failure)
        if outcome.files:
            self.engine = from_files(outcome.files, outcome.architecture, self._schema)

    def refit_seconds(self, rows: int) -> float:
        return self.near.refit_seconds(rows)

    def reasons(self) -> dict[str, str]:
        return self._outcome.reasons

    def choices(self) -> dict[str, Any]:
        return self._outcome.choices
