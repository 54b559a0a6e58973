"""Rows cut from one long row of tokens: no padding, nothing left out, and other cuts in each epoch.

Shapes: B rows, T tokens of a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from textwright.core.errors import ConfigError
from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.learn.batches import Batch

# How far a row may be moved, as a part of its length.
_BACK = 8


class Tokens(Protocol):
    """One long row of tokens, in memory or on a disk."""

    def __len__(self) -> int: ...

    def take(self, starts: IntArray, length: int) -> NDArray[np.int64]:
        """Rows (B, T) of `length` tokens from each of the places (B,)."""
        ...


@dataclass(frozen=True)
class Packed:
    """Rows of `length` tokens, each to be told from those before it; a row is named by where it starts.

    The token after the last one of a row is the last that is told, so that every token but the first of all
    is told once an epoch, except fewer than `length` at the two ends: where the first cut is, is drawn anew
    for each epoch. Raises ConfigError where the tokens do not make a row.

    With `ends` a row begins with the last of these tokens where one stands up to an eighth of a row before
    its start, so that many rows begin as texts do that are written from nothing. What then lacks at its other
    end is told in another epoch.
    """

    tokens: Tokens
    length: int
    ends: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.tokens) <= self.length:
            raise ConfigError(
                f"rows of {self.length:,} tokens cannot be cut from {len(self.tokens):,}",
                hint="Take shorter rows, or give more text.",
            )

    def __len__(self) -> int:
        return (len(self.tokens) - 1) // self.length

    def order(self, batch: int, seed: int, epoch: int) -> list[IntArray]:
        rng, most = generator(seed, "packed", epoch), len(self.tokens) - 1 - self.length
        first = int(rng.integers(min(self.length, most + 1)))
        starts = rng.permutation(np.arange(first, most + 1, self.length))
        return [starts[i : i + batch] for i in range(0, len(starts), batch)]

    def lengths_of(self, chosen: IntArray) -> IntArray:
        return np.full(len(chosen), self.length)

    def weight_of(self, chosen: IntArray) -> int:
        return len(chosen)

    def _behind_ends(self, chosen: IntArray) -> NDArray[np.int64]:
        """Rows (B, T + 1), moved back to the last of the `ends` that is near."""
        most = min(self.length // _BACK, len(self.tokens) - 1 - self.length) if self.ends else 0
        if not most:
            return self.tokens.take(chosen, self.length + 1)
        begins = np.maximum(chosen - most, 0)
        wide = self.tokens.take(begins, most + self.length + 1)
        places = np.arange(most + 1)
        is_end = np.isin(wide[:, : most + 1], self.ends) & (places <= (chosen - begins)[:, None])
        starts = np.where(is_end.any(axis=1), most - is_end[:, ::-1].argmax(axis=1), chosen - begins)
        return np.take_along_axis(wide, starts[:, None] + np.arange(self.length + 1), axis=1)

    def batch(self, chosen: IntArray, seed: int, progress: float = 0.0) -> Batch:
        """The tokens (B, T), and the one after each of them as its target (B, T)."""
        rows = torch.from_numpy(self._behind_ends(chosen))
        ids_BT, targets_BT = rows[:, :-1].contiguous(), rows[:, 1:].contiguous()
        return Batch(ids_BT, torch.ones_like(ids_BT, dtype=torch.bool), targets_BT, ids_BT.numel())
