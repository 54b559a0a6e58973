"""LoRA: low-rank additions to linear layers, which learn in the place of these (arXiv:2106.09685)."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from textwright.core.errors import ConfigError
from textwright.models.transformer.head import is_head

Network = TypeVar("Network", bound=nn.Module)


def peft() -> Any:
    """The package that makes the additions. Raises ConfigError when it is missing."""
    try:
        import peft
    except ImportError:
        raise ConfigError(
            "model.tune=lora needs the package peft", hint='pip install "textwright[lora]"'
        ) from None
    return peft


def add_lora(model: PreTrainedModel, rank: int) -> None:
    """Freeze the body of a model and add to every linear layer of it, in place.

    The additions are drawn from torch's global generator, and change nothing before they learn. Raises
    ConfigError when peft is missing, or for a body without linear layers.
    """
    made, body = peft(), model.base_model
    last = model.get_output_embeddings()  # T5's stands in its body
    body.requires_grad_(False)
    targets = [
        name
        for name, part in body.named_modules()
        if isinstance(part, nn.Linear | Conv1D)
        and part is not last
        and not is_head(f"{model.base_model_prefix}.{name}", model)
    ]
    if not targets:
        raise ConfigError(
            f"model.tune=lora: {type(model).__name__} has no linear layers in its body to add to",
            hint="Use: --set model.tune=full, or model.tune=head",
        )
    config = made.LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules=targets,
        fan_in_fan_out=isinstance(body.get_submodule(targets[0]), Conv1D),  # GPT-2's lie the other way
    )
    made.inject_adapter_in_model(config, body)


def merged(network: Network) -> Network:
    """The network as its class has it: what was added becomes part of the weights that it belongs to.

    It is a copy where something was added. Layers with additions are those that can `merge` and tell their
    `get_base_layer`.
    """
    added = [name for name, part in network.named_modules() if hasattr(part, "get_base_layer")]
    if not added:
        return network
    whole = copy.deepcopy(network)
    for name in added:
        layer: Any = whole.get_submodule(name)
        layer.merge()
        whole.set_submodule(name, layer.get_base_layer())
    return whole
