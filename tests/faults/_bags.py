"""A tiny fit that can be made to go wrong, and what the tests of its recovery ask about it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from textwright.core.clock import Clock
from textwright.core.events import Event
from textwright.core.ragged import Ragged
from textwright.core.records import Note, StepEvent
from textwright.learn.batches import Rows
from textwright.learn.loop import Fit
from textwright.learn.objectives import Loss, cross_entropy
from textwright.learn.settings import LearnSettings

NUM_ROWS, BATCH = 96, 8
PER_EPOCH = NUM_ROWS // BATCH


class Bag(nn.Module):
    """A sum of token vectors. With more than `most_rows` rows it says what torch says without memory."""

    def __init__(self, outputs: int = 2, most_rows: int = 10**9) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(30, 8), nn.Linear(8, outputs)
        self.most_rows = most_rows
        self.said: Callable[[], BaseException] = lambda: RuntimeError(
            "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you "
            "tried to allocate 9437184 bytes. Error code 12 (Cannot allocate memory)"
        )

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> SimpleNamespace:
        if len(ids_BT) > self.most_rows:
            raise self.said()
        return SimpleNamespace(logits=self.head((self.table(ids_BT) * mask_BT.unsqueeze(-1)).sum(1)))


def rows(count: int = NUM_ROWS, targets: Any = None) -> Rows:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, count)
    texts = [(rng.integers(1, 15, 1 + i % 6) + 15 * t - t).tolist() for i, t in enumerate(labels)]
    return Rows(Ragged.from_lists(texts), labels if targets is None else targets)


def start(epochs: float = 5, *, model: nn.Module | None = None, data: Rows | None = None, **more: Any) -> Fit:
    learn = {"batch": BATCH, "optimizer": {"rate": 0.02}, "schedule": {"name": "constant", "warmup": 0}}
    settings = LearnSettings.parse(learn | more.pop("learn", {}))
    torch.manual_seed(1)
    objective = more.pop("objective", cross_entropy)
    model = model or Bag()
    return Fit(model, data or rows(), objective, settings, epochs, 0, Clock.starting(), **more)


def spoil(fit: Fit, steps: Iterable[int], bad: float = math.nan, where: str = "loss") -> Fit:
    """Make the loss, or the gradient alone, of these steps no number; steps are counted from 1."""
    wanted, real = set(steps), fit.objective

    def objective(logits: Tensor, targets: Tensor) -> Loss:
        loss = real(logits, targets)
        return (
            Loss(loss.total * bad, loss.count) if where == "loss" and fit.state.step + 1 in wanted else loss
        )

    fit.objective = objective
    if where == "gradient":
        fit.model.head.weight.register_hook(lambda g: g * bad if fit.state.step + 1 in wanted else g)
    return fit


def told(fit: Fit) -> tuple[list[StepEvent], list[str]]:
    """All steps, and all warnings."""
    events: list[Event] = list(fit.run())
    warnings = [e.text for e in events if isinstance(e, Note)]
    assert all(e.kind == "warning" for e in events if isinstance(e, Note))
    return [e for e in events if isinstance(e, StepEvent)], warnings


def weights(fit: Fit) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in fit.model.state_dict().items()}


def same_bits(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


def is_finite(fit: Fit) -> bool:
    return all(bool(torch.isfinite(value).all()) for value in fit.model.state_dict().values())
