"""Checkpoints of a running training: written now and then, and found again with --resume."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from textwright.core.errors import TextwrightError
from textwright.core.events import Event, Sink
from textwright.core.records import Note, StepEvent
from textwright.tasks.identity import refuse_another
from textwright.tasks.journal import Journal
from textwright.tasks.trainers.base import Trainer
from textwright.tasks.work import has_stages

if TYPE_CHECKING:
    from textwright.learn.loop import Fit

# The next save comes after so many seconds, and after so many times what the last one took: 2 % of the time.
# 0 seconds is after every step.
SECONDS_BETWEEN, TIMES_ITS_COST = 20.0, 50.0


@dataclass
class Checkpoints:
    """Stores the network fit at hand in `folder/NAME-K`; solvers need none, they are done in seconds.

    A fit that has ended stores its end, so that a resumed run passes over it. `say` hears what went wrong.
    """

    folder: Path
    resume: bool
    identity: dict[str, Any]
    journal: Journal
    say: Sink
    _fit: Fit | None = None
    _name: str = ""
    _fits: dict[str, int] = field(default_factory=dict)
    _saved: float = field(default_factory=time.monotonic)
    _cost: float = 0.0
    _is_failing: bool = False

    def check(self) -> None:
        """Say whether there is something to resume. Raises CheckpointError when it is of another run."""
        if not self.resume:
            return
        from textwright.learn.checkpoint import read_extra

        paths = sorted(path for kind in ("step-*", "bad-*") for path in self.folder.glob(f"*/{kind}/"))
        if not paths and not has_stages(self.folder):
            self.say(Note("there is no checkpoint to resume from: training starts anew", "warning"))
        for path in paths:
            if (extra := read_extra(path)) is not None:
                refuse_another(self.folder, extra.get("identity", {}), self.identity)

    def watch(self, trainer: Trainer, name: str) -> None:
        """Follow the fits that the trainer of a candidate starts; its refit comes after those of others."""
        self._fit = None
        if hasattr(trainer, "on_fit"):
            trainer.on_fit = lambda fit: self.started(name, fit)

    def started(self, model: str, fit: Fit) -> None:
        """Follow a fit that begins; with `resume` it is brought to where it stood."""
        self._fits[model] = self._fits.get(model, 0) + 1
        self._fit, self._name = fit, f"{model}-{self._fits[model]}"
        fit.on_end = self._ended
        length = self._resumed(fit) if self.resume else 0
        self.journal.begin(self.folder / self._name / "events.jsonl", length)

    def _resumed(self, fit: Fit) -> int:
        """Bring a fit to where it stood; the bytes of its events by then."""
        from textwright.learn.checkpoint import load_checkpoint

        found = load_checkpoint(self.folder / self._name, fit)
        if found is None:
            return 0
        for warning in found.warnings:
            self.say(Note(f"{self._name}: {warning}", "warning"))
        done = "was over" if fit.state.is_over else "goes on"
        self.say(Note(f"{self._name}: {done} at step {found.step:,}"))
        return int(found.extra["journal"])

    def after(self, event: Event) -> None:
        """A sink: save after a step when the last checkpoint is old enough."""
        if self._fit is None or not isinstance(event, StepEvent):
            return
        pause = max(SECONDS_BETWEEN, TIMES_ITS_COST * self._cost) if SECONDS_BETWEEN else 0.0
        is_due = time.monotonic() - self._saved >= pause
        if self._fit.shards is not None:
            self._fit.ranks.told(is_due)  # the others wait for it in `partake`
        if is_due:
            self._save(self._fit)

    def _ended(self) -> None:
        if self._fit is not None:
            self._save(self._fit)
            self._fit = None
            self.journal.end()

    def _save(self, fit: Fit) -> None:
        """Training goes on when it fails: the checkpoint before is still there."""
        from textwright.learn.checkpoint import save_checkpoint
        from textwright.learn.memory import is_out_of_memory
        from textwright.learn.sharded.checkpoint import save_shards

        save = save_checkpoint if fit.shards is None or fit.state.is_over else save_shards
        started, step = time.monotonic(), fit.state.step
        try:
            extra = {"identity": self.identity, "journal": self.journal.length()}
            save(self.folder / self._name, fit, extra)
        except Exception as error:
            lacks_memory = is_out_of_memory(error)
            if not (lacks_memory or isinstance(error, TextwrightError | OSError | SafetensorError)):
                raise
            if not self._is_failing:
                why = (
                    "there is no memory for it"
                    if lacks_memory
                    else getattr(error, "message", None) or getattr(error, "strerror", None) or str(error)
                )
                what = "training goes on, and the checkpoint before stays"
                self.say(Note(f"step {step:,}: no checkpoint could be stored: {why}; {what}", "warning"))
            self._is_failing = True
        else:
            if self._is_failing:
                self.say(Note(f"step {step:,}: checkpoints are stored again"))
            self._is_failing = False
        self._saved = time.monotonic()
        self._cost = self._saved - started
