"""Telling the next token; and what a text costs, by one protocol for every model.

A document is told from the token that parts documents on, in windows that do not overlap: each begins with
the last token of the one before. So every byte is told once, and from as many tokens before it as there are
between it and the beginning of its window.

Shapes: W windows, T tokens of a window, B batch, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from textwright.core.ragged import IntArray
from textwright.core.records import Score
from textwright.core.seeds import generator
from textwright.learn.loop import Judgement
from textwright.learn.packed import Packed, Tokens
from textwright.measure.language import LanguageMeter
from textwright.tasks.pretraining.objectives.base import Objective
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.writing.model import LanguageModel
from textwright.text.documents.shards import Shards
from textwright.text.tokenizers import Tokenizer
from textwright.text.tokenizers.framed import END_OF_TEXT, ended
from textwright.text.tokenizers.pieces import line_ends

# With fewer documents than these an interval is one over windows.
LEAST_DOCUMENTS = 20
_TOKENS_AT_ONCE = 8_192
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class CausalJudge:
    """Windows of held-out tokens (W, T + 1); `by_byte` is how many tokens a byte has there, on average."""

    rows: NDArray[np.int64]
    by_byte: float

    @property
    def num_windows(self) -> int:
        return len(self.rows)

    def judged(self, network: nn.Module) -> Judgement:
        """By bits per byte."""
        nats, told = 0.0, 0
        for ids in _cut(self.rows):
            cost = costs(network, ids)
            nats, told = nats + float(cost.sum()), told + cost.size
        bits = nats / told / np.log(2) * self.by_byte
        return Judgement(bits, {"bits_per_byte": bits})


def _rows(tokens: Shards, tokenizer: Tokenizer, length: int, recipe: PretrainRecipe) -> Packed:
    ends = line_ends(tokenizer.pieces) if tokens.about["stretches"] else ()
    return Packed(tokens, length, ends)


def _judge(
    tokens: Shards, tokenizer: Tokenizer, length: int, recipe: PretrainRecipe, most: int
) -> CausalJudge:
    length = min(length, len(tokens) - 1)
    starts = drawn_windows(np.arange(0, len(tokens) - length, length), most, recipe.seed)
    return CausalJudge(tokens.take(starts, length + 1), len(tokens) / max(int(tokens.about["bytes"]), 1))


def drawn_windows(starts: IntArray, most: int, seed: int) -> IntArray:
    """All of them, or a fixed part that is drawn once."""
    if len(starts) <= most:
        return starts
    return np.sort(generator(seed, "judged windows").choice(starts, most, replace=False))


def _scores(
    model: LanguageModel, tokens: Tokens, recipe: PretrainRecipe, most: int
) -> tuple[dict[str, Score], dict[str, Any]]:
    """Of the first held-out documents, as many tokens as there is time for."""
    documents, seen = [], 0
    for ids in documents_of(tokens, model.vocabulary.end_id):
        documents.append(ids[: most - seen])
        seen += len(documents[-1])
        if seen >= most:
            break
    meter = measured(model, documents)
    return meter.scores(), meter.details()


@torch.no_grad()
def costs(network: nn.Module, ids: NDArray[np.int64]) -> FloatArray:
    """The nats (B, T) of each token of the rows (B, T + 1) but the first."""
    was_training = network.training
    network.eval()
    device = next(network.parameters()).device
    rows = torch.from_numpy(np.ascontiguousarray(ids)).to(device)
    inputs = rows[:, :-1]
    logits = network(inputs, torch.ones_like(inputs, dtype=torch.bool)).logits
    found = F.cross_entropy(logits.flatten(0, 1).float(), rows[:, 1:].flatten(), reduction="none")
    network.train(was_training)
    return found.view(inputs.shape).double().cpu().numpy()


def _cut(rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    size = max(_TOKENS_AT_ONCE // rows.shape[1], 1)
    return (rows[start : start + size] for start in range(0, len(rows), size))


def measured(model: LanguageModel, documents: Iterable[IntArray]) -> LanguageMeter:
    """What documents of tokens cost a causal model.

    The parts of the meter are documents, or the windows of all where there are fewer than twenty documents.
    """
    network, length, sizes = model.network, model.length, model.tokenizer.piece_sizes
    parts: list[FloatArray] = []
    number = 0
    for rows, told, numbers in _batches(documents, model.vocabulary.start_id, length):
        cost = costs(network, rows)
        is_told = np.arange(cost.shape[1]) < told[:, None]
        of_bytes = sizes[rows[:, 1:]] * is_told
        parts.append(np.column_stack([numbers, (cost * is_told).sum(1), told, of_bytes.sum(1)]))
        number = max(number, int(numbers.max()) + 1)
    meter = LanguageMeter()
    table = np.concatenate(parts) if parts else np.zeros((0, 4))
    if number >= LEAST_DOCUMENTS:
        place = table[:, 0].astype(np.int64)
        table = np.column_stack(
            [np.arange(number), *(np.bincount(place, table[:, k], number) for k in (1, 2, 3))]
        )
    meter.update(table[:, 1], table[:, 2], table[:, 3])
    return meter


Windows = tuple[NDArray[np.int64], IntArray, IntArray]


def _batches(documents: Iterable[IntArray], start_id: int, length: int) -> Iterator[Windows]:
    """Windows (B, T + 1) padded with the first id, how many tokens of each are told, and its document."""
    size = max(_TOKENS_AT_ONCE // length, 1)
    held: list[tuple[int, IntArray]] = []
    for number, ids in enumerate(documents):
        whole = np.concatenate([[start_id], ids])
        for start in range(0, len(whole) - 1, length):
            held.append((number, whole[start : start + length + 1]))
            if len(held) == size:
                yield _padded(held)
                held = []
    if held:
        yield _padded(held)


def _padded(held: list[tuple[int, IntArray]]) -> Windows:
    longest = max(len(ids) for _, ids in held)
    rows = np.zeros((len(held), longest), np.int64)
    for row, (_, ids) in zip(rows, held, strict=True):
        row[: len(ids)] = ids
    told = np.array([len(ids) - 1 for _, ids in held])
    return rows, told, np.array([number for number, _ in held])


def documents_of(tokens: Tokens, end_id: int) -> Iterator[IntArray]:
    """The documents of one long row, without the token that stands before each."""
    whole = tokens.take(np.array([0]), len(tokens))[0]
    for ids in np.split(whole, np.flatnonzero(whole == end_id)):
        ids = ids[1:] if len(ids) and ids[0] == end_id else ids
        if len(ids):
            yield ids


OBJECTIVE = Objective(ended, END_OF_TEXT, _rows, _judge, _scores)
