"""Integrated gradients: the gradient times input, averaged on the way from a text of nothing to this one.

Follows Sundararajan et al. (arXiv:1703.01365). The weights of a text add up to its answer minus the answer to
nothing (completeness), but for the error of a sum of points instead of the integral. So that error can be
seen: sixteen points (of Gauss and Legendre) do for most texts, and where they do not, more are taken.

Shapes: B batch, T time, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from textwright.tasks.explaining.base import Focus, Method, Read, TokenEngine, Weighed, reads_tokens
from textwright.tasks.explaining.vectors import Entrance, TokenBatch, slope_at, value_of, weigh_batches
from textwright.tasks.trainers.base import Engine

POINTS = (16, 64, 256)
_UNSURE = frozenset({"gpt2", "qwen3"})
# Off by more than this share of the weights (or, for float32, than so much) asks for more points.
TOLERANCE, NOISE = 0.02, 1e-5


def weigh(engine: TokenEngine, texts: Sequence[str], focus: Focus) -> list[Weighed]:
    """The weights on the way from [PAD] in the place of every token; what frames the text stays."""
    nothing = engine.tokenizer.pad_id
    read = Read.by(engine, texts)
    return weigh_batches(engine, read, lambda net, batch: _weights(net, batch, focus, nothing, POINTS))


def _weights(
    network: nn.Module, batch: TokenBatch, focus: Focus, nothing: int, points: tuple[int, ...]
) -> Tensor:
    """(B, T) with the first of `points`; the rows for which these are too few with the next."""
    with Entrance(network) as entrance:
        start_BTD, end_BTD, difference_B = _ends(entrance, network, batch, focus, nothing)
        total_BTD = torch.zeros_like(end_BTD)
        for place, share in zip(*_points(points[0]), strict=True):
            entrance.given = start_BTD + place * (end_BTD - start_BTD)
            total_BTD += share * slope_at(entrance, network, batch, focus)
    weights_BT = (total_BTD * (end_BTD - start_BTD)).sum(2)
    error_B = (weights_BT.sum(1) - difference_B).abs()
    is_off_B = error_B > TOLERANCE * weights_BT.abs().sum(1) + NOISE
    if len(points) > 1 and is_off_B.any():
        weights_BT[is_off_B] = _weights(network, batch.take(is_off_B), focus, nothing, points[1:])
    return weights_BT


@torch.no_grad()
def _ends(
    entrance: Entrance, network: nn.Module, batch: TokenBatch, focus: Focus, nothing: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Vectors (B, T, D) with nothing for every token, those of the texts, and how the answers differ (B,)."""
    network(batch.ids_BT.masked_fill(batch.is_text_BT, nothing), batch.mask_BT)
    empty_BTD = entrance.vectors_BTD
    answer_B = value_of(network, batch, focus)
    full_BTD = entrance.vectors_BTD
    entrance.given = torch.where(batch.is_text_BT.unsqueeze(2), empty_BTD, full_BTD)
    return entrance.given, full_BTD, answer_B - value_of(network, batch, focus)


def _points(number: int) -> tuple[list[float], list[float]]:
    """Places between 0 and 1, and the share of each in the integral."""
    places, shares = np.polynomial.legendre.leggauss(number)
    return ((places + 1) / 2).tolist(), (shares / 2).tolist()


def refusal(engine: Engine) -> str:
    """The way from nothing to a text would have to be gone by all of its chunks at once.

    What small decoders did not pass is refused: gpt2 was off by 6 % with all points (1 text of 16), as
    vectors near zero pass its first norm; qwen3 put the word that decided first in 10 of 13 texts only.
    """
    model: Any = getattr(getattr(engine, "network", None), "model", None)
    kind = model.config.model_type if hasattr(model, "config") else ""
    if kind in _UNSURE:
        return f"{engine.architecture} of the kind {kind} has no way from nothing that can be relied on"
    if isinstance(engine, TokenEngine) and engine.long.is_chunked:
        return f"{engine.architecture} reads long texts in chunks, each of which has a way of its own"
    return reads_tokens(engine)


METHOD = Method(refusal=refusal, weigh=weigh)
