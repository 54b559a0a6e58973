"""Where the heads of a model look: from each token to each. That is not why it answers (arXiv:1902.10186)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from textwright.core.errors import ConfigError
from textwright.models.transformer.attention import attention_weights
from textwright.tasks.inspecting.expecting import name_of
from textwright.tasks.writing.model import LanguageModel

# More tokens than these cannot be told apart on a page; the maps of larger models would be too many.
MOST_TOKENS, MOST_LAYERS, MOST_HEADS = 24, 12, 16
_DIGITS = 4


def attention_record(model: LanguageModel, ids: Sequence[int]) -> dict[str, Any]:
    """The weights of every head on the first tokens of a text, read by themselves: rows add up to one.

    `layers` are spread from the first to the last where there are too many; without attention weights there
    are none, and `why` says so.
    """
    row = framed(model, ids)
    read = torch.tensor([row], device=model.device)
    names, num_read = [name_of(model, token) for token in row], min(len(ids), _room(model))
    record: dict[str, Any] = {"tokens": names, "num_read": num_read, "layers": [], "why": None}
    if model.architecture.is_recurrent:
        return {**record, "num_layers": 0, "num_heads": 0, "why": _why(model)}
    try:
        weights = attention_weights(model.model, read, torch.ones_like(read))[:, 0].double().cpu().numpy()
    except ConfigError as error:
        return {**record, "num_layers": 0, "num_heads": 0, "why": error.message}
    num_layers, num_heads = weights.shape[:2]
    chosen = np.unique(np.linspace(0, num_layers - 1, min(num_layers, MOST_LAYERS)).round().astype(int))
    layers = [
        {"layer": layer + 1, "heads": weights[layer, :MOST_HEADS].round(_DIGITS).tolist()}
        for layer in chosen.tolist()
    ]
    return {**record, "layers": layers, "num_layers": num_layers, "num_heads": num_heads}


def _why(model: LanguageModel) -> str:
    name = model.architecture.name
    return f"this {name} carries a state from token to token, and has no attention heads"


def framed(model: LanguageModel, ids: Sequence[int]) -> list[int]:
    """The first tokens of a text with what stands around a text."""
    start, end = model.vocabulary.start_id, model.vocabulary.end_id
    first = [start, *ids[: _room(model)]]
    return first if model.architecture.objective == "causal" else [*first, end]


def _room(model: LanguageModel) -> int:
    """How many tokens of a text are read here, beside what stands around it."""
    return MOST_TOKENS - (1 if model.architecture.objective == "causal" else 2)
