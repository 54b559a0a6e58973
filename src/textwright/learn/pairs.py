"""Pairs of rows: one is read, the other is told, each token from those before it and from all that is read.

Subword sampling: a token that is read may be cut into the two that it was made of, and these again, so that
a network sees a word in more than one form (as in BPE-dropout, arXiv:1910.13267; splits of tokens that are
there already, arXiv:2506.01687). What is told is not cut.

Shapes: N pairs, B pairs of a step, S tokens that are read, T tokens that are told, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from textwright.core.pairframe import PairFrame
from textwright.core.ragged import IntArray, Ragged
from textwright.core.seeds import derive, generator
from textwright.learn.batches import Batch
from textwright.learn.objectives import UNTOLD

# Steps whose pairs are sorted by length together, and how often a token may be cut again.
_STEPS_PER_POOL, _ROUNDS = 50, 4


@dataclass(frozen=True)
class Pairs:
    """Sources and targets (N,), each with its end, and what stands around them.

    A step has as many told tokens as `batch` targets of mean length: few long pairs or many short ones.
    `parts` (V, 2) are the two tokens that each was made of, or -1, and `cut` is the share of those read that
    is cut. `marks` (N,) are tokens that say of what kind a target is to be: one stands before a source in a
    share `marked` of the times that it is read, so that both can be asked for, any kind and a certain one.
    """

    sources: Ragged
    targets: Ragged
    frame: PairFrame
    pad_id: int
    parts: NDArray[np.int64] | None = None
    cut: float = 0.0
    marks: IntArray | None = None
    marked: float = 0.0

    def __len__(self) -> int:
        return len(self.sources)

    def order(self, batch: int, seed: int, epoch: int) -> list[IntArray]:
        """Steps of pairs of like length, shuffled."""
        rng = generator(seed, "rows", epoch)
        order = rng.permutation(len(self))
        lengths = np.maximum(self.sources.lengths, self.targets.lengths)
        jitter = rng.random(len(self))
        room = batch * self._mean
        steps: list[IntArray] = []
        for start in range(0, len(order), batch * _STEPS_PER_POOL):
            pool = order[start : start + batch * _STEPS_PER_POOL]
            pool = pool[np.lexsort((jitter[pool], self.sources.lengths[pool], lengths[pool]))]
            steps += _by_tokens(pool, lengths[pool], room)
        return [steps[i] for i in generator(seed, "batches", epoch).permutation(len(steps))]

    @cached_property
    def _mean(self) -> float:
        """Of the longer side, by which steps are filled."""
        return float(np.maximum(self.sources.lengths, self.targets.lengths).mean())

    def lengths_of(self, chosen: IntArray) -> IntArray:
        """Of both sides together."""
        return self.sources.lengths[chosen] + self.targets.lengths[chosen]

    def weight_of(self, chosen: IntArray) -> int:
        """Tokens that are told."""
        return int(self.targets.lengths[chosen].sum())

    def batch(self, chosen: IntArray, seed: int = 0, progress: float = 0.0) -> Batch:
        """What is read (B, S) with its mask, what is told from (B, T), and what is told (B, T)."""
        sources, targets = self.sources.take(chosen), self.targets.take(chosen)
        if self.cut and self.parts is not None:
            sources = _cut(sources, chosen, self.parts, self.cut, seed)
        if self.marks is not None and self.marked:
            sources = _marked(sources, chosen, self.marks, self.marked, seed)
        read, is_there = self.frame.around(sources).padded(self.pad_id)
        told, is_told = targets.padded(self.pad_id)
        before = np.broadcast_to(np.array(self.frame.known, told.dtype), (len(told), len(self.frame.known)))
        known = np.concatenate([before, told[:, :-1]], 1)
        wanted = np.where(is_told, told, UNTOLD)
        if self.frame.forced:
            wanted = np.pad(wanted, ((0, 0), (len(self.frame.forced), 0)), constant_values=UNTOLD)
        read_BS, mask_BS, wanted_BT, known_BT = (
            torch.from_numpy(np.ascontiguousarray(values))
            for values in (read.astype(np.int64), is_there, wanted.astype(np.int64), known.astype(np.int64))
        )
        return Batch(read_BS, mask_BS, wanted_BT, int(self.lengths_of(chosen).sum()), known_BT)


def _by_tokens(pool: IntArray, lengths: IntArray, room: float) -> list[IntArray]:
    """Cut sorted rows into steps of so many padded tokens, the longest first; one row is always a step."""
    steps, end = [], len(pool)
    while end:
        start = max(end - max(int(room // max(int(lengths[end - 1]), 1)), 1), 0)
        steps.append(pool[start:end])
        end = start
    return steps


def _cut(rows: Ragged, chosen: IntArray, parts: NDArray[np.int64], share: float, seed: int) -> Ragged:
    """Rows with some tokens cut in two; ends and special tokens have no parts.

    What is drawn for a pair follows from its number: it does not depend on what else is in a part of a step.
    """
    ids, lengths = rows.values.astype(np.int64), rows.lengths
    may_be = np.ones(len(ids), bool)  # a token is asked once, and what it was made of once again
    for turn in range(_ROUNDS):
        names = np.repeat(np.asarray(chosen, np.uint64), lengths)
        places = np.arange(len(ids)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        drawn = _uniform(names, places.astype(np.uint64), derive(seed, "cut", turn))
        is_cut = may_be & (parts[ids, 0] >= 0) & (drawn < share)
        if not is_cut.any():
            break
        both = np.stack([np.where(is_cut, parts[ids, 0], ids), parts[ids, 1]], 1)
        lengths = lengths + np.add.reduceat(np.append(is_cut, 0), np.cumsum(lengths) - lengths)
        kept = np.stack([np.ones(len(ids), bool), is_cut], 1)
        ids, may_be = both[kept], np.stack([is_cut, is_cut], 1)[kept]
    return Ragged(ids, np.concatenate([[0], np.cumsum(lengths)]))


def _marked(rows: Ragged, chosen: IntArray, marks: IntArray, share: float, seed: int) -> Ragged:
    """Rows with the mark of each before it, for a share of them that is drawn as in `_cut`."""
    names = np.asarray(chosen, np.uint64)
    drawn = _uniform(names, np.zeros_like(names), derive(seed, "marked"))
    is_marked = (drawn < share) & (marks[chosen] >= 0)
    starts = rows.offsets[:-1][is_marked]
    ids = np.insert(rows.values.astype(np.int64), starts, marks[chosen][is_marked])
    return Ragged(ids, np.concatenate([[0], np.cumsum(rows.lengths + is_marked)]))


def _uniform(names: NDArray[np.uint64], places: NDArray[np.uint64], seed: int) -> NDArray[np.float64]:
    """Numbers from 0 to 1 that follow from what they are called by (the mixing of SplitMix64)."""
    mixed = names * np.uint64(0x9E3779B97F4A7C15) + places * np.uint64(0xD1B54A32D192ED03)
    mixed += np.uint64(seed % (1 << 64))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) / float(1 << 53)
