"""Attention chosen by length, for Hugging Face classes that let it be chosen.

Up to 512 tokens two products and a softmax are quicker on a CPU, forward and backward, than the fused kernel;
above it the fused kernel is. Measured in docs/log.md.

Shapes: B batch, H heads, T time, K head size.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textwright.models.fast.dropout import fast_dropout

NAME = "textwright"
_LONGEST_EXPLICIT = 512


def attend(
    module: nn.Module,
    query_BHTK: Tensor,
    key_BHTK: Tensor,
    value_BHTK: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **unused: Any,
) -> tuple[Tensor, Tensor | None]:
    """The Hugging Face attention interface: (B, T, H, K), and the weights (B, H, T, T) when they exist.

    `attention_mask` (B or 1, 1, T, T) is added to the scores, or is true where a token may be looked at.
    """
    scaling = query_BHTK.shape[-1] ** -0.5 if scaling is None else scaling
    dropout = dropout if module.training else 0.0
    if key_BHTK.shape[2] > _LONGEST_EXPLICIT:
        mask = attention_mask
        if mask is not None and mask.dtype != torch.bool:
            mask = mask.to(query_BHTK.dtype)
        out_BHTK = F.scaled_dot_product_attention(
            query_BHTK, key_BHTK, value_BHTK, attn_mask=mask, dropout_p=dropout, scale=scaling
        )
        return out_BHTK.transpose(1, 2).contiguous(), None
    scores_BHTT = torch.matmul(query_BHTK * scaling, key_BHTK.transpose(2, 3))
    if attention_mask is not None:
        scores_BHTT = _masked(scores_BHTT, attention_mask)
    weights_BHTT = scores_BHTT.softmax(-1)
    kept_BHTT = fast_dropout(weights_BHTT, dropout) if dropout else weights_BHTT
    out_BHTK = torch.matmul(kept_BHTT.to(value_BHTK.dtype), value_BHTK)
    return out_BHTK.transpose(1, 2).contiguous(), weights_BHTT


def _masked(scores_BHTT: Tensor, mask: Tensor) -> Tensor:
    if mask.dtype == torch.bool:
        return scores_BHTT.masked_fill(~mask, torch.finfo(scores_BHTT.dtype).min)
    # A mask made for float32 has its lowest number, which is minus infinity in bfloat16: clamped, no row of
    # padding becomes NaN.
    return scores_BHTT + mask.clamp(min=torch.finfo(scores_BHTT.dtype).min).to(scores_BHTT.dtype)


def use(model: Any) -> bool:
    """Let a Hugging Face model attend by `attend`; False when its class has an attention of its own."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    from textwright.models.transformer.quiet import quiet

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, eager_mask)
    try:
        with quiet():  # what it would say is found out below
            model.set_attn_implementation(NAME)
    except (ValueError, ImportError, AttributeError):
        return False
    return bool(model.config._attn_implementation == NAME)
