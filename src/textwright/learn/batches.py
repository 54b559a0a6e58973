"""Batches of rows of like length, in an order that is a pure function of the seed and the epoch.

Shapes: B batch, T time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textwright.core.ragged import IntArray, Ragged
from textwright.core.seeds import generator

_STEPS_PER_POOL = 50


class Learnable(Protocol):
    """What a fit learns from: rows that are named by numbers, which are its own affair."""

    def __len__(self) -> int:
        """How many rows an epoch has."""
        ...

    def order(self, batch: int, seed: int, epoch: int) -> list[IntArray]:
        """The rows of each step of an epoch: a pure function of the arguments."""
        ...

    def lengths_of(self, chosen: IntArray) -> IntArray:
        """Tokens of each of these rows; a step has its rows by their lengths."""
        ...

    def weight_of(self, chosen: IntArray) -> int:
        """What the losses of a step of these rows are divided by when added up; mostly how many rows."""
        ...

    def batch(self, chosen: IntArray, seed: int, progress: float = 0.0) -> Batch:
        """These rows as tensors; what is drawn at random for them is drawn from the seed.

        `progress` is how far the fit is, from 0 to 1, for what changes on the way.
        """
        ...


@dataclass(frozen=True)
class Rows:
    """Token rows and their targets (N,) or (N, C); `pad_id` fills the rest of a batch."""

    tokens: Ragged
    targets: NDArray[np.generic]
    pad_id: int = 0

    def __len__(self) -> int:
        return len(self.tokens)

    def order(self, batch: int, seed: int, epoch: int) -> list[IntArray]:
        return epoch_order(self.tokens.lengths, batch, seed, epoch)

    def lengths_of(self, chosen: IntArray) -> IntArray:
        return self.tokens.lengths[chosen]

    def weight_of(self, chosen: IntArray) -> int:
        return len(chosen)

    def batch(self, chosen: IntArray, seed: int = 0, progress: float = 0.0) -> Batch:
        return collate(self, chosen)

    def take(self, rows: IntArray) -> Rows:
        return Rows(self.tokens.take(rows), self.targets[rows], self.pad_id)


@dataclass(frozen=True)
class Batch:
    """Padded ids (B, T), their mask, and the targets; `beside` is what else a network is called with: the
    places (B, K) that are told where not all are, or the tokens that tell the next ones.

    The mask is (B, T), or (B, T, T) where it says of each token which others it sees.
    """

    ids_BT: Tensor
    mask_BT: Tensor
    targets: Tensor
    num_tokens: int
    beside: Tensor | None = None

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """What a network is called with."""
        inputs = (self.ids_BT, self.mask_BT)
        return inputs if self.beside is None else (*inputs, self.beside)

    def to(self, device: str) -> Batch:
        if device == "cpu":
            return self
        ids_BT, mask_BT, targets = (t.to(device) for t in (self.ids_BT, self.mask_BT, self.targets))
        beside = None if self.beside is None else self.beside.to(device)
        return Batch(ids_BT, mask_BT, targets, self.num_tokens, beside)


def epoch_order(lengths: IntArray, batch: int, seed: int, epoch: int) -> list[IntArray]:
    """Row numbers of each step: shuffled, sorted by length in pools of some steps, these shuffled.

    A step has `batch` rows, however long they are: memory is a matter of the parts that it is made in.
    """
    order = generator(seed, "rows", epoch).permutation(len(lengths))
    steps: list[IntArray] = []
    for start in range(0, len(order), batch * _STEPS_PER_POOL):
        pool = order[start : start + batch * _STEPS_PER_POOL]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        # From the end, so that it is the shortest rows that may make a smaller step.
        steps += [pool[max(end - batch, 0) : end] for end in range(len(pool), 0, -batch)]
    return [steps[i] for i in generator(seed, "batches", epoch).permutation(len(steps))]


def cut_batches(rows: IntArray, lengths: IntArray, batch: int, max_tokens: int) -> list[IntArray]:
    """Cut rows, sorted by length, into batches of at most `batch` rows and `max_tokens` padded tokens.

    A row that is longer than `max_tokens` is a batch of its own.
    """
    out, end = [], len(rows)
    while end:
        longest = max(int(lengths[rows[end - 1]]), 1)
        start = max(end - min(batch, max(max_tokens // longest, 1)), 0)
        out.append(rows[start:end])
        end = start
    return out


def in_order(lengths: IntArray, batch: int, max_tokens: int) -> list[IntArray]:
    """All rows once, the longest first, for prediction."""
    return cut_batches(np.argsort(lengths, kind="stable"), lengths, batch, max_tokens)


def collate(rows: Rows, chosen: IntArray) -> Batch:
    """The chosen rows as tensors."""
    part = rows.tokens.take(chosen)
    ids, mask = part.padded(rows.pad_id)
    targets = torch.from_numpy(np.ascontiguousarray(rows.targets[chosen]))
    return Batch(
        torch.from_numpy(ids.astype(np.int64)), torch.from_numpy(mask), targets, int(part.offsets[-1])
    )


def batches(rows: Rows, order: list[IntArray]) -> Iterator[Batch]:
    return (collate(rows, chosen) for chosen in order)
