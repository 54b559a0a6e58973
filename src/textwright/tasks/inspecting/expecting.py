"""What a model expects at each place of a text, and how likely it finds the token that stands there.

Shapes: T tokens of a text, P places (T, and one more after the text for a model that writes), B rows at once,
V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from textwright.tasks.writing.model import LanguageModel

_TOKENS_AT_ONCE = 8_192
# What is likelier than these is shown by name.
LIKELIEST = 10


@torch.no_grad()
def log_shares(model: LanguageModel, ids: Sequence[int]) -> Tensor:
    """The log-probabilities (P, V) of all tokens at each place of a text.

    For a model that writes they follow from the tokens before, as in `objectives.causal`, and the last place
    is after the text; one that fills gaps sees all other tokens, each place hidden in turn.
    """
    logits = _of_next(model, ids) if model.architecture.objective == "causal" else _of_hidden(model, ids)
    return logits.float().log_softmax(-1)


def _of_next(model: LanguageModel, ids: Sequence[int]) -> Tensor:
    row = torch.tensor([[model.vocabulary.start_id, *ids]], device=model.device)
    logits: Tensor = model.network(row, torch.ones_like(row, dtype=torch.bool)).logits[0]
    return logits


def _of_hidden(model: LanguageModel, ids: Sequence[int]) -> Tensor:
    row = torch.tensor([model.vocabulary.start_id, *ids, model.vocabulary.end_id], device=model.device)
    size = max(_TOKENS_AT_ONCE // len(row), 1)
    parts = []
    for start in range(1, len(ids) + 1, size):
        places = torch.arange(start, min(start + size, len(ids) + 1), device=model.device)
        rows = row.repeat(len(places), 1)
        rows.scatter_(1, places[:, None], int(model.vocabulary.mask_id or 0))
        shown = torch.ones_like(rows, dtype=torch.bool)
        parts.append(model.network(rows, shown, places[:, None]).logits[:, 0])
    return torch.cat(parts)


def token_records(model: LanguageModel, ids: Sequence[int], shares_PV: Tensor) -> list[dict[str, Any]]:
    """For each token of the text its probability, what it costs in bits, and its rank: 1 is the likeliest."""
    own = torch.tensor(ids, device=shares_PV.device)[:, None]
    shares_TV = shares_PV[: len(ids)]
    logs = shares_TV.gather(1, own)
    ranks = (shares_TV > logs).sum(1) + 1
    return [
        {
            "token": name_of(model, token),
            "probability": rounded(math.exp(log)),
            "bits": rounded(-log / math.log(2)),
            "rank": rank,
        }
        for token, log, rank in zip(ids, logs[:, 0].double().tolist(), ranks.tolist(), strict=True)
    ]


def place_records(
    model: LanguageModel, tokens: Sequence[dict[str, Any]], shares_PV: Tensor, places: Sequence[int]
) -> list[dict[str, Any]]:
    """For each of these places, counted from 1, the likeliest tokens, and what all others have together.

    `true` is the token that stands there, one of `tokens`; null after the text.
    """
    chosen = shares_PV[torch.tensor(places, device=shares_PV.device) - 1].double().exp()
    found = chosen.topk(min(LIKELIEST, chosen.shape[1]), -1)
    return [
        {
            "place": place,
            "true": tokens[place - 1] if place <= len(tokens) else None,
            "likeliest": [
                {"token": name_of(model, token), "probability": rounded(share)}
                for token, share in zip(names, shares, strict=True)
            ],
            "others": rounded(max(1 - sum(shares), 0.0)),
        }
        for place, names, shares in zip(places, found.indices.tolist(), found.values.tolist(), strict=True)
    ]


def name_of(model: LanguageModel, token: int) -> str:
    """A token as a person reads it; by its number in the room that some checkpoints have left."""
    pieces = model.tokenizer.pieces
    return pieces[token] if token < len(pieces) else f"#{token}"


def rounded(value: float) -> float:
    """Six digits that say something, however small a number is.

    >>> rounded(0.123456789), rounded(1.23456789e-9)
    (0.123457, 1.23457e-09)
    """
    return float(f"{value:.6g}")
