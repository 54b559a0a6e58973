"""How well a language model knows the texts of a file that it has not learned from."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textwright.bundle.folder import load_manifest
from textwright.core.ragged import IntArray
from textwright.core.records import Score
from textwright.tasks.pretraining.objectives import OBJECTIVES
from textwright.tasks.pretraining.objectives.instruct import making
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.writing.model import LanguageModel
from textwright.text.conversations.reading import Asked, read_conversations
from textwright.text.conversations.tokens import Part, nothing_fits
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
    perplexity and accuracy of hidden tokens, one that learned both has all of these, and one that was taught
    to answer those of the responses. Raises BundleError, DataError.
    """
    started = time.monotonic()
    model = LanguageModel.load(path)
    log = RowLog()
    documents = Documents.of([data], text)
    if model.turns is not None:
        row = _turns(model, documents, _columns(Path(path)), log)
    else:
        row = _row(model, documents, log)
    objective = OBJECTIVES.get(model.objective)
    scores, details = objective.scores(model, row, PretrainRecipe(), len(row))
    return Known(scores, details, log.summary(), time.monotonic() - started)


def _columns(folder: Path) -> Asked:
    """Those that the model learned from, where they were named."""
    schema = load_manifest(folder).data_schema
    return Asked(schema.get("prompt"), schema.get("response"))


def _turns(model: LanguageModel, documents: Documents, columns: Asked, log: RowLog) -> Row:
    """All conversations that fit, after each other."""
    found = read_conversations(documents.files, columns, log)
    part = Part(model.tokenizer, making(model.tokenizer, model.length), log)
    rows = [*part.fitting(found)]
    if not rows:
        raise nothing_fits(len(found), model.length)
    return Row(np.concatenate(rows))


def _row(model: LanguageModel, documents: Documents, log: RowLog) -> Row:
    """All documents after each other, before each the token that ends one."""
    end = np.array([model.vocabulary.parting_id])
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
