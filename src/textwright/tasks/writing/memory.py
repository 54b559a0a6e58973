"""What a causal model remembers of the tokens it has read: keys and values, in room that is taken once.

The library's own cache copies all of it at every token; here a token is written behind those before it.

Shapes: B texts, H heads, T time, K head size.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor
from transformers import Cache
from transformers.cache_utils import CacheLayerMixin


class Layer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """Keys and values of one layer, (B, H, T, K) each, for at most `room` tokens."""

    is_sliding = False
    keys: Any
    values: Any

    def __init__(self, room: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.room, self.length = room, 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        batch, heads, _, size = key_states.shape
        self.keys = key_states.new_empty(batch, heads, self.room, size)
        self.values = value_states.new_empty(batch, heads, self.room, value_states.shape[-1])
        self.is_initialized = True

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **named: Any
    ) -> tuple[Tensor, Tensor]:
        """Write what is new and hand out all: views, nothing is copied."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        end = self.length + key_states.shape[2]
        self.keys[:, :, self.length : end] = key_states
        self.values[:, :, self.length : end] = value_states
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.length + query_length, 0

    def get_seq_length(self) -> int:
        return self.length

    def get_max_length(self) -> int:
        return self.room

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Each text goes on from the memory of the one that is named for it."""
        if self.is_initialized:
            self.keys[:, :, : self.length] = self.keys[beam_idx, :, : self.length]
            self.values[:, :, : self.length] = self.values[beam_idx, :, : self.length]


class CacheReader:
    """Feeds tokens to a causal model with keys and values, each of them once; see `Reader`."""

    def __init__(self, model: Any, room: int) -> None:
        """`model` is the library's; `room` is how many tokens are read at most."""
        self.model = model
        self._layers = [Layer(room) for _ in range(model.config.num_hidden_layers)]
        self._cache = Cache(layers=[*self._layers])
        # Its name has changed between versions of the library.
        self._name = "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"

    @property
    def length(self) -> int:
        return self._layers[0].length

    @torch.no_grad()
    def read(self, ids_BT: Tensor, mask_BS: Tensor | None = None) -> Tensor:
        """The logits (B, V) of what follows the last of these tokens.

        `mask_BS` is false on padding before a text, for all that has been read, these tokens included.
        """
        named: dict[str, Any] = {self._name: self._cache}
        if mask_BS is not None:
            places = (mask_BS.long().cumsum(-1) - 1).clamp_min(0)
            named |= {"attention_mask": mask_BS.long(), "position_ids": places[:, -ids_BT.shape[1] :]}
        logits: Tensor = self.model(input_ids=ids_BT, use_cache=True, logits_to_keep=1, **named).logits
        return logits[:, -1].float()

    def follow(self, rows_B: Tensor) -> None:
        """Each text goes on from the memory of the one that is named for it."""
        for layer in self._layers:
            layer.reorder_cache(rows_B)
