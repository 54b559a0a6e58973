"""LSTM layers that read one sequence and tell another with attention, whose class is our own.

One stack reads from both sides, another tells, and what its last layer says asks where to look (the general
score of arXiv:1508.04025). What was found is not fed to the next token, as it is there: so every layer goes
over all tokens in one call of its kernel. Asking by the first layer instead was told worse (docs/log.md). One
table of vectors serves both texts and the last layer.

`AutoConfig`, `AutoModel` and `AutoModelForSeq2SeqLM` know the class where this module was imported.

Shapes: B batch, S tokens that are read, T tokens that are told, D width of a token, H numbers of a state,
V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from pydantic import field_validator, model_validator
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, AutoModelForSeq2SeqLM, GenerationMixin, PreTrainedConfig
from transformers import initialization as init
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

from textwright.models.embedding import locked_dropout
from textwright.models.language.base import LanguageArchitecture, Vocabulary
from textwright.models.language.head import Deferred
from textwright.models.language.lstm import LSTMPreTrainedModel, LSTMSettings, State
from textwright.models.language.settings import LanguageSettings
from textwright.models.output import Output
from textwright.models.recurrent import RecurrentLayer, mirror_of
from textwright.models.transformer.reading import read_checkpoint

_UNTOLD = -100


class LSTMPairsSettings(LSTMSettings):
    """`layers` are those that read, and as many tell; a state is read from each side in one of its halves."""

    @field_validator("heads")
    @classmethod
    def _has_none(cls, heads: Any) -> Any:
        if heads != "auto":
            raise ValueError("the attention of an lstm has no heads")
        return heads

    @model_validator(mode="after")
    def _both_sides_share_a_state(self) -> Self:
        if isinstance(self.inner, int) and self.inner % 2:
            raise ValueError(f"inner {self.inner} cannot be shared among two directions")
        return self

    def num_products(self) -> int:
        """Four gates a layer on both sides, what begins to tell, the keys, and the last product."""
        layers, width, inner = int(self.layers), int(self.width), int(self.inner)
        read = 4 * inner * (width + inner // 2 + (layers - 1) * 3 * inner // 2)
        told = 4 * inner * (width + inner + (layers - 1) * 2 * inner)
        return read + told + layers * inner**2 // 2 + inner**2 + 2 * inner * width


class LSTMPairsConfig(PreTrainedConfig):
    """The sizes of a model: `hidden_size` is the width of a token, `intermediate_size` that of a state;
    `num_hidden_layers` read, and as many tell; `max_position_embeddings` are the tokens of a side that it
    learned from.
    """

    model_type = "lstm_pairs"

    vocab_size: int = 256
    hidden_size: int = 128
    intermediate_size: int = 256
    num_hidden_layers: int = 2
    max_position_embeddings: int = 256
    dropout: float = 0.0
    is_encoder_decoder: bool = True
    decoder_start_token_id: int | None = None
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | None = None
    tie_word_embeddings: bool = True


@dataclass(frozen=True)
class Telling:
    """What goes on from token to token: the state of each layer that tells, and the keys (B, S, H) of what
    was read.
    """

    layers: State
    keys_BSH: Tensor


@dataclass
class PairsOutput(Seq2SeqLMOutput):
    """As the library has it, with the state after the last token that was told."""

    state: Telling | None = None


class LSTMPairsPreTrainedModel(LSTMPreTrainedModel):
    """What the classes share: how the first weights are drawn."""

    config_class: Any = LSTMPairsConfig

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Embedding):  # it is multiplied by the root of the width where tokens come in
            init.normal_(module.weight, std=module.embedding_dim**-0.5)
        elif isinstance(module, nn.LayerNorm):
            init.ones_(module.weight)
            init.zeros_(module.bias)
        else:
            super()._init_weights(module)


class Reading(nn.Module):
    """Tokens (B, S) to what each is, read from both sides (B, S, H): the first half from the left."""

    def __init__(self, config: LSTMPairsConfig) -> None:
        super().__init__()
        self.dropout = config.dropout
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        inner = config.intermediate_size
        widths = [config.hidden_size] + [inner] * (config.num_hidden_layers - 1)
        self.layers = nn.ModuleList(RecurrentLayer(nn.LSTM, width, inner // 2, 2) for width in widths)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **unused: Any
    ) -> BaseModelOutput:
        """Raises ValueError for padding before a text, which would be read."""
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        if not bool(mask[:, 0].all()):
            raise ValueError("an LSTM reads from the left: padding must stand behind a text")
        mirror, x_SBD = mirror_of(mask.long()), self.embedded(input_ids.T)
        for layer in self.layers:
            x_SBD = layer(locked_dropout(x_SBD, self.dropout, time=0, training=self.training), mirror)
        return BaseModelOutput(last_hidden_state=x_SBD.transpose(0, 1).contiguous())

    def embedded(self, ids: Tensor) -> Tensor:
        """The vectors of tokens, whose numbers are about one where they come in."""
        vectors: Tensor = self.embed_tokens(ids)
        return vectors * vectors.shape[-1] ** 0.5


class TellingStack(nn.Module):
    """Vectors (B, T, D) of tokens to those of the next ones, from what was read."""

    def __init__(self, config: LSTMPairsConfig) -> None:
        super().__init__()
        self.dropout = config.dropout
        width, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
        self.begin = nn.Linear(inner // 2, layers * inner, bias=False)
        self.key = nn.Linear(inner, inner, bias=False)
        self.layers = nn.ModuleList(
            nn.LSTM(inner if number else width, inner, batch_first=True) for number in range(layers)
        )
        self.projection = nn.Linear(2 * inner, width, bias=False)
        self.norm = nn.LayerNorm(width)

    def begun(self, read_BSH: Tensor) -> Telling:
        """Before the first token: from what the first place is, read from the right (arXiv:1409.0473)."""
        half = read_BSH.shape[2] // 2
        first = torch.tanh(self.begin(read_BSH[:, 0, half:])).chunk(len(self.layers), 1)
        layers = [(said.unsqueeze(0).contiguous(), torch.zeros_like(said).unsqueeze(0)) for said in first]
        return Telling(layers, self.key(read_BSH))

    def forward(
        self, x_BTD: Tensor, read_BSH: Tensor, mask_BS: Tensor | None, state: Telling | None = None
    ) -> tuple[Tensor, Telling, Tensor]:
        """The vectors, the state after the last token, and the weights (B, T, S) of what was looked at."""
        state = self.begun(read_BSH) if state is None else state
        said_BTH, after = x_BTD, []
        for layer, before in zip(self.layers, state.layers, strict=True):
            said_BTH, last = layer(self._dropped(said_BTH), before)
            after.append(last)
        weights_BTS = _weights(said_BTH, state.keys_BSH, mask_BS)
        seen_BTH = torch.bmm(weights_BTS.to(read_BSH.dtype), read_BSH)
        both = self._dropped(torch.cat([said_BTH, seen_BTH], 2))
        vectors_BTD = self._dropped(self.norm(self.projection(both)))
        return vectors_BTD, replace(state, layers=after), weights_BTS

    def _dropped(self, x_BTD: Tensor) -> Tensor:
        return locked_dropout(x_BTD, self.dropout, time=1, training=self.training)


def _weights(asked_BTH: Tensor, keys_BSH: Tensor, mask_BS: Tensor | None) -> Tensor:
    """Shares of what was read; none of padding."""
    scores_BTS = torch.bmm(asked_BTH, keys_BSH.transpose(1, 2))
    if mask_BS is not None:
        lowest = torch.finfo(scores_BTS.dtype).min
        scores_BTS = scores_BTS.masked_fill(~mask_BS.bool().unsqueeze(1), lowest)
    return scores_BTS.softmax(-1)


class LSTMPairsModel(LSTMPairsPreTrainedModel):
    """Both stacks, without the last layer."""

    def __init__(self, config: LSTMPairsConfig) -> None:
        super().__init__(config)
        self.encoder, self.decoder = Reading(config), TellingStack(config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        return self.encoder.embed_tokens

    def set_input_embeddings(self, value: Any) -> None:
        self.encoder.embed_tokens = value

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        encoder_outputs: Any = None,
        state: Telling | None = None,
        **unused: Any,
    ) -> PairsOutput:
        """`logits` are left out. What is told goes on from `state`, or begins."""
        if encoder_outputs is None:
            encoder_outputs = self.encoder(input_ids, attention_mask)
        read_BSH = encoder_outputs[0]
        mask = None if attention_mask is None or bool(attention_mask.all()) else attention_mask
        told: Any = decoder_input_ids
        vectors, state, weights = self.decoder(self.encoder.embedded(told), read_BSH, mask, state)
        return PairsOutput(
            encoder_last_hidden_state=read_BSH,
            decoder_hidden_states=(vectors,),
            cross_attentions=(weights,),
            state=state,
        )


class LSTMPairsForConditionalGeneration(LSTMPairsPreTrainedModel, GenerationMixin):
    """Tokens that are read (B, S) and told (B, T) to logits (B, T, V) of the next ones."""

    _tied_weights_keys = {"lm_head.weight": "model.encoder.embed_tokens.weight"}  # noqa: RUF012  (as there)

    def __init__(self, config: LSTMPairsConfig) -> None:
        super().__init__(config)
        self.model = LSTMPairsModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        encoder_outputs: Any = None,
        state: Telling | None = None,
        labels: Tensor | None = None,
        **unused: Any,
    ) -> PairsOutput:
        """With `labels` (B, T), -100 where nothing is told, the loss as well; they are told from where no
        others are. `cross_attentions` are the weights (B, T, S) of what was looked at.
        """
        if decoder_input_ids is None and labels is not None:
            decoder_input_ids = self._shifted(labels)
        made = self.model(input_ids, attention_mask, decoder_input_ids, encoder_outputs, state)
        made.logits = self.lm_head(made.decoder_hidden_states[0])
        if labels is not None:
            # What the library takes for the loss of a class of this name is of the token after.
            flat, wanted = made.logits.flatten(0, 1).float(), labels.flatten()
            made.loss = F.cross_entropy(flat, wanted, ignore_index=_UNTOLD)
        return made

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, state: Telling | None = None, **given: Any
    ) -> dict[str, Any]:
        """Of the tokens that were told the last, where there is a state of those before it."""
        kept = {key: given.get(key) for key in ("attention_mask", "encoder_outputs")}
        told = input_ids if state is None else input_ids[:, -1:]
        return {**kept, "decoder_input_ids": told, "state": state}

    def _update_model_kwargs_for_generation(
        self, outputs: Any, model_kwargs: dict[str, Any], *args: Any, **more: Any
    ) -> dict[str, Any]:
        made: dict[str, Any] = super()._update_model_kwargs_for_generation(
            outputs, model_kwargs, *args, **more
        )
        return {**made, "state": outputs.state}

    @staticmethod
    def _reorder_cache(state: Telling, beams: Tensor) -> Telling:
        """The states of the beams that are gone on with; keys are those of the text, for all its beams."""
        return replace(
            state,
            layers=[
                (said.index_select(1, beams), cell.index_select(1, beams)) for said, cell in state.layers
            ],
        )

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        return False

    def _shifted(self, labels_BT: Tensor) -> Tensor:
        start = torch.full_like(labels_BT[:, :1], self.config.decoder_start_token_id)
        told = torch.cat([start, labels_BT[:, :-1]], 1)
        return told.masked_fill(told == _UNTOLD, self.config.pad_token_id)


class RecurrentPairsModel(nn.Module):
    """Called with `input_ids` (B, S), `attention_mask` (B, S) and `told` (B, T), each of which tells the next
    token; answers an Output of (B, T, V).

    While it learns the logits are `Deferred`.
    """

    casts_by_autocast = True

    def __init__(self, model: LSTMPairsForConditionalGeneration) -> None:
        super().__init__()
        self.model = model
        for layer in model.modules():
            if isinstance(layer, nn.LSTM):
                # torch adds up two biases; learning both would double the step of their sum.
                layer.bias_hh_l0.requires_grad_(False)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, told: Tensor) -> Output:
        made, head = self.model.model(input_ids, attention_mask, told), self.model.lm_head
        vectors_BTD = made.decoder_hidden_states[0]
        if not self.training:
            return Output(head(vectors_BTD))
        device = vectors_BTD.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else head.weight.dtype
        return Output(Deferred(vectors_BTD, head.weight, None, dtype))


AutoConfig.register(LSTMPairsConfig.model_type, LSTMPairsConfig)
AutoModel.register(LSTMPairsConfig, LSTMPairsModel)
AutoModelForSeq2SeqLM.register(LSTMPairsConfig, LSTMPairsForConditionalGeneration)


def build(settings: LanguageSettings, vocabulary: Vocabulary) -> RecurrentPairsModel:
    """The network, with first weights from torch's global generator.

    >>> small = LSTMPairsSettings(width=32).sized()
    >>> network = build(small, Vocabulary(size=50, pad_id=1, start_id=0, end_id=2)).eval()
    >>> ids = torch.tensor([[3, 4, 7, 2]])
    >>> network(ids, ids > 0, torch.tensor([[2, 9]])).logits.shape
    torch.Size([1, 2, 50])
    """
    config = LSTMPairsConfig(
        hidden_size=int(settings.width),
        intermediate_size=int(settings.inner),
        num_hidden_layers=int(settings.layers),
        max_position_embeddings=int(settings.positions),
        dropout=settings.dropout,
        decoder_start_token_id=vocabulary.end_id,
        **vocabulary.named(),
    )
    return RecurrentPairsModel(LSTMPairsForConditionalGeneration(config))


def _read(folder: Any) -> RecurrentPairsModel:
    model: Any = read_checkpoint(LSTMPairsForConditionalGeneration, folder)
    return RecurrentPairsModel(model)


LSTM_PAIRS = LanguageArchitecture(
    "lstm-pairs",
    "LSTM layers: one stack reads, another tells with attention; of translation and summaries alone, where "
    "lstm means this",
    "pairs",
    build,
    _read,
    model_type=LSTMPairsConfig.model_type,
    settings=LSTMPairsSettings,
    memory="state",
)
