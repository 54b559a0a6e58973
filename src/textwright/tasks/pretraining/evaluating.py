"""How well a language model knows the texts of a file that it has not learned from."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textwright.core.ragged import IntArray
from textwright.core.records import Score
from textwright.tasks.pretraining.objectives import OBJECTIVES
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.writing.model import LanguageModel
from textwright.text.documents.reading import Documents
from textwright.text.rowlog import RowLog

_TEXTS_PER_CALL = 256


@dataclass(frozen=True)
class Row:
    """One long row of tokens in memory; see `Shards`."""

    values: IntArray
    about: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, starts: IntArray, length: int) -> NDArray[np.int64]:
        places = np.asarray(starts)[:, None] + np.arange(length)
        return np.asarray(self.values[places], np.int64)


@dataclass(frozen=True)
class Known:
    """Scores of a language model on a file; `details` has the bytes and tokens that were told."""

    scores: dict[str, Score]
    details: dict[str, Any]
    cleaning: list[dict[str, Any]]
    seconds: float

    @property
    def n(self) -> int:
        return next(iter(self.scores.values())).n


def evaluate_language(path: str | Path, data: str | Path, text: str | None = None) -> Known:
    """Score a language model on every document of a file or folder; nothing is left out as a copy.

    A causal model has bits per byte and perplexity by the protocol of `objectives.causal`, a masked one the
    perplexity and accuracy of hidden tokens. Raises BundleError, DataError.
    """
    started = time.monotonic()
    model = LanguageModel.load(path)
    log = RowLog()
    row = _row(model, Documents.of([data], text), log)
    objective = OBJECTIVES.get(model.architecture.objective)
    scores, details = objective.scores(model, row, PretrainRecipe(), len(row))
    return Known(scores, details, log.summary(), time.monotonic() - started)


def _row(model: LanguageModel, documents: Documents, log: RowLog) -> Row:
    """All documents after each other, before each the token that ends one."""
    end = np.array([model.vocabulary.end_id])
    parts: list[IntArray] = []
    held: list[tuple[str, bool]] = []

    def settle() -> None:
        for ids, (_, goes_on) in zip(model.tokenizer.whole([t for t, _ in held]), held, strict=True):
            parts.extend([ids] if goes_on else [end, ids])
        held.clear()

    for document in documents.read(log):
        held.append((document.text, document.goes_on))
        if len(held) == _TEXTS_PER_CALL:
            settle()
    settle()
    return Row(np.concatenate(parts))
