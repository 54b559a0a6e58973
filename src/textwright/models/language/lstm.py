"""A language model of LSTM layers, whose class is our own: the library has none.

It takes from AWD-LSTM (arXiv:1708.02182) what costs no time: one table for both ends, a state that is wider
than the vectors of the tokens, and dropout of the same numbers at each step. `AutoConfig`, `AutoModel` and
`AutoModelForCausalLM` know the class where this module was imported.

Shapes: B batch, T time, D width of a token, H numbers of a state, V vocabulary.
"""

from __future__ import annotations

from typing import Any, Self

import torch
from pydantic import field_validator
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import BaseModelOutput, CausalLMOutput

from textwright.models.embedding import locked_dropout
from textwright.models.language.base import LanguageArchitecture, Vocabulary
from textwright.models.language.head import Deferred
from textwright.models.language.settings import SIZES, LanguageSettings
from textwright.models.output import Output
from textwright.models.transformer.reading import read_checkpoint

# Of each layer what it says of the last token and its cell, (1, B, H) each.
State = list[tuple[Tensor, Tensor]]
_LAYERS = 2
_EMBEDDING_LIMIT = 0.1


class LSTMSettings(LanguageSettings):
    """Two layers, and states twice as wide as the vectors of tokens, where nobody says otherwise."""

    @field_validator("heads")
    @classmethod
    def _has_none(cls, heads: Any) -> Any:
        if heads != "auto":
            raise ValueError("an lstm has no attention heads")
        return heads

    def sized(self) -> Self:
        """Every `auto` as a number, but `heads`: there are none.

        >>> LSTMSettings(size="tiny").sized().inner, LSTMSettings(layers=3).sized().layers
        (256, 3)
        """
        size = SIZES["small" if self.size == "auto" else self.size]
        width = size.width if self.width == "auto" else self.width
        found = {"layers": _LAYERS, "width": width, "inner": 2 * width, "positions": size.positions}
        return self.replaced({k: v for k, v in found.items() if getattr(self, k) == "auto"})

    def num_products(self) -> int:
        """Four gates a layer, from what enters it and from its state."""
        layers, width, inner = int(self.layers), int(self.width), int(self.inner)
        last = 0 if inner == width else inner * width
        return 4 * inner * (width + inner) + (layers - 1) * 8 * inner**2 + last


class LSTMConfig(PreTrainedConfig):
    """The sizes of a model: `hidden_size` is the width of a token, `intermediate_size` that of a state;
    `max_position_embeddings` are the tokens of a row that it learned from.
    """

    model_type = "lstm"

    vocab_size: int = 256
    hidden_size: int = 128
    intermediate_size: int = 256
    num_hidden_layers: int = _LAYERS
    max_position_embeddings: int = 256
    dropout: float = 0.0
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | None = None
    tie_word_embeddings: bool = True


class LSTMPreTrainedModel(PreTrainedModel):
    """What both classes share: how the first weights are drawn."""

    config_class = LSTMConfig
    base_model_prefix = "model"

    @classmethod
    def _can_set_attn_implementation(cls) -> bool:
        return False

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Embedding):
            init.uniform_(module.weight, -_EMBEDDING_LIMIT, _EMBEDDING_LIMIT)
        elif isinstance(module, nn.Linear):
            init.xavier_uniform_(module.weight)
        elif isinstance(module, nn.LSTM):
            weights = dict(module.named_parameters())
            init.xavier_uniform_(weights["weight_ih_l0"])
            init.orthogonal_(weights["weight_hh_l0"])
            init.zeros_(weights["bias_hh_l0"])
            biases = torch.zeros_like(weights["bias_ih_l0"])
            biases[module.hidden_size : 2 * module.hidden_size] = 1.0  # forget little at first
            init.copy_(weights["bias_ih_l0"], biases)


class LSTMModel(LSTMPreTrainedModel):
    """Tokens (B, T) to vectors (B, T, D) of what has been read so far."""

    def __init__(self, config: LSTMConfig) -> None:
        super().__init__(config)
        width, inner = config.hidden_size, config.intermediate_size
        self.embed_tokens = nn.Embedding(config.vocab_size, width)
        self.layers = nn.ModuleList(
            nn.LSTM(inner if number else width, inner, batch_first=True)
            for number in range(config.num_hidden_layers)
        )
        self.projection = nn.Identity() if inner == width else nn.Linear(inner, width, bias=False)
        self.post_init()

    def read(self, input_ids: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """The vectors, and the state after the last token; it goes on from `state`, or from zeros."""
        x, after = self.embed_tokens(input_ids), []
        for number, layer in enumerate(self.layers):
            x, last = layer(self._dropped(x), None if state is None else state[number])
            after.append(last)
        return self.projection(self._dropped(x)), after

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **unused: Any
    ) -> BaseModelOutput:
        """Raises ValueError for padding before a text, which would be read."""
        if attention_mask is not None and not bool(attention_mask[:, 0].all()):
            raise ValueError("an LSTM reads from the left: padding must stand behind a text")
        return BaseModelOutput(last_hidden_state=self.read(input_ids)[0])

    def _dropped(self, x_BTD: Tensor) -> Tensor:
        return locked_dropout(x_BTD, self.config.dropout, time=1, training=self.training)


class LSTMForCausalLM(LSTMPreTrainedModel):
    """Tokens (B, T) to logits (B, T, V) of the next ones."""

    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}  # noqa: RUF012  (as in the base class)

    def __init__(self, config: LSTMConfig) -> None:
        super().__init__(config)
        self.model = LSTMModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        **unused: Any,
    ) -> CausalLMOutput:
        """With `labels` (B, T), -100 where nothing is told, the loss as well."""
        logits_BTV = self.lm_head(self.model(input_ids, attention_mask).last_hidden_state)
        if labels is None:
            return CausalLMOutput(logits=logits_BTV)
        loss = self.loss_function(logits=logits_BTV, labels=labels, vocab_size=self.config.vocab_size)
        return CausalLMOutput(loss=loss, logits=logits_BTV)


class RecurrentModel(nn.Module):
    """Called with `input_ids` (B, T) and a mask that is all true; answers an Output of (B, T, V).

    Rows begin with a state of zeros. While it learns the logits are `Deferred`.
    """

    casts_by_autocast = True

    def __init__(self, model: LSTMForCausalLM) -> None:
        super().__init__()
        self.model = model
        for layer in model.model.layers:
            # torch adds up two biases; learning both would double the step of their sum.
            layer.bias_hh_l0.requires_grad_(False)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Output:
        vectors_BTD, _ = self.model.model.read(input_ids)
        head = self.model.lm_head
        if not self.training:
            return Output(head(vectors_BTD))
        device = vectors_BTD.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else head.weight.dtype
        return Output(Deferred(vectors_BTD, head.weight, None, dtype))


AutoConfig.register(LSTMConfig.model_type, LSTMConfig)
AutoModel.register(LSTMConfig, LSTMModel)
AutoModelForCausalLM.register(LSTMConfig, LSTMForCausalLM)


def build(settings: LanguageSettings, vocabulary: Vocabulary) -> RecurrentModel:
    """The network, with first weights from torch's global generator.

    >>> small = LSTMSettings(width=32).sized()
    >>> network = build(small, Vocabulary(size=50, pad_id=0, start_id=49, end_id=49)).eval()
    >>> ids = torch.tensor([[3, 4, 7]])
    >>> network(ids, ids > 0).logits.shape
    torch.Size([1, 3, 50])
    """
    config = LSTMConfig(
        hidden_size=int(settings.width),
        intermediate_size=int(settings.inner),
        num_hidden_layers=int(settings.layers),
        max_position_embeddings=int(settings.positions),
        dropout=settings.dropout,
        **vocabulary.named(),
    )
    return RecurrentModel(LSTMForCausalLM(config))


def _read(folder: Any) -> RecurrentModel:
    model: Any = read_checkpoint(LSTMForCausalLM, folder)
    return RecurrentModel(model)


LSTM = LanguageArchitecture(
    "lstm",
    "two LSTM layers, which carry a state on and have no attention: a class of our own",
    "causal",
    build,
    _read,
    settings=LSTMSettings,
    memory="state",
    optimizer="adamw",
)
