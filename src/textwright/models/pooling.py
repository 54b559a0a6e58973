"""From one vector per token to one vector per row. Padding never counts; a row without tokens gives zeros.

Shapes: B batch, T time, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

PoolingName = Literal["last", "mean", "max", "attention"]


class Pooled(NamedTuple):
    """One vector per row (B, D); and, from attention, the weight of each token (B, T)."""

    vector_BD: Tensor
    weights_BT: Tensor | None = None


class Pooling(nn.Module):
    """Base of the poolings, built with the width D and the number of directions that share it (1 or 2).

    Called with `x_BTD` and `mask_BT` (true where there is a token; padding on the right).
    """

    def __init__(self, width: int, num_directions: int = 1) -> None:
        super().__init__()
        self.width, self.num_directions = width, num_directions


class LastPooling(Pooling):
    """The final state: at the last token and, for a backward direction (second half of D), at the first."""

    def forward(self, x_BTD: Tensor, mask_BT: Tensor) -> Pooled:
        rows_B = torch.arange(len(x_BTD), device=x_BTD.device)
        last_B = mask_BT.sum(1).sub(1).clamp(min=0)
        split = self.width // self.num_directions
        final_BD = torch.cat([x_BTD[rows_B, last_B, :split], x_BTD[:, 0, split:]], dim=1)
        return Pooled(final_BD * mask_BT[:, :1])


class MeanPooling(Pooling):
    """The mean over the tokens."""

    def forward(self, x_BTD: Tensor, mask_BT: Tensor) -> Pooled:
        return Pooled(weighted_sum(mask_BT / mask_BT.sum(1, keepdim=True).clamp(min=1), x_BTD))


class MaxPooling(Pooling):
    """The greatest value of each feature over the tokens."""

    def forward(self, x_BTD: Tensor, mask_BT: Tensor) -> Pooled:
        return Pooled(masked_max(x_BTD, mask_BT))


class AttentionPooling(Pooling):
    """A weighted mean, with weights from additive attention with a learned query; it returns them too.

    After Bahdanau et al. (arXiv:1409.0473) and, for a whole text, Yang et al. 2016 (ACL N16-1174).
    """

    def __init__(self, width: int, num_directions: int = 1) -> None:
        super().__init__(width, num_directions)
        self.key = nn.Linear(width, width)
        self.query = nn.Linear(width, 1, bias=False)

    def forward(self, x_BTD: Tensor, mask_BT: Tensor) -> Pooled:
        scores_BT = self.query(torch.tanh(self.key(x_BTD))).squeeze(-1).float()
        # The lowest finite number and not -inf: without any token the softmax of -inf would be NaN.
        scores_BT = scores_BT.masked_fill(~mask_BT, torch.finfo(torch.float32).min)
        weights_BT = scores_BT.softmax(1) * mask_BT
        return Pooled(weighted_sum(weights_BT, x_BTD), weights_BT)


POOLINGS: Mapping[PoolingName, type[Pooling]] = MappingProxyType(
    {"last": LastPooling, "mean": MeanPooling, "max": MaxPooling, "attention": AttentionPooling}
)


def masked_max(x_BTD: Tensor, mask_BT: Tensor) -> Tensor:
    """The greatest value of each feature (B, D) where the mask is true; zero for a row that is all masked."""
    best_BD = x_BTD.masked_fill(~mask_BT.unsqueeze(-1), -torch.inf).amax(1)
    return best_BD.masked_fill(~mask_BT.any(1, keepdim=True), 0.0)


def weighted_sum(weights_BT: Tensor, x_BTD: Tensor) -> Tensor:
    """The sum over time of the vectors, each times its weight: (B, D)."""
    return torch.bmm(weights_BT.to(x_BTD.dtype).unsqueeze(1), x_BTD).squeeze(1)
