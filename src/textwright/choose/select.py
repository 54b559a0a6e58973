"""Try candidates within the budget, keep the best by validation, refit it on all rows that are not locked."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from textwright.choose.scoring import FAILURES, median_latency, reasons_told, score_candidate, summary_line
from textwright.core.clock import Clock
from textwright.core.errors import CheckpointError, ConfigError, TextwrightError, first_line
from textwright.core.events import Event
from textwright.core.ragged import IntArray
from textwright.core.records import Candidate, Note, Status
from textwright.measure.base import Meter
from textwright.runtime.cpu import usable_cpus
from textwright.tasks.base import Decode
from textwright.tasks.examples import Examples, Job
from textwright.tasks.explaining.mistakes import explain_mistakes
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers import trainer_for
from textwright.tasks.trainers.base import Engine, Trainer
from textwright.tasks.wrong import WrongRows

# What saving, scoring the test rows and leaving take at most, in seconds and as a share of what remains.
_RESERVE_SECONDS, _RESERVE_SHARE = 1.5, 0.04
# A candidate that gets less is not started.
_LEAST_SECONDS = 5.0


@dataclass(frozen=True)
class Tried:
    """A candidate with what is needed to use it."""

    record: Candidate
    trainer: Trainer
    engine: Engine
    decode: Decode
    judged: float
    wrong: Sequence[dict[str, Any]] = ()
    meter: Meter | None = None

    def details(self) -> dict[str, Any]:
        """What a report shows beside the scores on validation; nothing where nothing was held out."""
        return self.meter.details() if self.meter else {}


@dataclass
class Selection:
    """The state of a selection; `tried` grows, `chosen` is the best so far and at last the refitted pick."""

    examples: Examples
    recipe: Recipe
    clock: Clock
    tried: list[Tried]
    failed: list[Candidate]
    chosen: Tried | None = None
    is_refitted: bool = False

    @classmethod
    def of(cls, examples: Examples, recipe: Recipe, clock: Clock) -> Selection:
        return cls(examples, recipe, clock, [], [])

    def run(
        self,
        names: tuple[str, ...],
        train: IntArray,
        validation: IntArray,
        on_trainer: Callable[[Trainer], None] = lambda t: None,
    ) -> Generator[Event, None, None]:
        """Events of all fits. Stopping it anywhere leaves the best so far in `chosen`."""
        if not len(validation):
            yield from self._only(names, train, on_trainer)
            return
        for position, name in enumerate(names):
            if self.chosen is not None and self._left_to_search() < _LEAST_SECONDS:
                self.failed.append(Candidate(name, status="skipped", why="no time was left"))
                continue
            yield from self._try(name, len(names) - position, train, validation, on_trainer)
        if self.chosen is None:
            raise TextwrightError(
                "no candidate could be fitted", hint="Give more --minutes, or name one with --model bag."
            )
        yield from self._refit(np.sort(np.concatenate([train, validation])))

    def _left(self) -> float:
        reserve = max(_RESERVE_SECONDS, _RESERVE_SHARE * (self.clock.limit or 0))
        return self.clock.remaining() - reserve

    def _left_to_search(self) -> float:
        """What the next candidate may use: the refit of the best so far is set aside."""
        refit = self.chosen.trainer.refit_seconds(len(self.examples)) if self.chosen else 0.0
        return self._left() - refit

    def _clock(self, seconds: float) -> Clock:
        return Clock.starting(None if seconds == float("inf") else max(seconds, 0.05))

    def _try(
        self,
        name: str,
        candidates_left: int,
        train: IntArray,
        validation: IntArray,
        on_trainer: Callable[[Trainer], None],
    ) -> Iterator[Event]:
        started = time.monotonic()
        trainer = trainer_for(
            Job(name, self.examples, self._clock(self._left_to_search() / candidates_left), usable_cpus()),
            self.recipe,
        )
        on_trainer(trainer)
        yield Note(f"{name}: fitting on {len(train):,} rows, choosing on {len(validation):,}", fit=name)
        try:
            yield from trainer.search(train, validation)
            self._note(name, trainer, time.monotonic() - started, validation)
        except KeyboardInterrupt:
            self._stopped(name, trainer, time.monotonic() - started, validation)
            raise
        except CheckpointError:
            raise
        except FAILURES as error:
            is_last = self.chosen is None and candidates_left == 1
            # Settings that one of several candidates does not take are no fault: another one may.
            if is_last or (self.chosen is None and not isinstance(error, TextwrightError)):
                raise
            why, seconds = first_line(error), time.monotonic() - started
            self.failed.append(Candidate(name, seconds=seconds, status="failed", why=why))
            yield Note(f"{name}: failed: {why}", "warning")
            return
        yield from reasons_told(name, trainer.reasons())
        yield Note(f"{name}: {summary_line(self.tried[-1].record, self.examples.task.headline)}")

    def _stopped(self, name: str, trainer: Trainer, seconds: float, validation: IntArray) -> None:
        """Keep what an interrupted search has, unless it has been noted already."""
        if trainer.engine is not None and all(tried.trainer is not trainer for tried in self.tried):
            self._note(name, trainer, seconds, validation, "stopped")

    def _note(
        self, name: str, trainer: Trainer, seconds: float, validation: IntArray, status: Status = "done"
    ) -> None:
        """Score a candidate on validation; it is the best so far unless one tried before is as good."""
        if trainer.engine is None:
            return
        examples, engine = self.examples, trainer.engine
        found = score_candidate(
            name, engine, examples, validation, seed=self.recipe.seed, seconds=seconds, status=status
        )
        wrong = WrongRows(examples.task, examples.schema, found.decode)
        wrong.update(found.outputs, examples.targets[validation], [examples.texts[i] for i in validation])
        tried = Tried(found.record, trainer, engine, found.decode, found.judged, wrong.records(), found.meter)
        self.tried.append(tried)
        if self.chosen is None or tried.judged < self.chosen.judged:
            self.chosen = tried

    def _refit(self, rows: IntArray) -> Iterator[Event]:
        """Fit what was chosen on all rows that are not locked; calibration is kept from validation."""
        chosen = self.chosen
        assert chosen is not None
        if self._left() > _LEAST_SECONDS / 2:
            chosen = self.chosen = self._explained(chosen)
        expected = chosen.trainer.refit_seconds(len(rows))
        if expected > self._left():
            yield Note(
                f"{chosen.record.model}: no time is left to refit on all rows (about {expected:.0f} s); "
                "the model of the search is kept",
                "warning",
            )
            return
        yield Note(
            f"{chosen.record.model}: chosen; refitting on all {len(rows):,} rows that are not locked",
            fit=f"{chosen.record.model}-refit",
        )
        chosen.trainer.give(self._clock(self._left()))
        # Interrupted or failed here, `chosen` keeps the engine of the search: it is better than half a refit.
        try:
            yield from chosen.trainer.refit(rows)
        except (ConfigError, CheckpointError):
            raise
        except FAILURES as error:
            said = f"{chosen.record.model}: the refit failed, the model of the search is kept: "
            yield Note(said + first_line(error), "warning")
            return
        if chosen.trainer.engine is not None:
            self.is_refitted = chosen.trainer.engine is not chosen.engine
            self.chosen = replace(chosen, engine=chosen.trainer.engine)

    def _explained(self, tried: Tried) -> Tried:
        """By the model that was wrong: a refit has learned from these rows."""
        wrong = explain_mistakes(tried.wrong, tried.engine, self.examples.schema, tried.decode)
        return replace(tried, wrong=wrong)

    def _only(
        self, names: tuple[str, ...], rows: IntArray, on_trainer: Callable[[Trainer], None]
    ) -> Iterator[Event]:
        """Nothing is held out, so nothing is chosen: one architecture, fitted as the recipe says."""
        if len(names) > 1:
            raise ConfigError(
                "without validation rows no architecture can be chosen",
                hint="Name one with --model, or leave split.validation above 0.",
            )
        started = time.monotonic()
        trainer = trainer_for(
            Job(names[0], self.examples, self._clock(self._left()), usable_cpus()), self.recipe
        )
        on_trainer(trainer)
        yield Note(
            f"{names[0]}: fitting on all {len(rows):,} rows that are not locked; "
            "nothing is held out to choose on",
            fit=names[0],
        )
        try:
            yield from trainer.refit(rows)
        except KeyboardInterrupt:
            self._keep_only(names[0], trainer, time.monotonic() - started)
            raise
        self._keep_only(names[0], trainer, time.monotonic() - started)

    def _keep_only(self, name: str, trainer: Trainer, seconds: float) -> None:
        engine = trainer.engine
        if engine is None:
            return
        latency = median_latency(engine, self.examples.texts)
        record = Candidate(name, {}, seconds, engine.num_parameters, engine.num_bytes, latency)
        self.chosen = Tried(record, trainer, engine, self.examples.decode, 0.0)
        self.tried.append(self.chosen)

    def records(self) -> list[Candidate]:
        """All candidates in the order they were tried, with why they were chosen or not."""
        headline = self.examples.task.headline
        out = []
        for tried in self.tried:
            chosen = self.chosen is not None and tried.trainer is self.chosen.trainer
            why = (
                f"best {headline} on validation"
                if chosen and len(self.tried) > 1
                else "the only candidate"
                if chosen
                else f"{headline} not better than the best on validation"
            )
            if tried.trainer.was_cut and not chosen:
                why += "; its time ran out, and more --minutes may change that"
            out.append(replace(tried.record, chosen=chosen, why=why))
        return [*out, *self.failed]
