"""Telling the next token and filling gaps, by one model: rows of both kinds, and the scores of both.

What is told of a text is measured as `objectives.causal` does, what of gaps as `objectives.masked` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from textwright.core.records import Score
from textwright.learn.hybrid import Hybrid
from textwright.learn.loop import Judgement
from textwright.learn.objectives import by_rows
from textwright.learn.packed import Tokens
from textwright.tasks.pretraining.objectives import causal, masked
from textwright.tasks.pretraining.objectives.base import Objective
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.writing.model import LanguageModel
from textwright.text.documents.shards import Shards
from textwright.text.tokenizers import Tokenizer
from textwright.text.tokenizers.framed import END_OF_TEXT, ended, gapped


@dataclass(frozen=True)
class HybridJudge:
    """Held-out windows of both kinds, as many of each; `share` is that of causal rows."""

    causal: causal.CausalJudge
    masked: masked.GapJudge
    share: float

    @property
    def num_windows(self) -> int:
        """A causal one and one with gaps are looked at together, and count as one."""
        return self.causal.num_windows

    def judged(self, network: nn.Module) -> Judgement:
        """By the loss that is learned by: the nats of a token, of each kind as much as there are rows."""
        told, filled = self.causal.judged(network), self.masked.judged(network)
        nats = told.value / self.causal.by_byte * np.log(2)
        loss = float(self.share * nats + (1 - self.share) * filled.value)
        return Judgement(loss, {"loss": loss, **told.scores, **of_gaps(filled.scores)})


def of_gaps(scores: dict[str, Any]) -> dict[str, Any]:
    """The same under names that say so: perplexity is of what comes next."""
    return {f"gap_{name}": score for name, score in scores.items()}


def finished(tokenizer: Tokenizer) -> Tokenizer:
    """With the token that ends a text, and the mask."""
    return gapped(ended(tokenizer))


def _rows(tokens: Shards, tokenizer: Tokenizer, length: int, recipe: PretrainRecipe) -> Hybrid:
    told, filled = (kind.OBJECTIVE.rows(tokens, tokenizer, length, recipe) for kind in (causal, masked))
    return Hybrid(told, filled, recipe.mask.causal)


def _judge(
    tokens: Shards, tokenizer: Tokenizer, length: int, recipe: PretrainRecipe, most: int
) -> HybridJudge:
    told, filled = (
        kind.OBJECTIVE.judge(tokens, tokenizer, length, recipe, most) for kind in (causal, masked)
    )
    return HybridJudge(told, filled, recipe.mask.causal)


def _scores(
    model: LanguageModel, tokens: Tokens, recipe: PretrainRecipe, most: int
) -> tuple[dict[str, Score], dict[str, Any]]:
    """Of the same held-out tokens, told and filled."""
    told, details = causal.OBJECTIVE.scores(model, tokens, recipe, most)
    filled, more = masked.OBJECTIVE.scores(model, tokens, recipe, most)
    return {**told, **of_gaps(filled)}, {**details, **more}


OBJECTIVE = Objective(finished, END_OF_TEXT, _rows, _judge, _scores, loss=by_rows)
