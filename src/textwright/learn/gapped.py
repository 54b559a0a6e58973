"""What rows with gaps have in common: how they are cut from one long row of tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from textwright.core.errors import ConfigError
from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.learn.packed import Packed, Tokens

# With fewer tokens there is no text around a gap.
SHORTEST_ROW = 8


@dataclass(frozen=True)
class GappedRows:
    """Rows of `length` tokens, the `FRAME` of each included; a row is named by where it starts.

    Raises ConfigError for rows that are too short, or where the tokens do not make one.
    """

    tokens: Tokens
    length: int

    FRAME: ClassVar[int]

    def __post_init__(self) -> None:
        if self.length < SHORTEST_ROW:
            raise ConfigError(f"rows of {self.length} tokens are too short for gaps", hint="Take 8 or more.")
        Packed(self.tokens, self.inner)  # refuses what makes no row

    @property
    def inner(self) -> int:
        """Tokens of the text in a row."""
        return self.length - self.FRAME

    def __len__(self) -> int:
        return len(self.tokens) // self.inner

    def order(self, batch: int, seed: int, epoch: int) -> list[IntArray]:
        """As packed rows are: cut in other places in each epoch."""
        rng, most = generator(seed, "packed", epoch), len(self.tokens) - self.inner
        starts = rng.permutation(np.arange(self._first(rng, most), most + 1, self.inner))
        return [starts[i : i + batch] for i in range(0, len(starts), batch)]

    def _first(self, rng: np.random.Generator, most: int) -> int:
        """Where the first cut is."""
        return int(rng.integers(min(self.inner, most + 1)))

    def lengths_of(self, chosen: IntArray) -> IntArray:
        return np.full(len(chosen), self.length)

    def weight_of(self, chosen: IntArray) -> int:
        return len(chosen)
