"""Checkpoints of a running training: written now and then, and found again with --resume."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textwright.core.records import StepEvent
from textwright.tasks.trainers.base import Trainer

if TYPE_CHECKING:
    from textwright.learn.loop import Fit

SECONDS_BETWEEN = 20.0


@dataclass
class Checkpoints:
    """Saves the current network fit into `folder`; solvers need none, they are done in seconds."""

    folder: Path
    resume: bool
    identity: dict[str, Any]
    _fit: Fit | None = None
    _name: str = ""
    _fits: dict[str, int] = field(default_factory=dict)
    _saved: float = field(default_factory=time.monotonic)

    def watch(self, trainer: Trainer) -> None:
        """Follow the fits that a trainer starts; those of the one before are over."""
        self._fit = None
        if hasattr(trainer, "on_fit"):
            trainer.on_fit = lambda fit: self._started(trainer.name, fit)  # type: ignore[attr-defined]

    def _started(self, model: str, fit: Fit) -> None:
        self._fits[model] = self._fits.get(model, 0) + 1
        self._fit, self._name = fit, f"{model}-{self._fits[model]}"
        target = self.folder / self._name
        if self.resume and target.is_dir():
            from textwright.learn.checkpoint import load_checkpoint

            load_checkpoint(target, fit, **self._identity())

    def after(self, event: StepEvent) -> None:
        """Save when the last checkpoint is old enough."""
        if self._fit is None or time.monotonic() - self._saved < SECONDS_BETWEEN:
            return
        from textwright.learn.checkpoint import save_checkpoint

        save_checkpoint(self.folder / self._name, self._fit, **self._identity())
        self._saved = time.monotonic()

    def _identity(self) -> dict[str, Any]:
        return {**self.identity, "part": self._name}
