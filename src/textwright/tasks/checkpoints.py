"""Checkpoints of a running training: written now and then, and found again with --resume."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from textwright.core.errors import CheckpointError, TextwrightError
from textwright.core.events import Event, Sink
from textwright.core.records import Note, StepEvent
from textwright.tasks.journal import Journal
from textwright.tasks.prepare import Prepared
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers.base import Trainer

if TYPE_CHECKING:
    from textwright.learn.loop import Fit

# The next save comes after so many seconds, and after so many times what the last one took: 2 % of the time.
# 0 seconds is after every step.
SECONDS_BETWEEN, TIMES_ITS_COST = 20.0, 50.0
_MOST_SHOWN = 5


def identity_of(recipe: Recipe, prepared: Prepared) -> dict[str, Any]:
    """What must be the same for a run to be resumed; the budget may be another one."""
    return {
        "data": prepared.corpus.fingerprint,
        "test file": prepared.test.fingerprint if prepared.test else None,
        "recipe": recipe.model_dump(mode="json", exclude={"budget", "tracking"}),
        "version": {name: version(name) for name in ("textwright", "torch")},
    }


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

        stored = [read_extra(path) for path in sorted(self.folder.glob("*/step-*"))]
        if not stored:
            self.say(Note("there is no checkpoint to resume from: training starts anew", "warning"))
        for extra in stored:
            if extra is not None:
                _refuse_another(self.folder, extra.get("identity", {}), self.identity)

    def watch(self, trainer: Trainer) -> None:
        """Follow the fits that a trainer starts; those of the one before are over."""
        self._fit = None
        if hasattr(trainer, "on_fit"):
            trainer.on_fit = lambda fit: self._started(trainer.name, fit)  # type: ignore[attr-defined]

    def _started(self, model: str, fit: Fit) -> None:
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
        pause = max(SECONDS_BETWEEN, TIMES_ITS_COST * self._cost) if SECONDS_BETWEEN else 0.0
        is_due = isinstance(event, StepEvent) and time.monotonic() - self._saved >= pause
        if self._fit is not None and is_due:
            self._save(self._fit)

    def _ended(self) -> None:
        if self._fit is not None:
            self._save(self._fit)
            self._fit = None
            self.journal.end()

    def _save(self, fit: Fit) -> None:
        """Training goes on when it fails: the checkpoint before is still there."""
        from textwright.learn.checkpoint import save_checkpoint

        started, step = time.monotonic(), fit.state.step
        try:
            extra = {"identity": self.identity, "journal": self.journal.length()}
            save_checkpoint(self.folder / self._name, fit, extra)
        except (TextwrightError, OSError, SafetensorError, MemoryError) as error:
            if not self._is_failing:
                why = getattr(error, "message", str(error))
                what = "training goes on, and the checkpoint before stays"
                self.say(Note(f"step {step:,}: no checkpoint could be stored: {why}; {what}", "warning"))
            self._is_failing = True
        else:
            if self._is_failing:
                self.say(Note(f"step {step:,}: checkpoints are stored again"))
            self._is_failing = False
        self._saved = time.monotonic()
        self._cost = self._saved - started


def _refuse_another(folder: Path, stored: dict[str, Any], own: dict[str, Any]) -> None:
    differences = [
        line for kind, value in own.items() for line in _differences(kind, stored.get(kind), value)
    ]
    if differences:
        raise CheckpointError(
            f"{folder}: the run to resume belongs to another {'; another '.join(differences)}",
            hint="Give the same files and settings to resume it, or train without --resume: that removes it.",
        )


def _differences(kind: str, stored: Any, own: Any) -> Iterator[str]:
    if kind in ("data", "test file"):
        if stored != own:
            yield f"{kind}: its fingerprint was {_short(stored)}, is {_short(own)}"
        return
    before, now = (_flat(value if isinstance(value, dict) else {}) for value in (stored, own))
    changed = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    if changed:
        shown = [f"{key} was {before.get(key, 'not set')}, is {now.get(key, 'not set')}" for key in changed]
        more = f", and {len(shown) - _MOST_SHOWN} more" if len(shown) > _MOST_SHOWN else ""
        yield f"{kind}: {', '.join(shown[:_MOST_SHOWN])}{more}"


def _flat(values: dict[str, Any], path: str = "") -> dict[str, Any]:
    """Nested settings by their dotted names."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{path}{key}.") if isinstance(value, dict) else {f"{path}{key}": value}
    return flat


def _short(fingerprint: Any) -> str:
    return str(fingerprint)[:12] if fingerprint else "none"
