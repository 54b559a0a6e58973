"""Filling gaps: which tokens are told, and how well a model tells those of text it has not learned from.

Shapes: B rows, T tokens of a row, K places that are told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from textwright.core.errors import DataError
from textwright.core.ragged import IntArray
from textwright.core.records import Score
from textwright.core.seeds import derive, generator
from textwright.learn.batches import Batch
from textwright.learn.gapped import SHORTEST_ROW
from textwright.learn.loop import Judgement
from textwright.learn.masked import Gaps, Masked
from textwright.learn.packed import Tokens
from textwright.learn.spans import Spans
from textwright.measure.bootstrap import GroupedSums, make_score, share_score
from textwright.tasks.pretraining.objectives.base import Objective
from textwright.tasks.pretraining.objectives.causal import drawn_windows
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.writing.model import LanguageModel, vocabulary_of
from textwright.text.documents.shards import Shards
from textwright.text.script import CJK_PATTERN
from textwright.text.tokenizers import Tokenizer
from textwright.text.tokenizers.framed import END, framed
from textwright.text.tokenizers.pieces import is_fragment

# The share that is told when a model is judged, however many are when it learns: scores stay comparable.
JUDGED_SHARE = 0.15
_TOKENS_AT_ONCE = 8_192
_CJK = re.compile(f"[{CJK_PATTERN}]")


def _rows(tokens: Shards, tokenizer: Tokenizer, length: int, recipe: PretrainRecipe) -> Masked:
    mask = recipe.mask
    return _masked(tokens, tokenizer, length, _gaps(tokenizer, mask.first, mask.last, recipe), recipe.seed)


def _masked(tokens: Tokens, tokenizer: Tokenizer, length: int, gaps: Gaps, seed: int) -> Masked:
    vocabulary = vocabulary_of(tokenizer)
    return Masked(tokens, length, vocabulary.start_id, vocabulary.end_id, gaps, seed)


def _gaps(tokenizer: Tokenizer, first: float, last: float, recipe: PretrainRecipe) -> Gaps:
    mask_id = vocabulary_of(tokenizer).mask_id
    assert mask_id is not None
    special = {tokenizer.frame.special[role] for role in tokenizer.frame.special}
    can_be_told = np.array([piece not in special for piece in tokenizer.pieces])
    left, right = joining(tokenizer.pieces) if recipe.mask.whole_words else (None, None)
    return Gaps(first, last, mask_id, can_be_told, left, right, recipe.mask.static)


def joining(pieces: list[str]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pieces belong to the word of the piece before them, and of the one after.

    A piece that begins with a letter goes on a word that ended with one, but for Han and kana, where pieces
    of several characters are words by themselves. Parts of a character always join.

    >>> left, right = joining(["un", "do", " do", ".", "\u8bed\u8a00", "<0xE6>"])
    >>> left.tolist(), right.tolist()
    ([True, True, False, False, False, True], [True, True, True, False, False, True])
    """
    left = [is_fragment(piece) or _is_of_word(piece[:1]) for piece in pieces]
    right = [is_fragment(piece) or _is_of_word(piece[-1:]) for piece in pieces]
    return np.array(left), np.array(right)


def _is_of_word(character: str) -> bool:
    return character.isalpha() and not _CJK.match(character)


@dataclass(frozen=True)
class GapJudge:
    """Held-out rows whose gaps never change."""

    batches: list[Batch]

    @property
    def num_windows(self) -> int:
        return sum(len(batch.ids_BT) for batch in self.batches)

    def judged(self, network: nn.Module) -> Judgement:
        """By the nats of a hidden token."""
        parts = np.concatenate([told(network, batch) for batch in self.batches])
        nats, right, count = parts.sum(0)
        scores = {"perplexity": float(np.exp(nats / count)), "accuracy": float(right / count)}
        return Judgement(float(nats / count), scores)


@torch.no_grad()
def told(network: nn.Module, batch: Batch) -> NDArray[np.float64]:
    """Of each row (B, 3): the nats of its gaps, how many were told rightly, and how many there are."""
    was_training = network.training
    network.eval()
    batch = batch.to(str(next(network.parameters()).device))
    shares = network(*batch.inputs).logits.float().log_softmax(-1)
    nats = -shares.gather(-1, batch.targets.unsqueeze(-1)).squeeze(-1)
    right = shares.argmax(-1) == batch.targets
    network.train(was_training)
    count = np.full(len(nats), nats.shape[1])
    return np.column_stack([nats.sum(1).double().cpu().numpy(), right.sum(1).cpu().numpy(), count])


def _judge(tokens: Shards, tokenizer: Tokenizer, length: int, recipe: PretrainRecipe, most: int) -> GapJudge:
    return GapJudge([*_held_out(tokens, tokenizer, length, recipe, most)])


def _held_out(
    tokens: Tokens, tokenizer: Tokenizer, length: int, recipe: PretrainRecipe, most: int
) -> Iterator[Batch]:
    length = held_out_length(tokens, length, len(tokens) + 1)
    plain = recipe.replaced({"mask.static": False, "mask.whole_words": False})
    gaps = _gaps(tokenizer, JUDGED_SHARE, JUDGED_SHARE, plain)
    return judged_rows(_masked(tokens, tokenizer, length, gaps, recipe.seed), most, recipe.seed)


def judged_rows(rows: Masked | Spans, most: int, seed: int) -> Iterator[Batch]:
    """At most so many rows, with gaps that never change."""
    starts = drawn_windows(np.arange(0, len(rows.tokens) - rows.inner + 1, rows.inner), most, seed)
    size = max(_TOKENS_AT_ONCE // rows.length, 1)
    for start in range(0, len(starts), size):
        chosen: IntArray = starts[start : start + size]
        yield rows.batch(chosen, derive(seed, "judged gaps", int(chosen[0])))


def held_out_length(tokens: Tokens, length: int, most: int) -> int:
    """Tokens of a row that is judged on: as when it learns, where the text is long enough.

    Raises DataError for hardly any text.
    """
    if most < SHORTEST_ROW:
        raise DataError(
            f"{len(tokens):,} tokens are too few to measure on", hint="Give a file with more text."
        )
    return min(length, most)


def _scores(
    model: LanguageModel, tokens: Tokens, recipe: PretrainRecipe, most: int
) -> tuple[dict[str, Score], dict[str, Any]]:
    batches = _held_out(tokens, model.tokenizer, model.length, recipe, max(most // model.length, 1))
    return scores_of_gaps(model.network, batches, JUDGED_SHARE, recipe.seed)


def scores_of_gaps(
    network: nn.Module, batches: Iterator[Batch], share: float, seed: int
) -> tuple[dict[str, Score], dict[str, Any]]:
    """Perplexity and accuracy of what is told, with intervals over rows."""
    sums = GroupedSums(3)
    for batch in batches:
        sums.add(told(network, batch))
    _, nats, right, count = sums.total()
    drawn = sums.resampled(1000, generator(seed, "measure", "masked"))[:, 1:]
    n = sums.num_rows
    perplexity = np.exp(drawn[:, 0] / np.maximum(drawn[:, 2], 1))
    accuracy = drawn[:, 1] / np.maximum(drawn[:, 2], 1)
    scores = {
        "perplexity": make_score(float(np.exp(nats / count)), perplexity, n, "lower"),
        "accuracy": share_score(float(right / count), accuracy, n),
    }
    return scores, {"told": int(count), "share_told": share, "rows": n}


OBJECTIVE = Objective(framed, END, _rows, _judge, _scores)
