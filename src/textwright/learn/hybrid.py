"""Rows of one long row of tokens, some told token by token and some with gaps, for a model that learns both.

As GPT-BERT learns (arXiv:2410.24159): a row of the first kind sees only what stands before each place, one of
the second kind both sides; and what is hidden at a place is told from the output of the place before it, so
that an output stands for what comes next in rows of both kinds.

Shapes: B rows, T tokens of a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.learn.batches import Batch
from textwright.learn.masked import Masked
from textwright.learn.objectives import UNTOLD
from textwright.learn.packed import Packed


@dataclass(frozen=True)
class Hybrid:
    """Rows of two kinds, of the same tokens and of one length; a `share` of them is causal.

    In each epoch every row is of one kind, and which is drawn anew. A row is named by twice the place where
    it starts, and one more where it is causal.
    """

    causal: Packed
    masked: Masked
    share: float

    def __len__(self) -> int:
        return len(self.causal)

    def order(self, batch: int, seed: int, epoch: int) -> list[IntArray]:
        """Each step has its share of both kinds, but for one row. The causal ones come first, so that each of
        several processes has its share as well.
        """
        steps = self.causal.order(batch, seed, epoch)
        ends = np.cumsum([len(step) for step in steps])
        first = float(generator(seed, "kinds", epoch).random())
        is_causal = np.diff(np.floor(np.arange(ends[-1] + 1) * self.share + first)) > 0
        kinds = np.split(is_causal, ends[:-1])
        return [
            np.concatenate([2 * step[kind] + 1, 2 * step[~kind]])
            for step, kind in zip(steps, kinds, strict=True)
        ]

    def lengths_of(self, chosen: IntArray) -> IntArray:
        return np.full(len(chosen), self.causal.length)

    def weight_of(self, chosen: IntArray) -> int:
        return len(chosen)

    def batch(self, chosen: IntArray, seed: int, progress: float = 0.0) -> Batch:
        """The rows (B, T), which tokens each token sees (B, T, T), and what each place tells (B, T), UNTOLD
        where that is nothing.
        """
        size, length = len(chosen), self.causal.length
        ids_BT = torch.empty((size, length), dtype=torch.int64)
        targets_BT = torch.full((size, length), UNTOLD)
        seen_BTT = torch.ones((size, length, length), dtype=torch.bool)
        is_causal = np.asarray(chosen) % 2 == 1
        if is_causal.any():
            part = self.causal.batch(chosen[is_causal] // 2, seed, progress)
            rows = torch.from_numpy(is_causal)
            ids_BT[rows], targets_BT[rows] = part.ids_BT, part.targets
            seen_BTT[rows] = seen_BTT[0].tril()
        if not is_causal.all():
            part = self.masked.batch(chosen[~is_causal] // 2, seed, progress)
            rows = torch.from_numpy(~is_causal)
            assert part.beside is not None
            before_BK = (part.beside - 1).clamp_min(0)
            ids_BT[rows] = part.ids_BT
            targets_BT[rows] = torch.full_like(part.ids_BT, UNTOLD).scatter(1, before_BK, part.targets)
        return Batch(ids_BT, seen_BTT, targets_BT, ids_BT.numel())
