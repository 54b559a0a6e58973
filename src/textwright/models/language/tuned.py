"""A language model of which little learns: low-rank additions, and the vectors of tokens that are new.

Shapes: B batch, T time, V vocabulary, D width, N new tokens.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel

from textwright.models.transformer.lora import add_lora


class LearnedRows(nn.Module):
    """A table (V, D), of which only the rows from `first` on that `rows` (N, D) holds learn.

    `base_layer` is the layer whose table it is: that of the tokens that come in, or of those that go out. It
    stays as it is until `merge`.
    """

    def __init__(self, base_layer: nn.Embedding | nn.Linear, rows: nn.Embedding, first: int) -> None:
        super().__init__()
        self.base_layer, self.rows, self.first = base_layer, rows, first

    @property
    def _end(self) -> int:
        return self.first + self.rows.num_embeddings

    @property
    def weight(self) -> Tensor:
        """The whole table (V, D)."""
        table = self.base_layer.weight
        return torch.cat([table[: self.first], self.rows.weight, table[self._end :]])

    def forward(self, x: Tensor) -> Tensor:
        """Vectors (B, T, D) of ids (B, T), or logits (B, T, V) of vectors."""
        if isinstance(self.base_layer, nn.Embedding):
            places = x - self.first
            own = self.rows(places.clamp(0, self.rows.num_embeddings - 1))
            return torch.where(((x >= self.first) & (x < self._end)).unsqueeze(-1), own, self.base_layer(x))
        logits: Tensor = self.base_layer(x)
        own = F.linear(x.to(self.rows.weight.dtype), self.rows.weight).to(logits.dtype)
        return torch.cat([logits[..., : self.first], own, logits[..., self._end :]], -1)

    @torch.no_grad()
    def merge(self) -> None:
        """Write the rows into the table."""
        self.base_layer.weight[self.first : self._end] = self.rows.weight

    def get_base_layer(self) -> nn.Module:
        return self.base_layer


def tune_lora(network: Any, rank: int, new: range) -> None:
    """Let only low-rank additions to the body of `network.model` learn, and the vectors of `new` tokens.

    The additions are drawn from torch's global generator. Raises ConfigError when peft is missing.

    >>> from textwright.models.language.base import Vocabulary
    >>> from textwright.models.language.causal import GPT2
    >>> from textwright.models.language.settings import LanguageSettings
    >>> words = Vocabulary(size=50, pad_id=0, start_id=49, end_id=49)
    >>> network = GPT2.build(LanguageSettings(width=32, layers=1).sized(), words)
    >>> tune_lora(network, 2, range(48, 50))
    >>> sum(p.numel() for p in network.parameters() if p.requires_grad)  # four layers, and two vectors
    1088
    """
    network.model.requires_grad_(False)
    add_lora(network.model, rank)
    if new:
        _learn_rows(network.model, new)


def _learn_rows(model: PreTrainedModel, new: range) -> None:
    """In the tables of both ends; one that both share has the same rows."""
    ends: list[Any] = [model.get_input_embeddings(), model.get_output_embeddings()]
    names = {id(part): name for name, part in model.named_modules()}
    rows: dict[int, nn.Embedding] = {}
    for layer in ends:
        known = layer.weight[new.start : new.stop].detach().clone()
        own = rows.setdefault(id(layer.weight), nn.Embedding.from_pretrained(known, freeze=False))
        model.set_submodule(names[id(layer)], LearnedRows(layer, own, new.start))
