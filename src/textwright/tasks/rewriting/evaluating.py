"""How good translations or summaries of a file of pairs are."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from textwright.core.records import Score
from textwright.measure.base import FloatArray
from textwright.tasks.rewriting.confidence import judged
from textwright.tasks.rewriting.long import rewrite_long
from textwright.tasks.rewriting.model import Rewriter, Rewritten
from textwright.tasks.rewriting.scoring import scored
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
    made = rewrite_long(model, sources)
    answers = [found.text for found in made]
    targets = [pair.target for pair in pairs]
    language = language_of(targets)
    found = scored(model.task, language, sources, answers, [[text] for text in targets])
    details = {**found.details, "confidence": _confidence(model, made, found.quality)}
    return Measured(found.scores, details, log.summary(), time.monotonic() - started, answers)


def _confidence(model: Rewriter, made: Sequence[Rewritten], quality: FloatArray) -> dict[str, Any] | None:
    """Whether the confidence of a folder is to be trusted on these rows; nothing where it has none."""
    rated = np.array([one.confidence is not None for one in made])
    if model.confidence is None or not rated.any():
        return None
    chances = np.array([one.confidence for one in made if one.confidence is not None])
    return judged(model.confidence, chances, quality[rated])
