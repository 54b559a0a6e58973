"""The gradient of one step, in as many parts as memory holds; the parts add up to the step made at once.

Shapes: B batch, C outputs.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from textwright.core.ragged import IntArray
from textwright.core.records import Note
from textwright.core.seeds import derive
from textwright.learn import memory
from textwright.learn.batches import Batch, Learnable, cut_batches
from textwright.learn.consistency import Divergence
from textwright.learn.objectives import Objective
from textwright.learn.optimizers import Stepper
from textwright.learn.settings import LearnSettings
from textwright.learn.state import FitState
from textwright.runtime.ranks import ALONE, Ranks
from textwright.runtime.settings import Compute


@dataclass(frozen=True)
class Gradients:
    """Makes the gradients of steps and leaves them at the parameters of `model`."""

    model: nn.Module
    optimizer: Stepper
    rows: Learnable
    objective: Objective
    divergence: Divergence | None
    settings: LearnSettings
    compute: Compute
    seed: int
    ranks: Ranks = ALONE

    def made(self, chosen: IntArray, state: FitState) -> Generator[Note, None, tuple[Tensor, int]]:
        """The loss of the step at hand, a mean over its rows (`weight_of` them), and the tokens that it saw.

        Of several processes each makes the part of its own rows, and all get the sum. When memory does not
        suffice it is made again, with half the padded tokens at once of the part that was too much, and so
        are all steps from there on. Raises ModelError when a single row is too much.
        """
        own = chosen[self.ranks.number :: self.ranks.count]
        lengths = self.rows.lengths_of(own)
        places = np.arange(len(own))
        while True:
            max_tokens = state.max_tokens or self.settings.max_tokens
            parts = cut_batches(places, lengths, self.compute.micro_batch or len(own), max_tokens)
            losses: list[Tensor] = []
            with memory.Attempt() as attempt:
                self._add_up([own[part] for part in parts], self.rows.weight_of(chosen), state, losses)
            if not attempt.failure:
                loss = losses[0] if len(losses) == 1 else sum(losses, torch.zeros(()))
                self._share(loss)
                return loss, int(self.rows.lengths_of(chosen).sum())
            self.optimizer.zero_grad(set_to_none=True)
            memory.free(self.compute.device)
            part = parts[len(losses)]
            step, longest = state.step + 1, int(lengths[part[-1]])
            state.max_tokens = memory.halved(len(part), longest, attempt.failure, step)
            yield Note(
                f"step {step:,}: {len(part):,} rows of {longest:,} tokens do not fit into memory at once: "
                f"from here on {state.max_tokens:,} tokens, added up to the same steps of {len(chosen):,}",
                "warning",
            )

    def _share(self, loss: Tensor) -> None:
        """Put what all processes have made, added up, into the gradients and the loss."""
        if self.ranks.count == 1:
            return
        learning = [p for p in self.model.parameters() if p.requires_grad]
        lazy = {id(p) for p in learning if p.grad is not None and p.grad.is_sparse}
        for parameter in learning:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            elif parameter.grad.is_sparse:
                parameter.grad = parameter.grad.to_dense()
        self.ranks.add_up([loss, *(p.grad for p in learning if p.grad is not None)])
        for parameter in learning:
            if id(parameter) in lazy and parameter.grad is not None:
                parameter.grad = parameter.grad.to_sparse(1)

    def _add_up(self, parts: list[IntArray], weight: int, state: FitState, losses: list[Tensor]) -> None:
        """The gradient of all parts at the parameters, and the loss of each, as a share, into `losses`.

        Dropout draws from a seed that is a pure function of step and part. Each part counts by its share of
        the `weight` of all rows, so that 8 parts of 4 rows are one of 32, but for rounding and for what
        dropout draws.
        """
        step = state.step
        self.optimizer.zero_grad(set_to_none=True)
        self.model.train()
        for number, part in enumerate(parts):
            names = ("step", step) if len(parts) == 1 else ("step", step, number)
            seed_torch(self.compute.device, derive(self.seed, *names))
            seed = derive(self.seed, "step", step)  # what a row draws does not depend on its part
            batch = self.rows.batch(part, seed, state.progress).to(self.compute.device)
            share = self._total(batch) / weight
            share.backward()
            losses.append(share.detach())

    def _total(self, batch: Batch) -> Tensor:
        """The loss added up over the rows; with R-Drop that of two passes, and how far they are apart."""
        logits_BC = self.model(*batch.inputs).logits
        total = self.objective(logits_BC, batch.targets).total
        if self.divergence is None:
            return total
        again_BC = self.model(*batch.inputs).logits
        both = (total + self.objective(again_BC, batch.targets).total) / 2
        return both + self.settings.loss.r_drop * self.divergence(logits_BC, again_BC, batch.targets).total


def seed_torch(device: str, seed: int) -> None:
    """Seed the generators that dropout draws from.

    Not torch.manual_seed, which formats a traceback for each kind of accelerator: 0.2 ms a step.
    """
    torch.default_generator.manual_seed(seed)
    if device == "cuda":
        torch.cuda.default_generators[torch.cuda.current_device()].manual_seed(seed)
    elif device == "mps":
        torch.mps.manual_seed(seed)
