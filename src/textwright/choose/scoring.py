"""How a candidate is measured: its answers to the rows of validation, its size and its speed.

Shapes: N rows of validation, K outputs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from textwright.core.errors import TextwrightError
from textwright.core.ragged import IntArray
from textwright.core.records import Candidate, Note, Score, Status
from textwright.measure.base import Meter
from textwright.tasks.base import Array, Decode
from textwright.tasks.examples import Examples
from textwright.tasks.trainers.base import Engine

# A failure of one candidate, out of memory in torch included, must not cost those that are done.
FAILURES = (TextwrightError, MemoryError, RuntimeError, ImportError, OSError)
_TIMED_TEXTS = 11
_DETAILS = frozenset({"waiting threads", "attention", "fast path"})


def reasons_told(name: str, reasons: Mapping[str, str]) -> Iterator[Note]:
    """What a trainer decided, and why: what it made of the data, and the details of settings and machine."""
    for what, reason in reasons.items():
        is_detail = what.startswith(("learn.", "compute.")) or what in _DETAILS
        yield Note(f"{name}: {what}: {reason}", "detail" if is_detail else "plan")


@dataclass(frozen=True)
class Scored:
    """A candidate with its outputs (N, K), what turns them into answers, and one number: lower is better."""

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
    seconds: float,
    status: Status = "done",
) -> Scored:
    """Calibrate and score an engine on the rows of validation; time it and count its weights."""
    task, truth = examples.task, examples.targets[validation]
    outputs = engine.outputs([examples.texts[i] for i in validation])
    decode = task.calibrate(outputs, truth, examples.decode)
    meter = task.meter(examples.schema)
    meter.update(truth, task.measured(outputs, decode), task.answered(outputs, decode))
    scores = meter.scores(seed=seed)
    latency = median_latency(engine, examples.texts)
    record = Candidate(name, scores, seconds, engine.num_parameters, engine.num_bytes, latency, status=status)
    return Scored(record, outputs, decode, badness(scores[task.headline]), meter)


def median_latency(engine: Engine, texts: Sequence[str]) -> float:
    """Milliseconds for one text alone."""
    times = []
    for text in texts[:_TIMED_TEXTS]:
        started = time.perf_counter()
        engine.outputs([text])
        times.append(time.perf_counter() - started)
    return round(1000 * float(np.median(times)), 3)


def badness(score: Score) -> float:
    """The value, turned where more is better."""
    return -score.value if score.better == "higher" else score.value


def summary_line(record: Candidate, headline: str) -> str:
    """One candidate in one line."""
    cost = f"{record.parameters:,} parameters, {record.seconds:.1f} s"
    return f"validation {headline} {record.scores[headline]}, {cost}"
