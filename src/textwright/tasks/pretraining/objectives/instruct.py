"""Answering prompts: responses are told, each token from the prompt and what stands before it.

Prompts are read and not learned. A score is of responses that were held out, with their ends: what a byte of
their text costs, over conversations.

Shapes: B rows, T tokens of the longest row.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from textwright.core.ragged import IntArray
from textwright.core.records import Score
from textwright.learn.batches import in_order
from textwright.learn.loop import Judgement
from textwright.learn.objectives import UNTOLD, told_token
from textwright.learn.packed import Tokens
from textwright.learn.told import Told
from textwright.measure.language import LanguageMeter
from textwright.tasks.pretraining.objectives.base import Making, Objective
from textwright.tasks.pretraining.objectives.causal import drawn_windows
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.writing.model import LanguageModel, frame_of
from textwright.text.conversations import tokens as conversations
from textwright.text.conversations.reading import Asked, read_conversations
from textwright.text.documents.reading import Documents
from textwright.text.documents.shards import Shards
from textwright.text.documents.tokens import TokenCorpus
from textwright.text.rowlog import RowLog
from textwright.text.tokenizers import Tokenizer
from textwright.text.tokenizers.framed import END_OF_TEXT, ended
from textwright.text.tokenizers.turns import with_turns

_TOKENS_AT_ONCE, _ROWS_AT_ONCE = 8_192, 256


@dataclass(frozen=True)
class InstructJudge:
    """Held-out rows; `sizes` (V,) are the bytes that tokens stand for."""

    rows: Told
    chosen: IntArray
    sizes: NDArray[np.int64]

    @property
    def num_windows(self) -> int:
        return len(self.chosen)

    def judged(self, network: nn.Module) -> Judgement:
        """By bits per byte of responses."""
        nats, _, size = measured(network, self.rows, self.chosen, self.sizes).sum(0)
        bits = float(nats / max(size, 1) / np.log(2))
        return Judgement(bits, {"bits_per_byte": bits})


def finished(tokenizer: Tokenizer) -> Tokenizer:
    """With the token that ends a text, and those of the frame."""
    return with_turns(ended(tokenizer))


def told_rows(tokens: Tokens, tokenizer: Tokenizer) -> Told:
    """The conversations of one long row of tokens."""
    rows, is_told = frame_of(tokenizer).rows(tokens.take(np.array([0]), len(tokens))[0])
    return Told(rows, is_told, tokenizer.pad_id)


def making(tokenizer: Tokenizer, length: int) -> conversations.Making:
    """How conversations become tokens of a tokenizer that is there: a row tells what follows each of its
    first `length` tokens.
    """
    return conversations.Making(tokenizer, finished, frame_of, length + 1)


def _build(documents: Documents, folder: Path, asked: Making) -> TokenCorpus:
    log, recipe = RowLog(), asked.recipe
    found = read_conversations(documents.files, Asked(recipe.data.prompt, recipe.data.response), log)
    made = conversations.Making(asked.tokenizer, finished, frame_of, asked.length + 1, recipe.seed)
    return conversations.build_turns(found, folder, made, log)


def _rows(tokens: Shards, tokenizer: Tokenizer, length: int, recipe: PretrainRecipe) -> Told:
    return told_rows(tokens, tokenizer)


def _judge(
    tokens: Shards, tokenizer: Tokenizer, length: int, recipe: PretrainRecipe, most: int
) -> InstructJudge:
    rows = told_rows(tokens, tokenizer)
    chosen = drawn_windows(np.arange(len(rows)), most, recipe.seed)
    return InstructJudge(rows, chosen, tokenizer.piece_sizes)


def _scores(
    model: LanguageModel, tokens: Tokens, recipe: PretrainRecipe, most: int
) -> tuple[dict[str, Score], dict[str, Any]]:
    """Of the first held-out conversations, as many tokens as there is time for."""
    rows = told_rows(tokens, model.tokenizer)
    lengths = rows.tokens.lengths
    chosen = np.flatnonzero(np.cumsum(lengths) - lengths < most)
    meter = LanguageMeter()
    meter.update(*measured(model.network, rows, chosen, model.tokenizer.piece_sizes).T)
    return meter.scores(), {**meter.details(), "rows": len(chosen)}


@torch.no_grad()
def measured(
    network: nn.Module, rows: Told, chosen: IntArray, sizes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Of each chosen row (B, 3): the nats of its responses, their tokens and their bytes."""
    was_training = network.training
    network.eval()
    out = np.zeros((len(chosen), 3))
    for places in in_order(rows.lengths_of(chosen), _ROWS_AT_ONCE, _TOKENS_AT_ONCE):
        batch = rows.batch(chosen[places]).to(str(next(network.parameters()).device))
        logits = network(*batch.inputs).logits
        nats = F.cross_entropy(
            logits.flatten(0, 1).float(), batch.targets.flatten(), ignore_index=UNTOLD, reduction="none"
        )
        targets = batch.targets.cpu().numpy()
        is_told = targets != UNTOLD
        out[places, 0] = nats.view(batch.targets.shape).double().sum(1).cpu().numpy()
        out[places, 1] = is_told.sum(1)
        out[places, 2] = (sizes[np.where(is_told, targets, 0)] * is_told).sum(1)
    network.train(was_training)
    return out


OBJECTIVE = Objective(
    finished, END_OF_TEXT, _rows, _judge, _scores, build=_build, loss=told_token, is_padded=True
)
