"""What reads for a writer: by what its model keeps of the tokens that it has read."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from textwright.tasks.writing.memory import CacheReader
from textwright.tasks.writing.model import LanguageModel
from textwright.tasks.writing.state import StateReader


class Reader(Protocol):
    """Feeds tokens to a causal model, each of them once; `length` is how many it has read, padding too."""

    @property
    def length(self) -> int: ...

    def read(self, ids_BT: Tensor, mask_BS: Tensor | None = None) -> Tensor:
        """The logits (B, V) of what follows the last of these tokens (B, T).

        `mask_BS` is false on padding before a text, for all that has been read, these tokens included.
        """

    def follow(self, rows_B: Tensor) -> None:
        """Each text goes on from the memory of the one that is named for it."""


def reader_of(model: LanguageModel) -> Reader:
    """One that has read nothing yet."""
    if model.architecture.is_recurrent:
        return StateReader(model.model)
    return CacheReader(model.model, model.room)
