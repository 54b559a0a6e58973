"""Rows of one long row of tokens with spans taken out, to be told in order (arXiv:1910.10683, section 3.1.4).

Where a span was, the mask stands; what is told is, span by span, the mask and the tokens that stood there,
then the end. All rows have the same shape: as many spans, as many tokens in them all together.

Shapes: B rows, S tokens that are read, T tokens that are told.
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


@dataclass(frozen=True)
class Spans(GappedRows):
    """Rows of `length` tokens, of which this `share` is told, in spans of `mean` tokens on average.

    `start_id` is what the first token is told from. Raises ConfigError for rows that are too short.
    """

    share: float
    mean: float
    mask_id: int
    start_id: int
    end_id: int

    FRAME = 1  # of what is read; of what is told no more

    @property
    def num_told(self) -> int:
        """Tokens of a row that are taken out."""
        return min(max(round(self.share * self.inner), 1), self.inner - 1)

    @property
    def num_spans(self) -> int:
        most = min(self.num_told, self.inner - self.num_told)
        return min(max(round(self.num_told / self.mean), 1), most)

    def batch(self, chosen: IntArray, seed: int, progress: float = 0.0) -> Batch:
        """What is read (B, S), what is told from (B, T), and what is told (B, T)."""
        rows = self.tokens.take(chosen, self.inner)
        parts = [
            self._without_spans(row, generator(seed, "spans", int(start)))
            for row, start in zip(rows, chosen, strict=True)
        ]
        read, told = (torch.from_numpy(np.stack(part)) for part in zip(*parts, strict=True))
        known = torch.cat([torch.full_like(told[:, :1], self.start_id), told[:, :-1]], 1)
        return Batch(read, torch.ones_like(read, dtype=torch.bool), told, self.length * len(chosen), known)

    def _without_spans(
        self, row: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        kept, out, count = self.inner - self.num_told, self.num_told, self.num_spans
        # At both ends nothing need be left; between two spans something must, or they would be one.
        left = _parts(kept + 2, count + 1, rng)
        left[[0, -1]] -= 1
        taken = _parts(out, count, rng)
        ends = np.cumsum(left[:-1] + taken)
        is_out = np.zeros(len(row), bool)
        for start, end in zip(ends - taken, ends, strict=True):
            is_out[start:end] = True
        begins = ends - taken
        read = np.where(np.isin(np.arange(len(row)), begins), self.mask_id, row)
        is_read = ~is_out
        is_read[begins] = True
        told = np.insert(row[is_out], np.cumsum(taken) - taken, self.mask_id)
        end = [self.end_id]
        return np.concatenate([read[is_read], end]), np.concatenate([told, end])


def _parts(total: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A number cut at random into `count` parts of one or more.

    >>> parts = _parts(10, 3, np.random.default_rng(0))
    >>> int(parts.sum()), bool((parts > 0).all())
    (10, True)
    """
    cuts = np.sort(rng.choice(total - 1, count - 1, replace=False)) + 1
    return np.diff(np.concatenate([[0], cuts, [total]]))
