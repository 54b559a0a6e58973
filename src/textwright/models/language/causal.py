"""Models that tell each token from those before it: GPT-2, NanoChat, Qwen3.

Shapes: B batch, T time, K places that are told, V vocabulary, D width.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    NanoChatConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen3Config,
)

from textwright.models.fast.linear import CAST
from textwright.models.language.base import LanguageArchitecture, Vocabulary
from textwright.models.language.head import Deferred
from textwright.models.language.settings import LanguageSettings
from textwright.models.output import Output
from textwright.models.transformer.quiet import quiet
from textwright.models.transformer.reading import read_checkpoint


class CausalModel(nn.Module):
    """Called with `input_ids` (B, T) and a mask (B, T), which says nothing here: each token sees those before
    it, and what fills a row up stands behind it. Answers an Output of (B, T, V).

    A mask (B, T, T) says of each token which others it sees. With `places` (B, K) all see each other, but for
    what the mask (B, T) leaves out, and the answer (B, K, V) is of the places alone, each told from the one
    before it: "next" is what an output stands for either way (arXiv:2410.24159).

    While it learns the logits are `Deferred`.
    """

    casts_head = True

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, places: Tensor | None = None) -> Output:
        seen = _seen(attention_mask, places is not None)
        if not self.training and places is None:
            return Output(self.model(input_ids=input_ids, attention_mask=seen, use_cache=False).logits)
        vectors_BTD = self.model.base_model(input_ids=input_ids, attention_mask=seen, use_cache=False)[0]
        if places is not None:
            before_BK1 = (places - 1).clamp_min(0).unsqueeze(-1)
            vectors_BTD = vectors_BTD.gather(1, before_BK1.expand(-1, -1, vectors_BTD.shape[-1]))
        head: Any = self.model.get_output_embeddings()
        cap = getattr(self.model.config, "final_logit_softcapping", None)
        is_cast = isinstance(getattr(head, "base_layer", head), CAST)
        dtype = torch.bfloat16 if is_cast else head.weight.dtype
        late = Deferred(vectors_BTD, head.weight, cap, dtype)
        return Output(late if self.training else late.float())


def _seen(mask: Tensor, is_both: bool) -> Tensor | None:
    """Who sees whom (B, 1, T, T), which the library takes as it is; None where that is its own affair."""
    if mask.ndim == 3:
        return mask.unsqueeze(1)
    return mask[:, None, None, :].expand(-1, 1, mask.shape[1], -1) if is_both else None


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
    return {**s.named(), "max_position_embeddings": int(s.positions)}


def build(
    config: Callable[[LanguageSettings, dict[str, Any]], PreTrainedConfig],
    settings: LanguageSettings,
    vocabulary: Vocabulary,
) -> CausalModel:
    """The network of a config.

    >>> import torch
    >>> small = LanguageSettings(width=32, layers=1).sized()
    >>> words = Vocabulary(size=50, pad_id=0, start_id=49, end_id=49)
    >>> network = NANOCHAT.build(small, words).eval()
    >>> ids = torch.tensor([[3, 4, 7]])
    >>> network(ids, ids > 0).logits.shape
    torch.Size([1, 3, 50])
    """
    return CausalModel(AutoModelForCausalLM.from_config(config(settings, vocabulary.named())))


def _read(folder: Any) -> CausalModel:
    return CausalModel(read_checkpoint(AutoModelForCausalLM, folder))


def grow(model: PreTrainedModel, new: range) -> None:
    """Give a model the tokens `new`, and room for them if it has none; they begin as the mean of others."""
    if new.stop > _ends(model)[0].weight.shape[0]:
        with quiet():
            model.resize_token_embeddings(new.stop, mean_resizing=False)
    tables = {id(layer.weight): layer.weight for layer in _ends(model)}
    with torch.no_grad():
        for weight in tables.values():
            weight[new.start : new.stop] = weight[: new.start].mean(0)


def _ends(model: PreTrainedModel) -> list[Any]:
    """The layers of the tokens that come in, and of those that go out."""
    return [model.get_input_embeddings(), model.get_output_embeddings()]


def _entry(name: str, summary: str, config: Any) -> LanguageArchitecture:
    return LanguageArchitecture(name, summary, "causal", partial(build, config), _read)


GPT2 = _entry("gpt2", "GPT-2's layers: opens in every tool there is", _gpt2)
NANOCHAT = _entry("nanochat", "NanoChat's layers: rotary positions, squared ReLU, quick to learn", _nanochat)
QWEN3 = _entry("qwen3", "Qwen3's layers: rotary positions, gated, one table for both ends", _qwen3)
