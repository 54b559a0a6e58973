"""Telling spans that were taken out of a text from what is left, from one sequence to another.

A score is of held-out rows with gaps that are drawn once, always as many and as long: perplexity and accuracy
of what is told, each token from those before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from textwright.core.errors import ConfigError
from textwright.core.records import Score
from textwright.learn.batches import Batch
from textwright.learn.packed import Tokens
from textwright.learn.spans import Spans
from textwright.tasks.pretraining.objectives.base import Objective
from textwright.tasks.pretraining.objectives.masked import (
    GapJudge,
    held_out_length,
    judged_rows,
    scores_of_gaps,
)
from textwright.tasks.pretraining.recipe import PretrainRecipe, SpanSettings
from textwright.tasks.writing.model import LanguageModel, vocabulary_of
from textwright.text.documents.shards import Shards
from textwright.text.tokenizers import Tokenizer
from textwright.text.tokenizers.framed import PAIR_START, paired

# What is taken out when a model is judged, whatever is when it learns: scores stay comparable.
_JUDGED = SpanSettings()


def _rows(tokens: Shards, tokenizer: Tokenizer, length: int, recipe: PretrainRecipe) -> Spans:
    return _spans(tokens, tokenizer, length, recipe.spans)


def _spans(tokens: Tokens, tokenizer: Tokenizer, length: int, asked: SpanSettings) -> Spans:
    vocabulary = vocabulary_of(tokenizer)
    if vocabulary.mask_id is None:
        raise ConfigError(
            "the tokenizer has no token for what was taken out",
            hint="Take a checkpoint whose tokenizer names a mask_token (tokenizer_config.json).",
        )
    # M2M100's class tells the first token from the one that ends a sequence.
    ids = (vocabulary.mask_id, vocabulary.end_id, vocabulary.end_id)
    return Spans(tokens, length, asked.share, asked.length, *ids)


def _judge(tokens: Shards, tokenizer: Tokenizer, length: int, recipe: PretrainRecipe, most: int) -> GapJudge:
    return GapJudge([*_held_out(tokens, tokenizer, length, recipe, most)])


def _held_out(
    tokens: Tokens, tokenizer: Tokenizer, length: int, recipe: PretrainRecipe, most: int
) -> Iterator[Batch]:
    rows = _spans(tokens, tokenizer, held_out_length(tokens, length, len(tokens)), _JUDGED)
    return judged_rows(rows, most, recipe.seed)


def _scores(
    model: LanguageModel, tokens: Tokens, recipe: PretrainRecipe, most: int
) -> tuple[dict[str, Score], dict[str, Any]]:
    batches = _held_out(tokens, model.tokenizer, model.length, recipe, max(most // model.length, 1))
    return scores_of_gaps(model.network, batches, _JUDGED.share, recipe.seed)


OBJECTIVE = Objective(paired, PAIR_START, _rows, _judge, _scores)
