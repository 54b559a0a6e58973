"""How a candidate is measured: its answers to the rows of validation, its size, its speed and what it took.

Shapes: N rows of validation, K outputs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from textwright.choose.candidates import Proposal
from textwright.core.errors import TextwrightError
from textwright.core.ragged import IntArray
from textwright.core.records import Candidate, Note, Score, Status
from textwright.measure.base import Meter
from textwright.tasks.base import Array, Decode
from textwright.tasks.examples import Examples
from textwright.tasks.rejecting import meter_for, take_in
from textwright.tasks.trainers.base import Engine
from textwright.text.targets import Targets

# A failure of one candidate, out of memory in torch included, must not cost those that are done.
FAILURES = (TextwrightError, MemoryError, RuntimeError, ImportError, OSError)
# One text after the other is timed for at most so long; the first calls warm up.
_TIMED_TEXTS, _WARM_TEXTS, _TIMED_SECONDS = 100, 3, 0.5
_DETAILS = frozenset({"waiting threads", "attention", "fast path", "short texts"})
# An assumption, not a measurement: what a busy core of a laptop draws.
WATTS_PER_CORE = 10.0


def reasons_told(name: str, reasons: Mapping[str, str]) -> Iterator[Note]:
    """What a trainer decided, and why: what it made of the data, and the details of settings and machine."""
    for what, reason in reasons.items():
        is_detail = what.startswith(("learn.", "compute.")) or what in _DETAILS
        yield Note(f"{name}: {what}: {reason}", "detail" if is_detail else "plan")


@dataclass(frozen=True)
class Spent:
    """Wall and processor seconds: of a fit, or at its beginning.

    >>> Spent.beginning().until_now().seconds < 1
    True
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @classmethod
    def beginning(cls) -> Spent:
        return cls(time.monotonic(), time.process_time())

    def until_now(self) -> Spent:
        return Spent(time.monotonic() - self.seconds, time.process_time() - self.cpu_seconds)

    @property
    def kwh(self) -> float:
        return self.cpu_seconds * WATTS_PER_CORE / 3.6e6


@dataclass(frozen=True)
class Speed:
    """Milliseconds for one text alone (median, 99 %), and texts a second of many at once."""

    p50: float
    p99: float
    texts_per_second: float | None = None


@dataclass(frozen=True)
class Scored:
    """A candidate with its outputs (N, K), what turns them into answers, and its loss: lower is better."""

    record: Candidate
    outputs: Array
    decode: Decode
    judged: float
    meter: Meter


def score_candidate(
    name: str,
    engine: Engine,
    examples: Examples,
    validation: IntArray,
    *,
    seed: int,
    spent: Spent,
    status: Status = "done",
    held_out: Array | None = None,
) -> Scored:
    """Calibrate and score an engine on the rows of validation; time it and count its weights.

    `held_out` are the outputs where they come from other engines, one a fold.
    """
    started = time.perf_counter()
    outputs = engine.outputs([examples.texts[i] for i in validation])
    rate = len(validation) / max(time.perf_counter() - started, 1e-9)
    outputs = outputs if held_out is None else held_out
    truth = examples.targets[validation]
    decode = examples.task.calibrate(outputs, truth, examples.decode)
    scores, meter = measured_scores(outputs, decode, truth, examples, seed)
    speed = latency(engine, examples.texts)
    record = Candidate(
        name,
        scores,
        spent.seconds,
        engine.num_parameters,
        engine.num_bytes,
        speed.p50,
        status=status,
        latency_ms_p99=speed.p99,
        texts_per_second=round(rate, 1),
        kwh=spent.kwh,
    )
    return Scored(record, outputs, decode, examples.task.loss(outputs, truth, decode), meter)


def measured_scores(
    outputs: Array, decode: Decode, truth: Targets, examples: Examples, seed: int
) -> tuple[dict[str, Score], Meter]:
    """All scores of outputs as `decode` answers them, and the meter that has seen them."""
    task = examples.task
    meter = meter_for(task, examples.schema, decode)
    take_in(meter, task, outputs, truth, decode)
    return meter.scores(seed=seed), meter


def latency(engine: Engine, texts: Sequence[str]) -> Speed:
    """How long one text takes alone, by up to 100 of them and half a second."""
    times: list[float] = []
    begun = time.perf_counter()
    for text in texts[: _TIMED_TEXTS + _WARM_TEXTS]:
        started = time.perf_counter()
        engine.outputs([text])
        times.append(time.perf_counter() - started)
        if len(times) > 2 * _WARM_TEXTS and time.perf_counter() - begun > _TIMED_SECONDS:
            break
    warm = times[_WARM_TEXTS:] or times
    p50, p99 = (round(1000 * float(np.quantile(warm, q)), 3) for q in (0.5, 0.99))
    return Speed(p50, p99)


def badness(score: Score) -> float:
    """The value, turned where more is better."""
    return -score.value if score.better == "higher" else score.value


def summary_line(record: Candidate, headline: str) -> str:
    """One candidate in one line."""
    cost = f"{record.parameters:,} parameters, {record.seconds:.1f} s"
    return f"validation {headline} {record.scores[headline]}, {cost}"


def unfitted(proposal: Proposal, status: Status, why: str) -> Candidate:
    """The record of a candidate that there is no model of."""
    settings = dict(proposal.settings)
    return Candidate(proposal.model, status=status, why=why, name=proposal.name, settings=settings)
