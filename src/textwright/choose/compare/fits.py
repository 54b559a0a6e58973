"""The fits of a grid: each cell on the same rows, judged on the same rows, with its share of the time."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from traceback import clear_frames
from typing import Any

from textwright.choose.compare.cells import Cell
from textwright.choose.pick.difference import Difference, find_difference, row_values
from textwright.choose.scoring import (
    FAILURES,
    Scored,
    Spent,
    badness,
    reasons_told,
    score_candidate,
    summary_line,
)
from textwright.choose.search.schedule import MINUTES_A_FIT, time_left
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError, TextwrightError, first_line
from textwright.core.events import Event
from textwright.core.records import Candidate, Note, Status, StepEvent
from textwright.runtime.cpu import usable_cpus
from textwright.tasks.examples import Job
from textwright.tasks.prepare import Prepared
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers import trainer_for
from textwright.tasks.trainers.base import Trainer


@dataclass
class Result:
    """What became of a cell: its record, where its curve ended and was best, its distance to the best cell.

    `difference` is None for the best one and for those that were not fitted.
    """

    cell: Cell
    record: Candidate
    scored: Scored | None = None
    steps: int = 0
    best_epoch: float | None = None
    difference: Difference | None = None

    def saw(self, event: StepEvent) -> None:
        self.steps = event.step
        if event.is_best:
            self.best_epoch = round(event.epoch, 4)

    def to_json(self) -> dict[str, Any]:
        found, files = self.difference, {"events": f"events/{self.cell.stem}.jsonl"}
        if self.scored is not None:
            files["predictions"] = f"predictions/{self.cell.stem}.jsonl"
        return {
            **self.record.to_json(),
            "name": self.cell.name,
            "settings": dict(self.cell.settings),
            "steps": self.steps,
            "best_epoch": self.best_epoch,
            "difference": {found.metric: found.score.to_json()} if found else None,
            "p_value": found.p_value if found else None,
            "test": found.test if found else None,
            "files": files,
        }


@dataclass
class Grid:
    """The state of a comparison; `results` has one entry a cell that was begun or refused, in their order."""

    prepared: Prepared
    cells: list[Cell]
    clock: Clock
    results: list[Result] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    @property
    def best(self) -> Result | None:
        """The first of those with the best headline score."""
        done = [result for result in self.results if result.scored is not None]
        headline = self.prepared.examples.task.headline
        return min(done, key=lambda result: badness(result.record.scores[headline])) if done else None

    def fit(self, cell: Cell) -> Generator[Event, None, None]:
        """The events of one cell."""
        result = Result(cell, Candidate(cell.model, status="stopped", why="interrupted before its end"))
        self.results.append(result)
        if cell.recipe is None:
            yield self._ended(result, 0.0, "skipped", f"refused: {cell.refused}")
            return
        if self.best is not None and self.share() <= 0:
            yield self._ended(result, 0.0, "skipped", "no time was left")
            return
        yield Note(f"{cell.name}: fitting on {len(self.prepared.train):,} rows", fit=cell.stem)
        started = time.monotonic()
        try:
            yield from self._search(cell, cell.recipe, result)
        except FAILURES as error:
            clear_frames(error.__traceback__)  # they hold the network
            self.errors.append(error)
            seconds, why = time.monotonic() - started, first_line(error)
            if isinstance(error, ConfigError):
                yield self._ended(result, seconds, "skipped", f"refused: {why}")
            else:
                yield self._ended(result, seconds, "failed", why)

    def _search(self, cell: Cell, recipe: Recipe, result: Result) -> Iterator[Event]:
        prepared = self.prepared
        job = Job(cell.model, prepared.examples, Clock.starting(), usable_cpus())
        trainer = trainer_for(job, recipe)
        trainer.encode()  # the first cell must not pay for what all of them share
        begun = Spent.beginning()
        trainer.give(Clock.starting(max(self.share(), 0.05)))
        for event in trainer.search(prepared.train, prepared.validation):
            if isinstance(event, StepEvent):
                result.saw(event)
            yield event
        yield from self._scored(cell, trainer, result, begun.until_now())

    def _scored(self, cell: Cell, trainer: Trainer, result: Result, spent: Spent) -> Iterator[Event]:
        if trainer.engine is None:
            raise TextwrightError("the time was over before its first step", hint="Give more --minutes.")
        examples, validation = self.prepared.examples, self.prepared.validation
        found = score_candidate(
            cell.model, trainer.engine, examples, validation, seed=examples.seed, spent=spent
        )
        reasons = trainer.reasons()
        result.scored, result.record = found, found.record
        yield from reasons_told(cell.name, reasons)
        yield Note(f"{cell.name}: {summary_line(found.record, examples.task.headline)}")

    def _ended(self, result: Result, seconds: float, status: Status, why: str) -> Note:
        result.record = replace(result.record, seconds=seconds, status=status, why=why)
        return Note(f"{result.cell.name}: {why}", "warning")

    def share(self) -> float:
        """Seconds for the cell that was begun last: what is left, over the cells that are left."""
        if self.clock.limit is None:
            return 60 * MINUTES_A_FIT
        left = sum(cell.recipe is not None for cell in self.cells[len(self.results) - 1 :])
        return time_left(self.clock) / max(left, 1)

    def finish(self) -> None:
        """Compare each cell with the best, and say why it is or is not it. Raises when nothing was fitted."""
        for cell in self.cells[len(self.results) :]:
            why = "interrupted before its beginning"
            self.results.append(Result(cell, Candidate(cell.model, status="skipped", why=why)))
        best = self.best
        if best is None:
            raise self._reason()
        done = [result for result in self.results if result.scored is not None]
        headline = self.prepared.examples.task.headline
        for result in done:
            if result is best:
                why = f"best {headline} on validation" if len(done) > 1 else "the only one that was fitted"
                result.record = replace(result.record, chosen=True, why=why)
            else:
                result.difference = self._against(best, result)
                result.record = replace(result.record, why=_why(headline, result.difference))

    def _against(self, best: Result, other: Result) -> Difference:
        examples = self.prepared.examples
        truth, task = examples.targets[self.prepared.validation], examples.schema.task
        of_best, of_other = (
            row_values(examples.task.answered(scored.outputs, scored.decode), truth, task)
            for scored in (best.scored, other.scored)
            if scored is not None
        )
        return find_difference(task, of_best, of_other, seed=examples.seed)

    def _reason(self) -> BaseException:
        """Why nothing was fitted: a bug of ours before all else, then what can be mended."""
        bugs = [error for error in self.errors if not isinstance(error, TextwrightError)]
        return [*bugs, *self.errors][0]


def _why(headline: str, found: Difference) -> str:
    numbers = f"{found.metric} {found.score.value:+.4f} against the best, p = {found.p_value:.3g}"
    if not found.is_shown:
        return f"not better than the best, no difference was shown: {numbers}"
    if found.gain < 0:
        return f"worse than the best: {numbers}"
    return f"not the best {headline}: {numbers}"
