"""Models that tell each token from those before it: GPT-2, NanoChat, Qwen3.

Shapes: B batch, T time, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    NanoChatConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen3Config,
)

from textwright.models.language.settings import LanguageSettings
from textwright.models.output import Output


class LanguageModel(nn.Module):
    """Called with `input_ids` (B, T) and a mask that is all true; answers an Output of (B, T, V)."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Output:
        return Output(self.model(input_ids=input_ids, use_cache=False).logits)


def _gpt2(s: LanguageSettings, ids: dict[str, Any]) -> PreTrainedConfig:
    return GPT2Config(
        n_embd=int(s.width),
        n_layer=int(s.layers),
        n_head=int(s.heads),
        n_inner=int(s.inner),
        n_positions=int(s.positions),
        resid_pdrop=s.dropout,
        embd_pdrop=s.dropout,
        attn_pdrop=s.dropout,
        **ids,
    )


def _nanochat(s: LanguageSettings, ids: dict[str, Any]) -> PreTrainedConfig:
    return NanoChatConfig(**_sizes(s), num_key_value_heads=int(s.heads), attention_dropout=s.dropout, **ids)


def _qwen3(s: LanguageSettings, ids: dict[str, Any]) -> PreTrainedConfig:
    # Its second part has three matrices where others have two.
    sizes = {**_sizes(s), "intermediate_size": 2 * int(s.inner) // 3}
    return Qwen3Config(
        **sizes,
        num_key_value_heads=int(s.heads),
        head_dim=int(s.width) // int(s.heads),
        attention_dropout=s.dropout,
        tie_word_embeddings=True,
        **ids,
    )


def _sizes(s: LanguageSettings) -> dict[str, Any]:
    return {
        "hidden_size": int(s.width),
        "num_hidden_layers": int(s.layers),
        "num_attention_heads": int(s.heads),
        "intermediate_size": int(s.inner),
        "max_position_embeddings": int(s.positions),
    }


CONFIGS: Mapping[str, Callable[[LanguageSettings, dict[str, Any]], PreTrainedConfig]] = MappingProxyType(
    {"gpt2": _gpt2, "nanochat": _nanochat, "qwen3": _qwen3}
)


def build(
    name: str, settings: LanguageSettings, *, vocabulary: int, pad_id: int, end_id: int
) -> LanguageModel:
    """The network, with first weights from torch's global generator; `auto` sizes are resolved.

    >>> import torch
    >>> network = build("nanochat", LanguageSettings(width=32, layers=1), vocabulary=50, pad_id=0, end_id=49)
    >>> ids = torch.tensor([[3, 4, 7]])
    >>> network(ids, ids > 0).logits.shape
    torch.Size([1, 3, 50])
    """
    ids = {"vocab_size": vocabulary, "pad_token_id": pad_id, "bos_token_id": end_id, "eos_token_id": end_id}
    return LanguageModel(AutoModelForCausalLM.from_config(CONFIGS[name](settings.sized(), ids)))
