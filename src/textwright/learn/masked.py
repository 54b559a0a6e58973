"""Rows of one long row of tokens with gaps to fill, as BERT and RoBERTa learn (arXiv:1810.04805, 1907.11692).

Of the tokens that are told four fifths are hidden behind the mask, a tenth are others drawn at random, and a
tenth stand as they are. Every row of a step tells exactly as many, so that only these go through the head.

Shapes: B rows, T tokens of a row, K places that are told, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.learn.batches import Batch
from textwright.learn.gapped import GappedRows

_HIDDEN, _DRAWN = 0.8, 0.1


@dataclass(frozen=True)
class Gaps:
    """What is told: a share of the tokens, from the first to the last of a fit, single ones or whole words.

    `can_be_told` (V,) is false for special tokens. `joins_left` and `joins_right` (V,) say of each token that
    it belongs to the word of the one before or after it, where that one says so too. With `is_static` a row
    has the same gaps whenever it comes.
    """

    first: float
    last: float
    mask_id: int
    can_be_told: NDArray[np.bool_]
    joins_left: NDArray[np.bool_] | None = None
    joins_right: NDArray[np.bool_] | None = None
    is_static: bool = False

    def count(self, length: int, progress: float) -> int:
        """Places of a row that are told."""
        return max(round(length * (self.first + (self.last - self.first) * progress)), 1)

    def places(self, ids_BT: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Places (B, K) in each row, in order, that are told."""
        return np.stack([self._of_row(ids, count, rng) for ids in ids_BT])

    def _of_row(self, ids: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Words in random order until there are enough tokens; of the last word its beginning."""
        allowed = self.can_be_told[ids]
        draws = rng.random(len(ids))
        if self.joins_left is not None and self.joins_right is not None:
            joined = np.zeros(len(ids), bool)
            joined[1:] = self.joins_left[ids[1:]] & self.joins_right[ids[:-1]]
            draws = draws[np.cumsum(~joined) - 1]
        chosen = np.argsort(np.where(allowed, draws, 2.0), kind="stable")[:count]
        if len(chosen) > (enough := int(allowed.sum())):  # a row of hardly any text tells some of it twice
            chosen = np.resize(chosen[: max(enough, 1)], count)
        return np.sort(chosen)


@dataclass(frozen=True)
class Masked(GappedRows):
    """Rows of `length` tokens, the two that frame each of them included."""

    start_id: int
    end_id: int
    gaps: Gaps
    seed: int

    FRAME = 2

    def _first(self, rng: np.random.Generator, most: int) -> int:
        """Rows with gaps of their own are cut in the same places in each epoch."""
        return 0 if self.gaps.is_static else super()._first(rng, most)

    def batch(self, chosen: IntArray, seed: int, progress: float = 0.0) -> Batch:
        """The rows with gaps (B, T), the places that are told (B, K) and what stands there (B, K)."""
        ids_BT = np.empty((len(chosen), self.length), np.int64)
        ids_BT[:, 0], ids_BT[:, -1] = self.start_id, self.end_id
        ids_BT[:, 1:-1] = self.tokens.take(chosen, self.inner)
        count = self.gaps.count(self.inner, progress)
        seed = self.seed if self.gaps.is_static else seed
        parts = [
            self._gapped(ids_BT[i : i + 1], count, generator(seed, "gaps", int(start)))
            for i, start in enumerate(chosen)
        ]
        hidden, places, targets = (np.concatenate(part) for part in zip(*parts, strict=True))
        rows = torch.from_numpy(hidden)
        return Batch(
            rows,
            torch.ones_like(rows, dtype=torch.bool),
            torch.from_numpy(targets),
            rows.numel(),
            torch.from_numpy(places),
        )

    def _gapped(
        self, ids_BT: NDArray[np.int64], count: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        places = self.gaps.places(ids_BT, count, rng)
        targets = np.take_along_axis(ids_BT, places, 1)
        draws = rng.random(places.shape)
        others = np.flatnonzero(self.gaps.can_be_told)
        drawn = others[rng.integers(len(others), size=places.shape)]
        shown = np.where(
            draws < _HIDDEN, self.gaps.mask_id, np.where(draws < _HIDDEN + _DRAWN, drawn, targets)
        )
        hidden = ids_BT.copy()
        np.put_along_axis(hidden, places, shown, 1)
        return hidden, places, targets
