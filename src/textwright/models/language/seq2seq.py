"""Models that read one sequence and tell another: M2M100's class.

Shapes: B batch, S tokens that are read, T tokens that are told, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForSeq2SeqLM, M2M100Config, M2M100ForConditionalGeneration, PreTrainedModel

from textwright.models.fast.linear import CAST
from textwright.models.language.base import LanguageArchitecture, Vocabulary
from textwright.models.language.head import Deferred
from textwright.models.language.settings import LanguageSettings
from textwright.models.output import Output
from textwright.models.transformer.reading import read_checkpoint

# Fewer layers tell than read, but no fewer than these: reading is done once, telling for each token.
_LEAST_DECODER_LAYERS = 4
# Of the dropout in the layers, what falls on attention: what is looked at is more easily lost.
_OF_ATTENTION = 1 / 3


class Seq2SeqSettings(LanguageSettings):
    """`layers` are those that read."""

    @property
    def decoder_layers(self) -> int:
        return min(int(self.layers), max(int(self.layers) // 2, _LEAST_DECODER_LAYERS))

    def num_products(self) -> int:
        """A layer that tells looks at what was read as well: four matrices more.

        >>> [kind(size="tiny").sized().num_products() for kind in (LanguageSettings, Seq2SeqSettings)]
        [786432, 1835008]
        """
        width, inner = int(self.width), int(self.inner)
        return super().num_products() + self.decoder_layers * (8 * width**2 + 2 * width * inner)


class Seq2SeqModel(nn.Module):
    """Called with `input_ids` (B, S), `attention_mask` (B, S) and `told` (B, T), each of which tells the next
    token; answers an Output of (B, T, V).

    While it learns the logits are `Deferred`.
    """

    casts_head = True

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, told: Tensor) -> Output:
        mask = None if bool(attention_mask.all()) else attention_mask.long()
        body, head = self.model.base_model, self.model.get_output_embeddings()
        vectors_BTD = body(
            input_ids=input_ids, attention_mask=mask, decoder_input_ids=told, use_cache=False
        ).last_hidden_state
        if not self.training:
            return Output(head(vectors_BTD))
        weight: Any = head.weight
        dtype = torch.bfloat16 if isinstance(head, CAST) else weight.dtype
        return Output(Deferred(vectors_BTD, weight, None, dtype))


def build(settings: LanguageSettings, vocabulary: Vocabulary) -> Seq2SeqModel:
    """The network of the sizes; layers norm first, positions are sines, one table for all three ends.

    >>> small = Seq2SeqSettings(width=32, layers=1).sized()
    >>> network = M2M100.build(small, Vocabulary(size=50, pad_id=1, start_id=0, end_id=2, mask_id=49))
    >>> ids = torch.tensor([[3, 4, 49, 2]])
    >>> network.eval()(ids, ids > 0, torch.tensor([[2, 49, 7]])).logits.shape
    torch.Size([1, 3, 50])
    """
    layers, heads, inner = int(settings.layers), int(settings.heads), int(settings.inner)
    config = M2M100Config(
        d_model=int(settings.width),
        encoder_layers=layers,
        decoder_layers=Seq2SeqSettings(layers=layers).decoder_layers,
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        encoder_ffn_dim=inner,
        decoder_ffn_dim=inner,
        encoder_layerdrop=0.0,
        decoder_layerdrop=0.0,
        dropout=settings.dropout,
        attention_dropout=_OF_ATTENTION * settings.dropout,
        activation_dropout=0.0,
        max_position_embeddings=int(settings.positions),
        scale_embedding=True,
        decoder_start_token_id=vocabulary.end_id,
        **vocabulary.named(),
    )
    model = M2M100ForConditionalGeneration(config)
    table: Any = model.get_input_embeddings()
    with torch.no_grad():  # it is multiplied by the root of the width where tokens come in
        table.weight.normal_(0.0, config.d_model**-0.5)
        table.weight[config.pad_token_id].zero_()
    return Seq2SeqModel(model)


def _read(folder: Any) -> Seq2SeqModel:
    return Seq2SeqModel(read_checkpoint(AutoModelForSeq2SeqLM, folder))


M2M100 = LanguageArchitecture(
    "m2m100",
    "M2M100's layers: one stack reads, another tells; what translations are learned with",
    "denoise",
    build,
    _read,
    model_type="m2m_100",
    settings=Seq2SeqSettings,
)
