"""How good the summaries of an extractor are, and whether baselines do as well on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from textwright.core.records import Score
from textwright.measure.paired import holm
from textwright.measure.paired_corpus import compare_summaries
from textwright.measure.rouge import RougeMeter
from textwright.tasks.summarizing.baselines import Baseline
from textwright.tasks.summarizing.extractive import Summarizer


@dataclass(frozen=True)
class Judged:
    """Scores with intervals, their details, and the summaries that were measured."""

    scores: dict[str, Score]
    details: dict[str, Any]
    made: list[str]


def judged(
    summarizer: Summarizer,
    baselines: Sequence[Baseline],
    sources: Sequence[str],
    wanted: Sequence[str],
    language: str,
) -> Judged:
    """Measure summaries of some texts; `beside` in the details has the baselines on the same rows.

    A baseline has its `scores`, and by each score the `difference` of the extractor from it, with the
    p-value of a paired randomisation test, corrected by Holm for the number of baselines.
    """
    made = [found.text for found in summarizer.summarize_all(sources)]
    meter = measured(made, sources, wanted, language)
    others = [
        measured([found.text for found in one.summarizer.summarize_all(sources)], sources, wanted, language)
        for one in baselines
    ]
    scores = meter.scores()
    found = [compare_summaries(other, meter) for other in others]
    corrected = {name: holm([gap[name]["p_value"] for gap in found]) for name in scores}
    beside = [
        {
            **baseline.to_json(),
            "scores": {name: score.to_json() for name, score in other.scores().items()},
            "difference": {
                name: {**gap[name]["difference"], "p_value": corrected[name][place]} for name in scores
            },
        }
        for place, (baseline, other, gap) in enumerate(zip(baselines, others, found, strict=True))
    ]
    return Judged(scores, {**meter.details(), "beside": beside}, made)


def measured(made: Sequence[str], sources: Sequence[str], wanted: Sequence[str], language: str) -> RougeMeter:
    """The meter that has seen these summaries."""
    meter = RougeMeter(language)
    meter.update(made, [[text] for text in wanted], sources)
    return meter
