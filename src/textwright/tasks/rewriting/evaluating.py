"""How good translations or summaries of a file of pairs are."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textwright.core.records import Score
from textwright.tasks.rewriting.long import rewrite_long
from textwright.tasks.rewriting.model import Rewriter
from textwright.tasks.rewriting.scoring import scores_of
from textwright.text.pairs.languages import language_of
from textwright.text.pairs.reading import NAMES, Asked, read_pairs
from textwright.text.rowlog import RowLog


@dataclass(frozen=True)
class Measured:
    """Scores on a file; `answers` are what was made of each source, in order."""

    scores: dict[str, Score]
    details: dict[str, Any]
    cleaning: list[dict[str, Any]]
    seconds: float
    answers: list[str]

    @property
    def n(self) -> int:
        return len(self.answers)


def evaluate_pairs(path: str | Path, data: str | Path) -> Measured:
    """Score the model of a folder on pairs; none is left out as a copy. Raises BundleError, DataError."""
    started = time.monotonic()
    model, log = Rewriter.load(path), RowLog()
    columns = Asked(model.schema.get("source"), model.schema.get("target"))
    pairs = read_pairs([Path(data)], columns, log, names=NAMES[model.task])
    sources = [pair.source for pair in pairs]
    answers = [found.text for found in rewrite_long(model, sources)]
    targets = [pair.target for pair in pairs]
    language = language_of(targets)
    scores, details = scores_of(model.task, language, sources, answers, [[text] for text in targets])
    return Measured(scores, details, log.summary(), time.monotonic() - started, answers)
