"""`transformer`: an encoder of a Hugging Face class that starts from nothing, sized by the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    ModernBertConfig,
    PreTrainedConfig,
    RobertaConfig,
)

from textwright.core.errors import ModelError
from textwright.models.base import Architecture, Shape
from textwright.models.transformer.network import Encoder, head_of
from textwright.models.transformer.settings import TransformerSettings, TypeName

_HEAD_SIZE = 32
_LEAST_POSITIONS = 32


def _bert(s: TransformerSettings, shape: Shape) -> PreTrainedConfig:
    return BertConfig(
        **_classic(s), max_position_embeddings=int(s.positions), type_vocab_size=1, **_ids(shape)
    )


def _roberta(s: TransformerSettings, shape: Shape) -> PreTrainedConfig:
    # RoBERTa counts positions from the padding id on.
    positions = int(s.positions) + shape.pad_id + 1
    return RobertaConfig(**_classic(s), max_position_embeddings=positions, type_vocab_size=1, **_ids(shape))


def _modernbert(s: TransformerSettings, shape: Shape) -> PreTrainedConfig:
    return ModernBertConfig(
        **_sizes(s),
        hidden_activation=s.activation,
        max_position_embeddings=int(s.positions),
        attention_dropout=s.dropout,
        mlp_dropout=s.dropout,
        embedding_dropout=s.dropout,
        classifier_dropout=s.dropout,
        classifier_pooling="mean",
        cls_token_id=None,
        sep_token_id=None,
        **_ids(shape),
    )


CONFIGS: Mapping[TypeName, Callable[[TransformerSettings, Shape], PreTrainedConfig]] = MappingProxyType(
    {"bert": _bert, "roberta": _roberta, "modernbert": _modernbert}
)


def _classic(s: TransformerSettings) -> dict[str, Any]:
    return {
        **_sizes(s),
        "hidden_act": s.activation,
        "hidden_dropout_prob": s.dropout,
        "attention_probs_dropout_prob": s.dropout,
    }


def _sizes(s: TransformerSettings) -> dict[str, Any]:
    return {
        "hidden_size": int(s.width),
        "num_hidden_layers": int(s.layers),
        "num_attention_heads": int(s.heads),
        "intermediate_size": int(s.inner),
    }


def _ids(shape: Shape) -> dict[str, Any]:
    return {
        "vocab_size": shape.vocabulary,
        "pad_token_id": shape.pad_id,
        "bos_token_id": None,
        "eos_token_id": None,
        **head_of(shape),
    }


def sized(
    settings: TransformerSettings, num_rows: int, num_tokens: int, longest: int
) -> tuple[TransformerSettings, dict[str, str]]:
    """Every `auto` size as a number, with the reason; `longest` is the longest row in tokens."""
    layers, width = (2, 128) if num_tokens < 1_000_000 else (4, 192) if num_tokens < 10_000_000 else (6, 256)
    found = {"layers": layers, "width": width, "positions": max(longest, _LEAST_POSITIONS)}
    values = {k: v for k, v in found.items() if getattr(settings, k) == "auto"}
    made = settings.replaced(values)
    inner = 4 * int(made.width)
    rest = {"inner": inner, "heads": _heads(int(made.width), made.type)}
    made = made.replaced({k: v for k, v in rest.items() if getattr(made, k) == "auto"})
    reason = f"{made.layers} layers of width {made.width} for {num_tokens:,} tokens in {num_rows:,} rows"
    return made, {"model.size": f"{reason}; texts up to {made.positions} tokens"} if values else {}


def _heads(width: int, type: TypeName) -> int:
    """As many of the usual size as fit in; those of modernbert are even."""
    step = 2 if type == "modernbert" else 1
    return next(h for h in range(max(width // _HEAD_SIZE, 1), 0, -1) if width % (h * step) == 0)


def build(settings: TransformerSettings, shape: Shape) -> Encoder:
    """The network, with first weights from torch's global generator.

    Raises ModelError for sizes that the class refuses.

    >>> small = TransformerSettings(width=32, layers=1, heads=2, inner=64, positions=16)
    >>> network = build(small, Shape(vocabulary=10, num_outputs=3, labels=("a", "b", "c")))
    >>> ids = torch.tensor([[3, 4, 7], [5, 0, 0]])
    >>> network(ids, ids > 0).logits.shape
    torch.Size([2, 3])
    """
    try:
        model = AutoModelForSequenceClassification.from_config(CONFIGS[settings.type](settings, shape))
    except (ValueError, TypeError) as error:
        raise ModelError(f"transformer: {str(error).splitlines()[0]}", hint="Choose other sizes.") from None
    network = Encoder(model, shape)
    if shape.embeddings is not None:
        _start_from(network, shape)
    return network


@torch.no_grad()
def _start_from(network: Encoder, shape: Shape) -> None:
    table: Any = network.model.get_input_embeddings().weight
    given = torch.as_tensor(shape.embeddings)
    if given.ndim != 2 or given.shape[1] != table.shape[1]:
        raise ModelError(
            f"initial embeddings: found the shape {tuple(given.shape)}, the width is {table.shape[1]}",
            hint=f"Use: --set model.width={given.shape[-1]}",
        )
    table[: len(given)] = given  # the tokens that frame a text have no vectors of their own


ARCHITECTURE = Architecture(
    name="transformer",
    summary="an encoder of BERT's, RoBERTa's or ModernBERT's layers that starts from nothing",
    kind="encoder",
    settings=TransformerSettings,
    build=build,
    rate=5e-4,
)
