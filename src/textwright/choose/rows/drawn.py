"""The fits of a learning curve: draws of growing size, each judged on the same rows, within the time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from traceback import clear_frames

import numpy as np

from textwright.choose.rows.growth import Fit, Growth
from textwright.choose.rows.subsets import Draw, Subsets, choose_sizes, draws_of
from textwright.choose.scoring import FAILURES, Spent, score_candidate
from textwright.choose.search.schedule import MINUTES_A_FIT, time_left
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError, TextwrightError, first_line
from textwright.core.events import Event
from textwright.core.records import Note
from textwright.runtime.cpu import usable_cpus
from textwright.tasks.examples import Examples, Job
from textwright.tasks.prepare import Prepared
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers import trainer_for
from textwright.tasks.trainers.base import Engine

# Time is shared by this power of the rows: a small fit takes more than its part of the rows.
_TIME_BY_ROWS = 0.5
# A further draw is begun when what the slowest one of its size took, and so much more, is left.
_SAFETY = 1.2


@dataclass
class Fits:
    """The state of a curve; `done` has what each finished fit got wrong, `seconds` what it took."""

    prepared: Prepared
    recipe: Recipe
    clock: Clock
    subsets: Subsets
    sizes: list[int]
    draws: list[Draw]
    done: list[Fit] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    is_higher_better: bool = True
    errors: list[BaseException] = field(default_factory=list)

    @classmethod
    def of(cls, prepared: Prepared, recipe: Recipe, clock: Clock, asked: Sequence[int]) -> Fits:
        """Plan the fits. Raises ConfigError and DataError where there can be no curve."""
        if not len(prepared.validation):
            raise ConfigError(
                "without validation rows no curve can be measured", hint="Leave split.validation above 0."
            )
        if prepared.parent is not None and prepared.parent.learned.any():
            raise ConfigError(
                f"{prepared.parent.name}, which this starts from, has learned from these rows already: "
                "the curve would not show what they give",
                hint="Start from a checkpoint that does not know them, or from nothing.",
            )
        examples = prepared.examples
        strata = examples.task.strata(examples.targets)
        sizes = choose_sizes(len(prepared.train), len(examples.schema.labels), asked)
        train, validation = prepared.train, prepared.validation
        subsets = Subsets(train, validation, strata[train], strata[validation], recipe.seed)
        return cls(prepared, recipe, clock, subsets, sizes, draws_of(sizes))

    @property
    def name(self) -> str:
        return self.recipe.model_name

    def run(self) -> Generator[Event, None, None]:
        """The events of all fits, as far as the time goes."""
        for place, draw in enumerate(self.draws):
            if not self._has_time(draw):
                continue
            started = time.monotonic()
            try:
                yield from self._fit(draw, place)
            except ConfigError:
                raise
            except FAILURES as error:
                clear_frames(error.__traceback__)  # they hold the network
                self.errors.append(error)
                seconds = time.monotonic() - started
                yield Note(
                    f"{self.name} on {draw.rows:,} rows: failed after {seconds:.0f} s: {first_line(error)}",
                    "warning",
                )

    def _fit(self, draw: Draw, place: int) -> Iterator[Event]:
        """Fit one draw with its own part of the rows to choose on, as a training on so few rows would."""
        rows, chosen_on = self.subsets.rows(draw), self.subsets.to_choose_on(draw)
        whole = self.prepared.examples
        ids = np.concatenate([rows, chosen_on])
        texts = [whole.texts[i] for i in ids]
        part = Examples(texts, whole.targets[ids], whole.schema, whole.seed, whole.unlabelled)
        yield Note(
            f"{self.name}: {draw.rows:,} rows, draw {draw.number} of {draw.of}",
            "detail",
            fit=f"{self.name}-{draw.rows}-{draw.number}",
        )
        job = Job(self.name, part, Clock.starting(), usable_cpus())
        trainer = trainer_for(job, self.recipe)
        trainer.encode()
        clock = Clock.starting(self._share(place))
        trainer.give(clock)
        begun = Spent.beginning()
        yield from trainer.search(np.arange(len(rows)), np.arange(len(rows), len(ids)))
        spent = begun.until_now()
        if trainer.engine is None:
            raise TextwrightError("the time was over before its first step", hint="Give more --minutes.")
        if trainer.was_cut or clock.is_over():
            # A fit that lacks its end would bend the curve down.
            raise TextwrightError(
                "its time ran out before its end, so it is left out", hint="Give more --minutes."
            )
        yield self._measured(draw, trainer.engine, spent)

    def _measured(self, draw: Draw, engine: Engine, spent: Spent) -> Note:
        examples, validation = self.prepared.examples, self.prepared.validation
        found = score_candidate(self.name, engine, examples, validation, seed=examples.seed, spent=spent)
        answers = examples.task.answered(found.outputs, found.decode)
        truth = examples.targets[validation]
        self.done.append(Fit.of(draw.rows, answers, truth, examples.schema.task))
        self.seconds.append(spent.seconds)
        headline = examples.task.headline
        self.is_higher_better = found.record.scores[headline].better == "higher"
        return Note(
            f"{draw.rows:,} rows, draw {draw.number} of {draw.of}: validation {headline} "
            f"{found.record.scores[headline]}, {spent.seconds:.1f} s"
        )

    def _has_time(self, draw: Draw) -> bool:
        """The first draw of the smallest size is always begun; further draws when one like it would end."""
        left = time_left(self.clock)
        if not self.done and not self.errors:
            return True
        like = [s for fit, s in zip(self.done, self.seconds, strict=True) if fit.rows == draw.rows]
        if draw.number > 1 and not like:
            return False  # its first draw failed or was not reached
        return left > (_SAFETY * max(like) if like else 0)

    def _share(self, place: int) -> float:
        """Seconds for a fit: of the first draws each has its share, a further one may use what is left."""
        if self.clock.limit is None:
            return 60 * MINUTES_A_FIT
        parts = [draw.rows**_TIME_BY_ROWS for draw in self.draws[place:] if draw.number == 1]
        share = parts[0] / sum(parts) if parts and self.draws[place].number == 1 else 1.0
        return max(time_left(self.clock) * share, 0.05)

    @property
    def missed(self) -> dict[int, int]:
        """How many draws of each size were planned and are not done, where there are any."""
        left = Counter(draw.rows for draw in self.draws)
        left.subtract(fit.rows for fit in self.done)
        return {rows: count for rows, count in sorted(left.items()) if count}

    def growth(self) -> Growth:
        """The curve of what is done. Raises what stopped the fits when nothing is."""
        if not self.done:
            bugs = [error for error in self.errors if not isinstance(error, TextwrightError)]
            raise [*bugs, *self.errors][0]
        return Growth(self.done, "higher" if self.is_higher_better else "lower", self.recipe.seed)

    def seconds_of(self, rows: int) -> float:
        """What a fit of this size took, on average."""
        took = [s for fit, s in zip(self.done, self.seconds, strict=True) if fit.rows == rows]
        return float(np.mean(took))
