"""The first layer that all own networks share: token ids to vectors, initial vectors, and dropout on them.

Shapes: D width, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textwright.core.errors import ModelError
from textwright.models.base import Shape


def build_embedding(shape: Shape, width: int, *, limit: float | None, freeze: bool) -> nn.Embedding:
    """A table of vectors (V, width) in which the row of the padding id is zero and stays so.

    It starts from `shape.embeddings` (V, D) where given; else the vectors are uniform in (-limit, limit), or
    N(0, 1) without a limit. `freeze` keeps them as they start. Raises ModelError when the given ones have
    another size.
    """
    table = nn.Embedding(shape.vocabulary, width, padding_idx=shape.pad_id)
    with torch.no_grad():
        if shape.embeddings is not None:
            table.weight.copy_(_checked(shape.embeddings, (shape.vocabulary, width)))
        elif limit is not None:
            table.weight.uniform_(-limit, limit)
        table.weight[shape.pad_id] = 0.0
    table.weight.requires_grad_(not freeze)
    return table


def locked_dropout(x: Tensor, p: float, *, time: int, training: bool) -> Tensor:
    """Drop whole features of a row, the same ones at all steps of the dimension `time` (arXiv:1512.05287)."""
    if not training or p == 0:
        return x
    kept = F.dropout(torch.ones_like(x.select(time, 0)), p)
    return x * kept.unsqueeze(time)


def _checked(embeddings: object, size: tuple[int, int]) -> Tensor:
    vectors_VD = torch.as_tensor(embeddings)
    found = tuple(vectors_VD.shape)
    if len(found) != 2 or found[0] != size[0]:
        raise ModelError(
            f"initial embeddings: found the shape {found} for a vocabulary of {size[0]} tokens",
            hint="Give one vector per token, in the order of the vocabulary.",
        )
    if found[1] != size[1]:
        raise ModelError(
            f"initial embeddings: each vector has {found[1]} numbers, the setting 'embedding' says {size[1]}",
            hint=f"Use: --set model.embedding={found[1]}",
        )
    return vectors_VD
