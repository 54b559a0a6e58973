"""The gradient of one step, in as many parts as memory holds; the parts add up to the step made at once.

Shapes: B batch, C outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from textwright.core.ragged import IntArray
from textwright.core.records import Note
from textwright.core.seeds import derive
from textwright.learn import memory
from textwright.learn.batches import Batch, Rows, collate, cut_batches
from textwright.learn.objectives import Loss, Objective
from textwright.learn.optimizers import Stepper
from textwright.learn.settings import LearnSettings
from textwright.learn.state import FitState
from textwright.runtime.settings import Compute

Divergence = Callable[[Tensor, Tensor], Loss]


@dataclass(frozen=True)
class Gradients:
    """Makes the gradients of steps and leaves them at the parameters of `model`."""

    model: nn.Module
    optimizer: Stepper
    rows: Rows
    objective: Objective
    divergence: Divergence | None
    settings: LearnSettings
    compute: Compute
    seed: int

    def made(self, chosen: IntArray, state: FitState) -> Generator[Note, None, tuple[Tensor, int]]:
        """`make` for the step at hand; when memory does not suffice, again in parts of half as many rows.

        Raises ModelError when a single row is too much.
        """
        while True:
            micro_batch = state.micro_batch or self.compute.micro_batch
            try:
                return self.make(chosen, state.step, micro_batch)
            except Exception as error:
                if not memory.is_out_of_memory(error):
                    raise
            # Outside of the handler, where nothing holds on to the tensors of the attempt any more.
            self.optimizer.zero_grad(set_to_none=True)
            memory.free(self.compute.device)
            largest = max(map(len, self._parts(chosen, micro_batch)))
            state.micro_batch = memory.halved(largest, state.step + 1)
            yield Note(
                f"step {state.step + 1:,}: {largest:,} rows do not fit into memory at once: from here on "
                f"{state.micro_batch:,}, added up to the same steps of {len(chosen):,}",
                "warning",
            )

    def make(self, chosen: IntArray, step: int, micro_batch: int | None) -> tuple[Tensor, int]:
        """The loss of the step, a mean over its rows, and the tokens that it saw.

        Dropout draws from a seed that is a pure function of step and part. Each part counts by its rows, so
        that 8 parts of 4 rows are one of 32, but for rounding and for what dropout draws.
        """
        parts = self._parts(chosen, micro_batch)
        self.optimizer.zero_grad(set_to_none=True)
        self.model.train()
        losses, num_tokens = [], 0
        for number, part in enumerate(parts):
            names = ("step", step) if len(parts) == 1 else ("step", step, number)
            seed_torch(self.compute.device, derive(self.seed, *names))
            batch = collate(self.rows, part).to(self.compute.device)
            share = self._total(batch) / len(chosen)
            share.backward()
            losses.append(share.detach())
            num_tokens += batch.num_tokens
        return losses[0] if len(losses) == 1 else torch.stack(losses).sum(), num_tokens

    def _parts(self, chosen: IntArray, micro_batch: int | None) -> list[IntArray]:
        lengths = self.rows.tokens.lengths
        return cut_batches(chosen, lengths, micro_batch or len(chosen), self.settings.max_tokens)

    def _total(self, batch: Batch) -> Tensor:
        """The loss added up over the rows; with R-Drop that of two passes, and how far they are apart."""
        logits_BC = self.model(batch.ids_BT, batch.mask_BT).logits
        total = self.objective(logits_BC, batch.targets).total
        if self.divergence is None:
            return total
        again_BC = self.model(batch.ids_BT, batch.mask_BT).logits
        both = (total + self.objective(again_BC, batch.targets).total) / 2
        return both + self.settings.loss.r_drop * self.divergence(logits_BC, again_BC).total


def seed_torch(device: str, seed: int) -> None:
    """Seed the generators that dropout draws from.

    Not torch.manual_seed, which formats a traceback for each kind of accelerator: 0.2 ms a step.
    """
    torch.default_generator.manual_seed(seed)
    if device == "cuda":
        torch.cuda.default_generators[torch.cuda.current_device()].manual_seed(seed)
    elif device == "mps":
        torch.mps.manual_seed(seed)
