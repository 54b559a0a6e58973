"""How good answers are against references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textwright.core.records import Score
from textwright.measure.base import FloatArray
from textwright.measure.rouge import RougeMeter
from textwright.measure.support import support
from textwright.measure.translation import TranslationMeter, chrf_of_sums

# The score that says most of each task.
HEADLINE = {"translate": "chrf", "summarize": "rougeL"}


def meter_of(task: str, language: str) -> TranslationMeter | RougeMeter:
    """What measures the answers of a task in a language."""
    return TranslationMeter(language) if task == "translate" else RougeMeter(language)


@dataclass(frozen=True)
class Scored:
    """Scores with intervals over rows, the details of how they were counted, and how close the answer of each
    row (N,) is, by the score that says most.
    """

    scores: dict[str, Score]
    details: dict[str, Any]
    quality: FloatArray


def scored(
    task: str,
    language: str,
    sources: Sequence[str],
    made: Sequence[str],
    wanted: Sequence[Sequence[str]],
) -> Scored:
    """The answers of all rows against what people wrote; of summaries also what their sources do not say."""
    meter = meter_of(task, language)
    meter.update(made, wanted, sources)
    details = meter.details()
    if task == "summarize":
        details["support"] = support(sources, made)
        details["support_of_references"] = support(sources, [own[0] for own in wanted])
    return Scored(meter.scores(), details, _quality(meter))


def _quality(meter: TranslationMeter | RougeMeter) -> FloatArray:
    if isinstance(meter, RougeMeter):
        return meter.per_row[HEADLINE["summarize"]]
    return chrf_of_sums(meter.counts[HEADLINE["translate"]].astype(np.float64))


def quick_score(task: str, language: str, made: Sequence[str], wanted: Sequence[str]) -> tuple[str, float]:
    """The one score that says most, without an interval."""
    name, meter = HEADLINE[task], meter_of(task, language)
    meter.update(made, [[text] for text in wanted])
    return name, meter.scores(replicates=1)[name].value
