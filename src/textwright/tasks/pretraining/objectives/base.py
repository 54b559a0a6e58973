"""What an objective decides about a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import nn

from textwright.bundle.manifest import LANGUAGE
from textwright.core.pairframe import PairFrame
from textwright.core.records import Score
from textwright.learn import objectives as losses
from textwright.learn.batches import Learnable
from textwright.learn.loop import Judgement
from textwright.learn.packed import Tokens
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.writing.model import LanguageModel
from textwright.text.documents.reading import Documents
from textwright.text.documents.shards import Shards
from textwright.text.documents.tokens import TokenCorpus, build_tokens
from textwright.text.pairs.added import Add
from textwright.text.tokenizers import Tokenizer, TokenizerSettings


class Judge(Protocol):
    """Held-out rows to judge on while a fit goes on."""

    @property
    def num_windows(self) -> int: ...

    def judged(self, network: nn.Module) -> Judgement: ...


Framing = Callable[[str, Tokenizer, Sequence[str]], PairFrame]
"""Of a task, its tokenizer, and the languages of both sides."""


@dataclass(frozen=True)
class Making:
    """How files become tokens: `tokenizer` is given, or what one is learned by; `finished` gives one that is
    learned its special tokens; `end` is the one that stands before each document. `length` is how many
    tokens of a conversation are read at once; it says nothing of raw text. `frame` gives what stands around
    pairs of a task in two languages, by the tokenizer that they have; `add` makes pairs beside those that are
    given.
    """

    tokenizer: Tokenizer | TokenizerSettings
    finished: Callable[[Tokenizer], Tokenizer]
    end: str
    recipe: PretrainRecipe
    length: int
    frame: Framing
    add: Add | None = None


def of_documents(documents: Documents, folder: Path, making: Making) -> TokenCorpus:
    """The tokens of raw text."""
    return build_tokens(
        documents,
        folder,
        making.tokenizer,
        finished=making.finished,
        end=making.end,
        seed=making.recipe.seed,
    )


@dataclass(frozen=True)
class Objective:
    """How texts are finished, made into tokens, cut into rows, judged on and scored.

    `finished` gives a tokenizer its special tokens, `end` of which parts documents. `rows` makes what a fit
    learns from: tokens, their tokenizer, the length of a row, the recipe. `judge` takes the held-out tokens
    and how many windows it may look at. `scores` measures a model on at most so many held-out tokens. Rows of
    one that `is_padded` are as long as their texts, and otherwise all of one length.
    """

    finished: Callable[[Tokenizer], Tokenizer]
    end: str
    rows: Callable[[Shards, Tokenizer, int, PretrainRecipe], Learnable]
    judge: Callable[[Shards, Tokenizer, int, PretrainRecipe, int], Judge]
    scores: Callable[[LanguageModel, Tokens, PretrainRecipe, int], tuple[dict[str, Score], dict[str, Any]]]
    build: Callable[[Documents, Path, Making], TokenCorpus] = of_documents
    loss: losses.Objective = losses.next_token
    is_padded: bool = False
    task: str = LANGUAGE
