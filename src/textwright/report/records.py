"""What a model folder says of itself: its JSON records, read for pages and cards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

_MAX_POINTS = 240
_MAX_CLEANED = 20

Point = tuple[float, float]


@dataclass
class Curve:
    """One fit: its loss by epoch, thinned, and every check on validation; `best` is the epoch kept."""

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
    cleaned: list[dict[str, Any]]
    curves: list[Curve]
    recipe: str


def read_records(folder: Path, manifest: dict[str, Any], name: str) -> Records:
    """The records of a model folder; `manifest` is given, as it may not have been written yet."""
    return Records(
        name=name,
        manifest=manifest,
        plan=_object(folder / "plan.json"),
        scores=_object(folder / "scores.json"),
        data=_object(folder / "data.json"),
        wrong=list(read_lines(folder / "wrong.jsonl")),
        cleaned=[*islice(read_lines(folder / "cleaning.jsonl"), _MAX_CLEANED)],
        curves=read_curves(folder / "events.jsonl"),
        recipe=_text(folder / "recipe.yaml"),
    )


def read_curves(path: Path) -> list[Curve]:
    """The fits in the events of a run, in order, each with at most some hundred points of its loss."""
    curves: list[Curve] = []
    for event in read_lines(path):
        if "step" not in event:
            if event.get("fit"):
                curves.append(Curve(event["fit"]))
            continue
        if not curves:
            curves.append(Curve(""))
        _add(curves[-1], event)
    for curve in curves:
        curve.loss = _thinned(curve.loss)
    return [curve for curve in curves if curve.num_steps]


def _add(curve: Curve, event: dict[str, Any]) -> None:
    if curve.loss and event["epoch"] <= curve.loss[-1][0]:
        _go_back(curve, event["epoch"])
    curve.num_steps = event["step"]
    if event.get("loss") is not None:
        curve.loss.append((event["epoch"], event["loss"]))
        if len(curve.loss) > 16 * _MAX_POINTS:
            curve.loss = _thinned(curve.loss)
    for name, value in (event.get("scores") or {}).items():
        if value is not None:
            curve.checks.setdefault(name, []).append((event["epoch"], value))
    if event.get("is_best"):
        curve.best = event["epoch"]


def _go_back(curve: Curve, epoch: float) -> None:
    """A fit that begins anew, or goes on from an older state, draws over what came after."""
    curve.loss = [point for point in curve.loss if point[0] < epoch]
    curve.checks = {name: [p for p in points if p[0] < epoch] for name, points in curve.checks.items()}
    if curve.best is not None and curve.best >= epoch:
        curve.best = None


def _thinned(points: list[Point]) -> list[Point]:
    step = -(-len(points) // _MAX_POINTS)
    return points if step <= 1 else [*points[:-1:step], points[-1]]


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
