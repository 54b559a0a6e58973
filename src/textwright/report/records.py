"""What a model folder says of itself: its JSON records, read for pages and cards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# A curve is drawn with so many points at most, each the mean of the steps around it.
_MAX_POINTS = 60

Point = tuple[float, float]


@dataclass
class Curve:
    """One fit: its loss by epoch, smoothed, and every check on validation; `best` is the epoch kept."""

    name: str
    loss: list[Point] = field(default_factory=list)
    checks: dict[str, list[Point]] = field(default_factory=dict)
    best: float | None = None
    num_steps: int = 0


@dataclass(frozen=True)
class Records:
    """All records of a folder; those that are missing (an older format) are empty."""

    name: str
    manifest: dict[str, Any]
    plan: dict[str, Any]
    scores: dict[str, Any]
    data: dict[str, Any]
    wrong: list[dict[str, Any]]
    curves: list[Curve]
    recipe: str
    config: dict[str, Any] = field(default_factory=dict)


def read_records(folder: Path, manifest: dict[str, Any], name: str) -> Records:
    """The records of a model folder; `manifest` is given, as it may not have been written yet."""
    return Records(
        name=name,
        manifest=manifest,
        plan=_object(folder / "plan.json"),
        scores=_object(folder / "scores.json"),
        data=_object(folder / "data.json"),
        wrong=list(read_lines(folder / "wrong.jsonl")),
        curves=read_curves(folder / "events.jsonl"),
        recipe=_text(folder / "recipe.yaml"),
        config=_object(folder / "config.json"),
    )


def read_curves(path: Path) -> list[Curve]:
    """The fits in the events of a run, in order, each with some dozens of points of its loss.

    Of a fit that began anew (another rate, a step back) the try that left its model is told.
    """
    fits: list[list[_Try]] = []
    for event in read_lines(path):
        if "step" in event:
            if not fits:
                fits.append([_Try("")])
            _add(fits[-1], event)
        elif event.get("fit"):
            fits.append([_Try(event["fit"])])
    return [found for found in map(_told, fits) if found.num_steps]


@dataclass
class _Try:
    """One beginning of a fit: sums of so many steps in a row, of epochs, losses and their number."""

    name: str
    bins: list[tuple[float, float, int]] = field(default_factory=list)
    per_bin: int = 1
    checks: dict[str, list[Point]] = field(default_factory=dict)
    best: float | None = None
    last: float = -1.0
    num_steps: int = 0

    def add_loss(self, epoch: float, loss: float) -> None:
        if self.bins and self.bins[-1][2] < self.per_bin:
            epochs, losses, n = self.bins[-1]
            self.bins[-1] = (epochs + epoch, losses + loss, n + 1)
        else:
            self.bins.append((epoch, loss, 1))
        if len(self.bins) > 2 * _MAX_POINTS:
            self._halve()

    def _halve(self) -> None:
        pairs = zip(self.bins[::2], [*self.bins[1::2], (0.0, 0.0, 0)], strict=False)
        self.bins = [(a[0] + b[0], a[1] + b[1], a[2] + b[2]) for a, b in pairs]
        self.per_bin *= 2

    def go_back(self, epoch: float) -> None:
        """A fit that goes on from an older state draws over what came after."""
        self.bins = [entry for entry in self.bins if entry[0] / entry[2] < epoch]
        self.checks = {name: [p for p in points if p[0] < epoch] for name, points in self.checks.items()}
        if self.best is not None and self.best >= epoch:
            self.best = None

    def curve(self) -> Curve:
        if len(self.bins) > _MAX_POINTS:
            self._halve()
        loss = [(round(epochs / n, 6), losses / n) for epochs, losses, n in self.bins]
        return Curve(self.name, loss, self.checks, self.best, self.num_steps)


def _add(tries: list[_Try], event: dict[str, Any]) -> None:
    epoch, one = event["epoch"], tries[-1]
    if epoch <= one.last:
        if one.bins and epoch > one.bins[0][0] / one.bins[0][2]:
            one.go_back(epoch)
        else:
            one = _Try(one.name)
            tries.append(one)
    one.last, one.num_steps = epoch, event["step"]
    if event.get("loss") is not None:
        one.add_loss(epoch, event["loss"])
    for name, value in (event.get("scores") or {}).items():
        if value is not None:
            one.checks.setdefault(name, []).append((epoch, value))
    if event.get("is_best"):
        one.best = epoch


def _told(tries: list[_Try]) -> Curve:
    """The last try that was the best, or the last of all."""
    return next((one for one in reversed(tries) if one.best is not None), tries[-1]).curve()


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _object(path: Path) -> dict[str, Any]:
    found = json.loads(_text(path) or "{}")
    assert isinstance(found, dict)
    return found


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
