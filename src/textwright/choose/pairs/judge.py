"""The pairs that all are judged on, by which scores, and whether two differ by more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from textwright.core.errors import DataError
from textwright.core.events import Sink
from textwright.core.records import Note, Score, Split
from textwright.core.seeds import generator
from textwright.measure.paired_corpus import compare_summaries, compare_translations
from textwright.measure.rouge import RougeMeter
from textwright.measure.translation import TranslationMeter
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.rewriting.rows import PairRows, language_of_targets
from textwright.tasks.rewriting.scoring import HEADLINE, meter_of
from textwright.text.clean import fold
from textwright.text.pairs.reading import NAMES, Asked, Pair, read_pairs
from textwright.text.rowlog import RowLog

Meter = TranslationMeter | RougeMeter
TEST = "paired randomisation, Holm"
# Pairs that are judged on at most; of more an interval is hardly narrower, and answers take time.
MOST_JUDGED = 1_000
# With fewer nothing is said of a model, unless there are no more.
LEAST_JUDGED = 20


@dataclass(frozen=True)
class Judge:
    """The pairs to judge on, in an order drawn at random, and the language of their targets."""

    task: str
    pairs: list[Pair]
    split: Split
    language: str

    @property
    def headline(self) -> str:
        """The score that decides."""
        return HEADLINE[self.task]

    @property
    def sources(self) -> list[str]:
        return [pair.source for pair in self.pairs]

    @property
    def least(self) -> int:
        """Answers without which nothing is said of a model."""
        return min(LEAST_JUDGED, len(self.pairs))

    def first(self, count: int) -> Judge:
        """The judge of so many pairs."""
        return replace(self, pairs=self.pairs[:count])

    def measured(self, answers: Sequence[str]) -> Meter:
        """The meter that has seen answers to the first sources, as many as there are."""
        meter, pairs = meter_of(self.task, self.language), self.pairs[: len(answers)]
        meter.update(answers, [[pair.target] for pair in pairs], [pair.source for pair in pairs])
        return meter

    def difference(self, of_best: Meter, of_other: Meter) -> tuple[Score, float]:
        """How much more the other has in the headline score, and the p-value of a paired test."""
        if isinstance(of_best, RougeMeter) and isinstance(of_other, RougeMeter):
            found: dict[str, dict[str, Any]] = compare_summaries(of_best, of_other)
        else:
            assert isinstance(of_best, TranslationMeter) and isinstance(of_other, TranslationMeter)
            found = compare_translations(of_best, of_other)
        gap = found[self.headline]
        return Score.from_json(gap["difference"]), float(gap["p_value"])


def judge_of(rows: PairRows, recipe: PretrainRecipe, test: str | Path | None, say: Sink) -> Judge:
    """The pairs of the test file, or those that are held out, 1,000 at most.

    A pair of the test file whose source is learned from is left out. Raises DataError where none is left.
    """
    split: Split = "validation" if test is None else "given"
    pairs = rows.held_out if test is None else _unknown(rows, recipe, test, say)
    drawn = generator(recipe.seed, "pairs", "judged").permutation(len(pairs))[:MOST_JUDGED]
    if len(drawn) < len(pairs):
        say(Note(f"judged on {len(drawn):,} of {len(pairs):,} pairs, drawn at random"))
    chosen = [pairs[i] for i in drawn.tolist()]
    return Judge(rows.task, chosen, split, language_of_targets(pairs))


def _unknown(rows: PairRows, recipe: PretrainRecipe, test: str | Path, say: Sink) -> list[Pair]:
    """The pairs of a file whose source nobody learns from. Raises DataError."""
    columns = Asked(recipe.data.source, recipe.data.target)
    pairs = read_pairs([Path(test)], columns, RowLog(), names=NAMES[rows.task])
    known = {fold(pair.source) for pair in rows.train}
    new = [pair for pair in pairs if fold(pair.source) not in known]
    if not new:
        raise DataError(
            "every source stands in the data that is learned from",
            path=test,
            hint="Give other pairs to test on.",
        )
    if len(new) < len(pairs):
        found = f"{len(pairs) - len(new):,} of {len(pairs):,}"
        say(
            Note(
                f"{test}: {found} pairs have a source that is learned from, and are not judged on", "warning"
            )
        )
    return new
