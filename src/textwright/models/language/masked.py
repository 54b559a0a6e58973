"""Models that fill gaps from both sides: BERT, RoBERTa, ModernBERT.

Shapes: B batch, T time, K places that are told, V vocabulary, D width.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor, nn
from transformers import (
    AutoModelForMaskedLM,
    BertConfig,
    ModernBertConfig,
    PreTrainedConfig,
    PreTrainedModel,
    RobertaConfig,
)

from textwright.models.language.base import LanguageArchitecture, Vocabulary
from textwright.models.language.settings import LanguageSettings
from textwright.models.output import Output
from textwright.models.transformer.reading import read_checkpoint

# What makes logits of the vectors of the body, by the class: the layers one after the other.
_HEADS = {
    "bert": ("cls",),
    "roberta": ("lm_head",),
    "modernbert": ("head", "decoder"),
}


class MaskedModel(nn.Module):
    """Called with `input_ids` (B, T), `attention_mask` (B, T) and `places` (B, K); answers (B, K, V).

    Only the places that are told go through the head, which is most of the work where a vocabulary is
    large. Without `places` all do: (B, T, V).
    """

    casts_head = True

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model
        self._head = _HEADS[str(model.config.model_type)]

    def forward(self, input_ids: Tensor, attention_mask: Tensor, places: Tensor | None = None) -> Output:
        mask = None if bool(attention_mask.all()) else attention_mask.long()
        vectors_BTD = self.model.base_model(input_ids=input_ids, attention_mask=mask)[0]
        if places is not None:
            index_BKD = places.unsqueeze(-1).expand(-1, -1, vectors_BTD.shape[-1])
            vectors_BTD = vectors_BTD.gather(1, index_BKD)
        for name in self._head:
            vectors_BTD = getattr(self.model, name)(vectors_BTD)
        return Output(vectors_BTD)


def _bert(s: LanguageSettings, ids: dict[str, Any]) -> PreTrainedConfig:
    return BertConfig(**_classic(s), max_position_embeddings=int(s.positions), type_vocab_size=1, **ids)


def _roberta(s: LanguageSettings, ids: dict[str, Any]) -> PreTrainedConfig:
    # RoBERTa counts positions from the padding id on.
    positions = int(s.positions) + int(ids["pad_token_id"]) + 1
    return RobertaConfig(**_classic(s), max_position_embeddings=positions, type_vocab_size=1, **ids)


def _modernbert(s: LanguageSettings, ids: dict[str, Any]) -> PreTrainedConfig:
    return ModernBertConfig(
        **s.named(),
        max_position_embeddings=int(s.positions),
        attention_dropout=s.dropout,
        mlp_dropout=s.dropout,
        embedding_dropout=s.dropout,
        classifier_pooling="mean",
        cls_token_id=ids["bos_token_id"],
        sep_token_id=ids["eos_token_id"],
        **ids,
    )


def _classic(s: LanguageSettings) -> dict[str, Any]:
    return {
        **s.named(),
        "hidden_act": "gelu",
        "hidden_dropout_prob": s.dropout,
        "attention_probs_dropout_prob": s.dropout,
    }


def build(
    config: Callable[[LanguageSettings, dict[str, Any]], PreTrainedConfig],
    settings: LanguageSettings,
    vocabulary: Vocabulary,
) -> MaskedModel:
    """The network of a config.

    >>> import torch
    >>> small = LanguageSettings(width=32, layers=1, positions=16).sized()
    >>> network = BERT.build(small, Vocabulary(size=50, pad_id=0, start_id=47, end_id=48, mask_id=49))
    >>> ids = torch.tensor([[47, 4, 49, 48]])
    >>> network(ids, ids > 0, torch.tensor([[2]])).logits.shape
    torch.Size([1, 1, 50])
    """
    return MaskedModel(AutoModelForMaskedLM.from_config(config(settings, vocabulary.named())))


def _read(folder: Any) -> MaskedModel:
    return MaskedModel(read_checkpoint(AutoModelForMaskedLM, folder))


def _length(config: Any) -> int:
    offset = int(config.pad_token_id) + 1 if config.model_type == "roberta" else 0
    return int(config.max_position_embeddings) - offset


def _entry(name: str, summary: str, config: Any) -> LanguageArchitecture:
    return LanguageArchitecture(name, summary, "masked", partial(build, config), _read, _length)


BERT = _entry("bert", "BERT's layers", _bert)
ROBERTA = _entry("roberta", "RoBERTa's layers: BERT's, with a head of its own", _roberta)
MODERNBERT = _entry(
    "modernbert", "ModernBERT's layers: rotary positions, gated, near and far attention", _modernbert
)
