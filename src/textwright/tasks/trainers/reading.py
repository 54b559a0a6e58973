"""Which way of reading long texts a trained network gets: as asked, or what does best on validation.

Shapes: N rows of validation, M chunks, K outputs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from textwright.core.clock import Clock
from textwright.core.ragged import IntArray, Ragged
from textwright.tasks.base import Array
from textwright.tasks.examples import Examples, Job
from textwright.tasks.judging import judged, row_losses
from textwright.tasks.trainers.engine import NetworkEngine
from textwright.tasks.trainers.long import Long
from textwright.text.chunks import LongSettings, Reading
from textwright.text.targets import Targets

# Where fewer of the tokens are cut there is next to nothing to be won.
_LEAST_LOST = 0.01
_PLANNED = "cut, unless chunks do better on validation"
# What a search leaves of its time to measure in.
_SHARE_TO_MEASURE = 0.05
# Chunks of the first batch, by which the time of all is foreseen.
_TIMED = 256


@dataclass
class LongReading:
    """Decides for one trainer. `long` is what is in force: texts are cut until something better is found.

    `lost_share` of the tokens of all rows is beyond the window; `competes` is whether a text has one label.
    """

    asked: LongSettings
    lost_share: float
    competes: bool
    long: Long = field(init=False)
    why: str = _PLANNED

    def __post_init__(self) -> None:
        name: Reading = "cut" if self.asked.name == "auto" else self.asked.name
        self.long = self._way(name)
        if self.asked.name != "auto":
            self.why = f"{name}: as asked"

    @property
    def is_open(self) -> bool:
        """Whether there is something to measure."""
        return self.asked.name == "auto" and self.lost_share >= _LEAST_LOST

    def before(self, clock: Clock) -> Clock:
        """The clock of a search that leaves time to measure in; of one that counts steps, this takes none."""
        if not self.is_open:
            return clock
        self.why = "cut: the search ended before chunks were measured"
        if clock.limit is None or clock.steps is not None:
            return clock
        return clock.limited(clock.limit - _SHARE_TO_MEASURE * max(clock.remaining(), 0.0))

    def decided(self, engine: NetworkEngine, validation: IntArray, job: Job) -> NetworkEngine:
        """The engine, reading long texts in the way that does best on the rows of `validation`.

        Another way than to cut must be better by more than one standard error of the paired differences. It
        takes no longer than the clock of `job` allows.
        """
        if not self.is_open:
            return engine
        ways: list[Reading] = ["mean"] if job.examples.schema.task == "score" else ["mean", "max"]
        engine = replace(engine, long=self._way("cut"))
        found = _measured(engine, [self._way(name) for name in ways], validation, job)
        self.long, self.why = found if isinstance(found, tuple) else (engine.long, f"cut: {found}")
        return replace(engine, long=self.long)

    def recall(self, found: dict[str, Any]) -> None:
        """What another one has decided: its way, by the fields of that, and why."""
        self.why = found["why"]
        self.long = Long.parse({key: value for key, value in found.items() if key != "why"}, where="long.")

    def without_search(self) -> None:
        """A fit without validation has nothing to measure on."""
        if self.is_open and self.why == _PLANNED:
            self.why = "cut: nothing is held out to measure on"

    def reasons(self) -> dict[str, str]:
        """For the plan; as one of the details where next to nothing is cut."""
        if self.asked.name == "auto" and not self.is_open:
            few = f"cut: {self.lost_share:.1%} of the tokens are beyond what is read, less than 1 %"
            return {"short texts": few}
        return {"long": self.why}

    def _way(self, name: Reading) -> Long:
        return Long(name=name, overlap=self.asked.overlap, competes=self.competes)


def _measured(
    engine: NetworkEngine, ways: Sequence[Long], validation: IntArray, job: Job
) -> tuple[Long, str] | str:
    """The best of `ways` with the reason, or why texts are cut."""
    tokenizer, examples = engine.tokenizer, job.examples
    whole = tokenizer.whole([examples.texts[i] for i in validation])
    is_long = whole.lengths > (tokenizer.window or math.inf)
    if not is_long.any():
        return "no row of validation is too long"
    chunks = ways[0].chunks(whole.take(np.flatnonzero(is_long)), tokenizer)
    found = _in_time(engine, chunks.rows, len(whole), job.clock)
    if isinstance(found, str):
        return found
    cut = engine.of_rows(engine.long.chunks(whole, tokenizer).rows)
    others = [cut.copy() for _ in ways]
    for way, outputs in zip(ways, others, strict=True):
        outputs[is_long] = way.pooled(found, chunks)
    return _best(cut, others, ways, examples, examples.targets[validation])


def _in_time(engine: NetworkEngine, rows: Ragged, others: int, clock: Clock) -> Array | str:
    """(M, K) outputs of chunks; or why not, where they and as many rows as `others` would take too long."""
    places, started = np.arange(len(rows)), time.perf_counter()
    first = engine.of_rows(rows.take(places[:_TIMED]))
    needed = (time.perf_counter() - started) * (len(rows) + others) / len(first)
    left = math.inf if clock.steps is not None else clock.remaining()
    if needed > left:
        return f"chunks of validation would take {needed:.1f} s, and {max(left, 0.0):.1f} s were left"
    return (
        np.concatenate([first, engine.of_rows(rows.take(places[_TIMED:]))]) if len(rows) > _TIMED else first
    )


def _best(
    cut: Array, others: Sequence[Array], ways: Sequence[Long], examples: Examples, truth: Targets
) -> tuple[Long, str] | str:
    """The way with the lowest loss, where it is shown to be better than cutting."""
    loss_of_cut = judged(examples, cut, truth)[0]
    losses = [judged(examples, outputs, truth)[0] for outputs in others]
    place = int(np.argmin(losses))
    gains = row_losses(examples, cut, truth) - row_losses(examples, others[place], truth)
    error = float(gains.std(ddof=1) / math.sqrt(len(gains))) if len(gains) > 1 else math.inf
    name, loss = ways[place].name, losses[place]
    told = f"validation loss {loss:.4f}, and {loss_of_cut:.4f} where they are cut"
    if loss_of_cut - loss > error:
        return ways[place], f"{name}: {told}; better by more than one standard error ({error:.4f})"
    return f"{name} has {told}; that is not better by more than one standard error ({error:.4f})"
