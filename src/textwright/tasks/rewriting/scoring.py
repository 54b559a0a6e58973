"""How good answers are against references."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textwright.core.records import Score
from textwright.measure.rouge import RougeMeter
from textwright.measure.translation import TranslationMeter

# The score that says most of each task.
HEADLINE = {"translate": "chrf", "summarize": "rougeL"}


def meter_of(task: str, language: str) -> TranslationMeter | RougeMeter:
    """What measures the answers of a task in a language."""
    return TranslationMeter(language) if task == "translate" else RougeMeter(language)


def scores_of(
    task: str,
    language: str,
    sources: Sequence[str],
    made: Sequence[str],
    wanted: Sequence[Sequence[str]],
) -> tuple[dict[str, Score], dict[str, Any]]:
    """Scores with intervals over rows, and the details of how they were counted."""
    meter = meter_of(task, language)
    meter.update(made, wanted, sources)
    return meter.scores(), meter.details()


def quick_score(task: str, language: str, made: Sequence[str], wanted: Sequence[str]) -> tuple[str, float]:
    """The one score that says most, without an interval."""
    name, meter = HEADLINE[task], meter_of(task, language)
    meter.update(made, [[text] for text in wanted])
    return name, meter.scores(replicates=1)[name].value
