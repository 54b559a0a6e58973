"""What an objective decides about a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from torch import nn

from textwright.core.records import Score
from textwright.learn.batches import Learnable
from textwright.learn.loop import Judgement
from textwright.learn.packed import Tokens
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.writing.model import LanguageModel
from textwright.text.documents.shards import Shards
from textwright.text.tokenizers import Tokenizer


class Judge(Protocol):
    """Held-out rows to judge on while a fit goes on."""

    @property
    def num_windows(self) -> int: ...

    def judged(self, network: nn.Module) -> Judgement: ...


@dataclass(frozen=True)
class Objective:
    """How texts are finished, cut into rows, judged on and scored.

    `finished` gives a tokenizer its special tokens, `end` of which parts documents. `rows` makes what a fit
    learns from: tokens, their tokenizer, the length of a row, the recipe. `judge` takes the held-out tokens
    and how many windows it may look at. `scores` measures a model on at most so many held-out tokens.
    """

    finished: Callable[[Tokenizer], Tokenizer]
    end: str
    rows: Callable[[Shards, Tokenizer, int, PretrainRecipe], Learnable]
    judge: Callable[[Shards, Tokenizer, int, PretrainRecipe, int], Judge]
    scores: Callable[[LanguageModel, Tokens, PretrainRecipe, int], tuple[dict[str, Score], dict[str, Any]]]
