"""Linear layers, norms and activations for CTranslate2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from textwright.core.errors import ConfigError
from textwright.tasks.rewriting.engines.ctranslate2 import library

_ACTIVATIONS = {
    "relu": "RELU",
    "gelu": "GELU",
    "gelu_new": "GELUTanh",
    "gelu_pytorch_tanh": "GELUTanh",
    "silu": "SWISH",
    "swish": "SWISH",
}


def activation(name: str) -> Any:
    """Raises ConfigError for one that CTranslate2 does not have."""
    if name not in _ACTIVATIONS:
        raise ConfigError(
            f"ctranslate2 has no activation {name!r}", hint=f"It has {', '.join(_ACTIVATIONS)}."
        )
    return getattr(library().specs.Activation, _ACTIVATIONS[name])


def fused(part: Any, layers: Sequence[Any], *, is_self: bool) -> None:
    """Queries, keys and values as one product, or as one and two where keys are of another text."""
    groups = [layers] if is_self else [layers[:1], layers[1:]]
    for made, group in zip(part.linear, groups, strict=False):
        made.weight = torch.cat([layer.weight for layer in group]).detach()
        if group[0].bias is not None:
            made.bias = torch.cat([layer.bias for layer in group]).detach()


def linear(part: Any, layer: Any) -> None:
    part.weight = layer.weight.detach().clone()
    if layer.bias is not None:
        part.bias = layer.bias.detach().clone()


def norm(part: Any, layer: Any) -> None:
    """One without a mean has no `beta`."""
    part.gamma = layer.weight.detach().clone()
    if getattr(layer, "bias", None) is not None:
        part.beta = layer.bias.detach().clone()


def embedded(part: Any, layer: Any) -> None:
    """The table of tokens of an encoder, which may have several, or of a decoder."""
    table = part.embeddings[0] if isinstance(part.embeddings, list) else part.embeddings
    table.weight = layer.weight.detach().clone()
