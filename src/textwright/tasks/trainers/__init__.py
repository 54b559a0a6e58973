"""Trainers and engines by kind of architecture; torch is imported only for networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textwright.core.errors import BundleError
from textwright.core.files import read_json
from textwright.models.base import Shape
from textwright.models.registry import ARCHITECTURES, LATENT
from textwright.runtime.cpu import choose_waiting
from textwright.tasks.base import TASKS
from textwright.tasks.examples import Job
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers.base import Engine, Trainer
from textwright.tasks.trainers.ensemble import ENSEMBLE, EnsembleEngine
from textwright.text.schema import Schema


def trainer_for(job: Job, recipe: Recipe) -> Trainer:
    """The trainer of `job.model`. Raises ConfigError for an unknown name or setting."""
    if job.model == LATENT:
        from textwright.tasks.trainers.latent import LatentTrainer

        return LatentTrainer(job, recipe)
    if ARCHITECTURES.get(job.model).kind == "solver":
        from textwright.tasks.trainers.bag import BagTrainer

        return BagTrainer(job, recipe, name=job.model)
    choose_waiting()
    if ARCHITECTURES.get(job.model).kind == "encoder":
        from textwright.tasks.trainers.encoder import TRAINERS

        return TRAINERS[job.model](job, recipe, name=job.model)
    from textwright.tasks.trainers.network import NetworkTrainer

    return NetworkTrainer(job, recipe, name=job.model)


def load_engine(folder: Path, name: str, schema: Schema) -> Engine:
    """The engine of architecture `name` that `Engine.save` wrote. Raises BundleError for an unknown one."""
    config: dict[str, Any] = read_json(folder / "config.json")
    if name == ENSEMBLE:
        return EnsembleEngine.load(folder, config, lambda own, member: load_engine(own, member, schema))
    if name not in ARCHITECTURES:
        raise BundleError(
            f"{folder}: the architecture {name!r} is unknown to this version", hint="Update textwright."
        )
    if ARCHITECTURES.get(name).kind == "solver":
        from textwright.tasks.trainers.bag import BagEngine

        return BagEngine.load(folder, config)
    choose_waiting()
    if ARCHITECTURES.get(name).kind == "encoder":
        from textwright.tasks.trainers.encoder import EncoderEngine

        num_outputs = TASKS.get(schema.task).num_outputs(schema)
        shape = Shape(int(config["vocab_size"]), num_outputs, labels=tuple(schema.labels))
        return EncoderEngine.restore(folder, config, name, shape)
    from textwright.tasks.trainers.engine import NetworkEngine

    return NetworkEngine.load(folder, config)
