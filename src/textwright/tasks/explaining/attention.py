"""Attention: where the model looked. That is not why it answered as it did (arXiv:1902.10186).

For a recurrent network these are the weights of its pooling (arXiv:1409.0473), for an encoder or a decoder
those of the last layer, averaged over the heads, that lead to what is read out of it.

Shapes: B batch, T time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from textwright.core.errors import ConfigError
from textwright.models.pooling import AttentionPooling
from textwright.tasks.explaining.base import Focus, Method, Read, TokenEngine, Weighed
from textwright.tasks.explaining.vectors import TokenBatch, at_rest, weigh_batches
from textwright.tasks.trainers.base import Engine

_PROBE = 8  # tokens


def weigh(engine: TokenEngine, texts: Sequence[str], focus: Focus) -> list[Weighed]:
    """Weights that are never negative, and add up to one with those of the frame.

    Those in a chunk are scaled by how much the chunk counts for the answer.
    """
    read, look = Read.by(engine, texts), _of_encoder if _is_encoder(engine.network) else _of_pooling
    votes = torch.from_numpy(read.votes(engine, focus))

    def shares(network: Any, batch: TokenBatch) -> Tensor:
        weights_BT = look(network, batch)
        return weights_BT * votes[batch.texts].to(weights_BT)[:, None]

    return weigh_batches(engine, read, shares)


@torch.no_grad()
def _of_pooling(network: Any, batch: TokenBatch) -> Tensor:
    weights_BT: Tensor = network(batch.ids_BT, batch.mask_BT).token_weights
    return weights_BT


def _of_encoder(network: Any, batch: TokenBatch) -> Tensor:
    """From [CLS], from the last token, or averaged over all tokens, as the model reads."""
    weights_BTT: Tensor = network.attention(batch.ids_BT, batch.mask_BT)[-1].mean(1)
    if network.reads_last:
        rows_B = torch.arange(len(weights_BTT), device=weights_BTT.device)
        return weights_BTT[rows_B, batch.mask_BT.sum(1) - 1]
    if getattr(network.model.config, "classifier_pooling", "cls") != "mean":
        return weights_BTT[:, 0]
    is_token_BT1 = batch.mask_BT.unsqueeze(2)
    mean_BT: Tensor = (weights_BTT * is_token_BT1).sum(1) / is_token_BT1.sum(1)
    return mean_BT


def refusal(engine: Engine) -> str:
    network: Any = getattr(engine, "network", None)
    if _is_encoder(network):
        return _refusal_of_encoder(network)
    if isinstance(getattr(network, "pooling", None), AttentionPooling):
        return ""
    pooling = getattr(getattr(network, "settings", None), "pooling", None)
    return f"{engine.architecture}{f' with pooling {pooling!r}' if pooling else ''} has no attention"


def _refusal_of_encoder(network: Any) -> str:
    """Seen by looking: whether a class gives its weights, and for which tokens, is written nowhere."""
    device = next(network.parameters()).device
    ids_BT = torch.arange(_PROBE, device=device)[None] % len(network.model.get_input_embeddings().weight)
    try:
        with at_rest(network):
            network.attention(ids_BT, torch.ones_like(ids_BT, dtype=torch.bool))
    except ConfigError as error:
        return error.message
    return ""


def _is_encoder(network: object) -> bool:
    return hasattr(network, "attention")


METHOD = Method(refusal=refusal, weigh=weigh)
