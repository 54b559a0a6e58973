"""The gradient of a step of a model in shards: all processes make as many passes, at the same time."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from textwright.core.ragged import IntArray
from textwright.core.records import Note
from textwright.learn import memory
from textwright.learn.batches import Batch, cut_batches
from textwright.learn.gradient import Gradients
from textwright.learn.sharded.shards import Shards
from textwright.learn.state import FitState

_FEWER = "Take fewer rows at once: --set compute.micro_batch=4, or 1."


@dataclass(frozen=True, kw_only=True)
class ShardedGradients(Gradients):
    """Leaves at the parameters of `model` the parts that this process holds of the gradient of all."""

    shards: Shards

    def made(self, chosen: IntArray, state: FitState) -> Generator[Note, None, tuple[Tensor, int]]:
        """As `Gradients.made` does it, but that it cannot be made again when memory does not suffice.

        Then the others wait in the middle of it: raises ModelError.
        """
        yield from ()
        tokens = state.max_tokens or self.settings.max_tokens
        parts = self._parts_of(chosen, self.ranks.number, tokens)
        most = max(len(self._parts_of(chosen, number, tokens)) for number in range(self.ranks.count))
        losses: list[Tensor] = []
        with memory.explained("a pass through a model in shards", _FEWER):
            self._add_up(parts, self.rows.weight_of(chosen), state, losses)
            for _ in range(most - len(parts)):
                self._accompany(chosen[:1], state)
        loss = sum(losses, torch.zeros((), device=self.compute.device))
        self.ranks.add_up([loss])
        return loss, int(self.rows.lengths_of(chosen).sum())

    def _parts_of(self, chosen: IntArray, number: int, max_tokens: int) -> list[IntArray]:
        """The rows of each pass of a process."""
        own = chosen[number :: self.ranks.count]
        lengths, places = self.rows.lengths_of(own), np.arange(len(own))
        size = self.compute.micro_batch or max(len(own), 1)
        return [own[part] for part in cut_batches(places, lengths, size, max_tokens)]

    def _accompany(self, rows: IntArray, state: FitState) -> None:
        """A pass that counts nothing, for the others who need the weights that lie here."""
        batch = self.rows.batch(rows, 0, state.progress).to(self.compute.device)
        (self._total(batch) * 0.0).backward()

    def _total(self, batch: Batch) -> Tensor:
        return self.shards.within(lambda: Gradients._total(self, batch))
