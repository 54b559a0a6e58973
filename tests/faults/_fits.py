"""A small fit that is deterministic, and what the tests of checkpoints ask about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from textwright.core.clock import Clock
from textwright.core.events import Event
from textwright.core.ragged import Ragged
from textwright.core.records import Note, StepEvent
from textwright.learn.batches import Rows
from textwright.learn.checkpoint import checkpoints_in, save_checkpoint
from textwright.learn.loop import Fit, Judgement
from textwright.learn.objectives import cross_entropy
from textwright.learn.settings import LearnSettings
from textwright.models.base import Shape
from textwright.models.registry import ARCHITECTURES

PER_EPOCH, EPOCHS, BEST_CHECK = 6, 8, 4
MODELS: dict[str, dict[str, Any]] = {
    "lstm": {"embedding": 6, "hidden": 5, "dropout": 0.4},
    "cnn": {"embedding": 6, "filters": 4, "dropout": 0.4, "freeze_embeddings": True},
}


def build(name: str, seed: int) -> nn.Module:
    architecture = ARCHITECTURES.get(name)
    torch.manual_seed(seed)
    model: nn.Module = architecture.build(architecture.settings.parse(MODELS[name]), Shape(30, 3))
    return model


def start(name: str = "lstm", learn: dict[str, Any] | None = None, *, seed: int = 0, **more: Any) -> Fit:
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 3, 8 * PER_EPOCH)
    tokens = Ragged.from_lists([rng.integers(1, 30, 1 + i % 7).tolist() for i in range(len(targets))])
    learn = {"batch": 8, "optimizer": {"name": "adamw", "rate": 0.02}, "patience": 2} | (learn or {})
    held_out = [torch.from_numpy(part) for part in tokens.padded()]
    rows, settings = Rows(tokens, targets), LearnSettings.parse(learn)
    fit = Fit(build(name, seed), rows, cross_entropy, settings, EPOCHS, 7, Clock.starting(), **more)

    def validate(model: nn.Module) -> Judgement:
        """Depends on the weights; better until the fourth check, worse from then on."""
        with torch.no_grad():
            logits = model.eval()(held_out[0].long(), held_out[1]).logits
        loss = cross_entropy(logits, torch.from_numpy(targets)).mean.item()
        return Judgement(abs(fit.state.epoch + 1 - BEST_CHECK) + loss / 100, {"loss": loss})

    fit.validate = validate
    return fit


def told(event: Event) -> tuple[Any, ...]:
    """All of an event but the seconds."""
    if isinstance(event, Note):
        return (event.text,)
    return (
        event.step,
        event.epoch,
        event.rows,
        event.tokens,
        repr(event.loss),
        event.rate,
        event.scores,
        event.is_best,
    )


def steps(events: Iterator[Event], until: int) -> list[tuple[Any, ...]]:
    seen = []
    for event in events:
        seen.append(told(event))
        if isinstance(event, StepEvent) and event.step == until:
            break
    return seen


def same_bits(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


OLD, NEW = PER_EPOCH + 1, PER_EPOCH + 2


def averaging(seed: int = 0) -> Fit:
    return start(learn={"average": {"name": "ema"}}, seed=seed)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def newest(folder: Path) -> Path:
    return checkpoints_in(folder)[0]


def at_step(step: int) -> Fit:
    """A fit after so many steps; its generator is dropped, but its weights are still those of the step."""
    fit = averaging()
    events = fit.run()
    steps(events, step)
    fit.kept_alive = events  # type: ignore[attr-defined]
    return fit


def two_checkpoints(folder: Path) -> Path:
    """Those of steps OLD and NEW of one fit."""
    fit = averaging()
    for event in fit.run():
        assert isinstance(event, StepEvent)
        if event.step >= OLD:
            save_checkpoint(folder, fit, {"at": event.step})
        if event.step == NEW:
            break
    return folder
