"""The attention weights of a model of the Hugging Face library, by its own plain attention.

Shapes: L layers, B batch, H heads, T time.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from textwright.core.errors import ConfigError

_PLAIN = "eager"


@torch.no_grad()
def attention_weights(model: Any, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """The weights of all layers (L, B, H, T, T), from each token (rows) to each (columns).

    Raises ConfigError for a class without: some look only nearby, or mix by other means.
    """
    rows, length = ids_BT.shape
    layers: Any = _asked(model, ids_BT, mask_BT) or (None,)
    for weights in layers:
        shape = tuple(getattr(weights, "shape", ()))
        if len(shape) != 4 or (shape[0], *shape[2:]) != (rows, length, length):
            raise ConfigError(
                f"{type(model).__name__} has no attention weights from each token to each",
                hint="Explain by another method, such as gradient.",
            )
    return torch.stack([weights.float() for weights in layers])


def _asked(model: Any, ids_BT: Tensor, mask_BT: Tensor) -> Any:
    """What the model answers when it is asked for its weights; other ways to attend keep none."""
    before = model.config._attn_implementation
    model.set_attn_implementation(_PLAIN)
    try:
        found = model(input_ids=ids_BT, attention_mask=mask_BT.long(), output_attentions=True)
    finally:
        model.set_attn_implementation(before)
    return getattr(found, "attentions", None)
