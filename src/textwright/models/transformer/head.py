"""The head of a checkpoint: which weights belong to it, and whether its outputs mean the labels asked for.

Shapes: C outputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

NEW = "drawn anew"


def is_head(key: str, model: PreTrainedModel) -> bool:
    """Whether a weight lies outside the body, or in a pooler, which stands between the body and the head.

    Only such weights may be missing from a checkpoint.
    """
    first, *rest = key.split(".")
    return first != model.base_model_prefix or rest[0] == "pooler"


def last_layer(model: PreTrainedModel) -> tuple[str, nn.Linear] | None:
    """The linear layer that makes the outputs, with its name."""
    found = [
        (name, part)
        for name, part in model.named_modules()
        if isinstance(part, nn.Linear)
        and is_head(name, model)
        and part.out_features == model.config.num_labels
    ]
    return found[-1] if found else None


@torch.no_grad()
def fit_head(model: PreTrainedModel, config: Mapping[str, Any], labels: Sequence[str], is_new: bool) -> str:
    """Make the outputs mean `labels` (none: a score), and say how.

    `config` is the checkpoint's. A head of the same labels gets its rows in their new order; one of others is
    drawn anew, however many they are. `is_new` says that it has been: the checkpoint held none that fits.
    """
    found = last_layer(model)
    if is_new or found is None:
        return NEW
    _, layer = found
    before = labels_of(config)
    if not labels or before == list(labels):
        return "that of the checkpoint"
    if sorted(before) == sorted(labels):
        order = [before.index(label) for label in labels]
        for weights in layer.parameters():
            weights.copy_(weights[order].clone())
        return "that of the checkpoint, its labels in our order"
    nn.init.normal_(layer.weight, std=getattr(model.config, "initializer_range", 0.02))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return f"{NEW}: that of the checkpoint is for {', '.join(before[:3])}{' ...' if len(before) > 3 else ''}"


def labels_of(config: Mapping[str, Any]) -> list[str]:
    """What a checkpoint calls its outputs, in order; the library's own names when it says nothing."""
    names = {int(place): str(name) for place, name in (config.get("id2label") or {}).items()}
    return [name for _, name in sorted(names.items())] or ["LABEL_0", "LABEL_1"]
