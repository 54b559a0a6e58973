"""Rows of different length of which only some tokens are told: the others are read, and not learned.

Shapes: B rows, T tokens of the longest row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from textwright.core.ragged import IntArray, Ragged
from textwright.learn.batches import Batch, epoch_order
from textwright.learn.objectives import UNTOLD


@dataclass(frozen=True)
class Told:
    """Rows (N,) of tokens; `is_told` says of each of their values whether it is told from those before it.

    A step counts its tokens that are told, in whichever row they are. What a row is filled up with stands
    behind its end, where no token that is told sees it.
    """

    tokens: Ragged
    is_told: NDArray[np.bool_]
    pad_id: int = 0

    def __len__(self) -> int:
        return len(self.tokens)

    def order(self, batch: int, seed: int, epoch: int) -> list[IntArray]:
        return epoch_order(self.tokens.lengths, batch, seed, epoch)

    def lengths_of(self, chosen: IntArray) -> IntArray:
        return self.tokens.lengths[chosen] - 1

    def weight_of(self, chosen: IntArray) -> int:
        return int(self._marks.take(chosen).values.sum())

    def batch(self, chosen: IntArray, seed: int = 0, progress: float = 0.0) -> Batch:
        """The tokens (B, T) but the last of each row, and the one after each of them as its target (B, T),
        UNTOLD where that is not told.
        """
        part = self.tokens.take(chosen)
        ids, is_there = part.padded(self.pad_id)
        is_told, _ = self._marks.take(chosen).padded(0)
        targets = np.where(is_told.astype(bool)[:, 1:], ids[:, 1:], UNTOLD)
        ids_BT, mask_BT, targets_BT = (
            torch.from_numpy(np.ascontiguousarray(values))
            for values in (ids[:, :-1].astype(np.int64), is_there[:, 1:], targets.astype(np.int64))
        )
        return Batch(ids_BT, mask_BT, targets_BT, int(self.lengths_of(chosen).sum()))

    @cached_property
    def _marks(self) -> Ragged:
        return Ragged(self.is_told.astype(np.int8), self.tokens.offsets)
