"""Which tokens a model takes for alike: those whose vectors, as they enter the model, point the same way.

Shapes: Q tokens that are asked about, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from textwright.tasks.inspecting.expecting import name_of, rounded
from textwright.tasks.writing.model import LanguageModel
from textwright.text.tokenizers.pieces import is_fragment

MOST_ASKED, NEAREST = 20, 8
_TINY = 1e-12


def nearest_record(model: LanguageModel, ids: Sequence[int]) -> dict[str, Any]:
    """For the first distinct tokens of a text the nearest others by cosine; `distinct` counts them all.

    Special tokens and parts of characters are left out, as tokens and as neighbours.
    """
    weights_VD: Tensor = model.model.get_input_embeddings().weight.detach()
    is_shown_V = _shown(model, len(weights_VD)).to(weights_VD.device)
    distinct = [token for token in dict.fromkeys(ids) if is_shown_V[token]]
    asked = distinct[:MOST_ASKED]
    tokens = []
    if asked:
        cosines_QV = cosines(weights_VD, asked)
        cosines_QV[:, ~is_shown_V] = -torch.inf
        cosines_QV[torch.arange(len(asked)), torch.tensor(asked)] = -torch.inf
        found = cosines_QV.topk(min(NEAREST, max(int(is_shown_V.sum()) - 1, 0)), -1)
        for token, names, values in zip(asked, found.indices.tolist(), found.values.tolist(), strict=True):
            near = [
                {"token": name_of(model, name), "cosine": rounded(value)}
                for name, value in zip(names, values, strict=True)
            ]
            tokens.append({"token": name_of(model, token), "nearest": near})
    return {"distinct": len(distinct), "tokens": tokens}


def cosines(weights_VD: Tensor, asked: Sequence[int]) -> Tensor:
    """The cosines (Q, V) of some rows with all rows."""
    weights_VD = weights_VD.float()
    lengths_V = weights_VD.norm(dim=1).clamp_min(_TINY)
    asked_Q = torch.tensor(asked, device=weights_VD.device)
    found: Tensor = weights_VD[asked_Q] @ weights_VD.t() / lengths_V[asked_Q, None] / lengths_V
    return found


def _shown(model: LanguageModel, size: int) -> Tensor:
    """Which of the `size` rows of a table are tokens that mean something by themselves."""
    tokenizer = model.tokenizer
    special = set(tokenizer.frame.special.values())
    whole = [
        bool(num_bytes) and piece not in special and not is_fragment(piece)
        for piece, num_bytes in zip(tokenizer.pieces, tokenizer.piece_sizes.tolist(), strict=True)
    ]
    return torch.tensor([*whole, *([False] * (size - len(whole)))][:size])
