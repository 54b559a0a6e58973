"""Trainers and engines by kind of architecture; torch is imported only for networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textwright.core.errors import BundleError
from textwright.core.files import read_json
from textwright.models.registry import ARCHITECTURES
from textwright.runtime.cpu import choose_waiting
from textwright.tasks.examples import Job
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers.base import Engine, Trainer


def trainer_for(job: Job, recipe: Recipe) -> Trainer:
    """The trainer of `job.model`. Raises ConfigError for an unknown name or setting."""
    if ARCHITECTURES.get(job.model).kind == "solver":
        from textwright.tasks.trainers.bag import BagTrainer

        return BagTrainer(job, recipe, name=job.model)
    choose_waiting()
    from textwright.tasks.trainers.network import NetworkTrainer

    return NetworkTrainer(job, recipe, name=job.model)


def load_engine(folder: Path) -> Engine:
    """The engine that `Engine.save` wrote. Raises BundleError when it cannot be built."""
    config: dict[str, Any] = read_json(folder / "config.json")
    name = config.pop("architecture", "")
    if name not in ARCHITECTURES:
        raise BundleError(
            f"{folder}: the architecture {name!r} is unknown to this version", hint="Update textwright."
        )
    if ARCHITECTURES.get(name).kind == "solver":
        from textwright.tasks.trainers.bag import BagEngine

        return BagEngine.load(folder, config)
    choose_waiting()
    from textwright.tasks.trainers.network import NetworkEngine

    return NetworkEngine.load(folder, {"architecture": name, **config})
