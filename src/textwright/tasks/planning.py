"""What a training would do: the recipe resolved, a reason for every `auto`, estimates measured here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from textwright.core.clock import Clock
from textwright.core.seeds import generator
from textwright.models.registry import ARCHITECTURES
from textwright.runtime.cpu import usable_cpus
from textwright.tasks.examples import Examples, Job
from textwright.tasks.prepare import Prepared
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers import trainer_for
from textwright.tasks.trainers.base import Trainer

if TYPE_CHECKING:
    from textwright.learn.loop import Fit

_PROBED_ROWS = 1_000
_BYTES_OF_TORCH = 350e6


@dataclass(frozen=True)
class CandidatePlan:
    """One candidate before it is fitted.

    `parameters` are those of the model that is saved, `trainable` those that the fit changes: some of them,
    or additions to them; None where they follow from the data. `memory_bytes` is without activations.
    """

    model: str
    settings: dict[str, Any]
    parameters: int | None
    trainable: int | None
    seconds: float
    memory_bytes: int
    reasons: dict[str, str]


@dataclass(frozen=True)
class Plan:
    """The recipe with its automatic choices made."""

    task: str
    schema: dict[str, Any]
    rows: dict[str, int]
    account: list[str]
    candidates: list[CandidatePlan]
    reasons: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "candidates": [vars(c) for c in self.candidates]}


def make_plan(prepared: Prepared, recipe: Recipe, candidates: Mapping[str, Recipe]) -> Plan:
    """Resolve everything and time a few steps of each candidate on a sample; nothing is kept.

    `candidates` are by name, each with the recipe that it is fitted by.
    """
    rows = {
        "train": len(prepared.train),
        "validation": len(prepared.validation),
        "test": len(prepared.locked_texts),
    }
    schema = prepared.corpus.schema
    reasons = {
        "model": "the candidates that are tried, the cheap ones first; the best on validation is refitted"
        if len(candidates) > 1
        else "as asked",
        "budget.minutes": _budget(recipe),
        "processors": f"{usable_cpus()}: those that this process may use; each candidate takes what suits it",
        "split.validation": f"{rows['validation']:,} rows to choose on, at most 10,000",
        "split.test": f"{rows['test']:,} rows, locked: nothing is chosen on them",
    }
    if recipe.distil.into:
        others = f" and of {len(prepared.unlabelled):,} texts without labels" if prepared.unlabelled else ""
        reasons["distil.into"] = (
            f"{recipe.distil.into}: learns the answers of the best to these rows{others}, and is kept"
        )
    plans = [_plan(name, prepared, own) for name, own in candidates.items()]
    return Plan(schema.task, schema.model_dump(mode="json"), rows, prepared.account(), plans, reasons)


def _budget(recipe: Recipe) -> str:
    if recipe.budget.steps is not None:
        return f"none: {recipe.budget.steps:,} steps for all candidates together"
    if recipe.budget.minutes is None:
        return "none given: until validation is flat, ten minutes at most"
    return f"{recipe.budget.minutes:g}: candidates share them in turn; the estimates below do not know of it"


def _plan(name: str, prepared: Prepared, recipe: Recipe) -> CandidatePlan:
    model = recipe.model_name
    if ARCHITECTURES.get(model).kind == "solver":
        return _plan_solver(name, prepared, recipe)
    examples = prepared.examples
    trainer = trainer_for(Job(model, examples, Clock.starting(), usable_cpus()), recipe)
    from textwright.tasks.trainers.network import NetworkTrainer  # after it chose how threads wait

    assert isinstance(trainer, NetworkTrainer)
    fits: list[Fit] = []
    trainer.on_fit = fits.append
    per_row = trainer.probe()
    assert trainer.engine is not None
    weights = list(fits[0].model.parameters())
    trainable = sum(weight.numel() for weight in weights if weight.requires_grad)
    # Once to choose on the training part, once more on all rows; early stopping makes both shorter.
    seconds = per_row * trainer.epochs * (len(prepared.train) + len(examples))
    # Four bytes each for a weight, and where it learns for its gradient and two numbers of the optimizer.
    numbers = sum(weight.numel() for weight in weights) + 3 * trainable
    return CandidatePlan(
        name,
        _settings(trainer),
        trainer.engine.num_parameters,
        trainable,
        round(seconds, 1),
        int(_BYTES_OF_TORCH + 4 * numbers + 8 * sum(map(len, examples.texts))),
        trainer.reasons(),
    )


def _settings(trainer: Trainer) -> dict[str, Any]:
    return {key: value for key, value in trainer.choices().items() if key not in ("name", "found")}


def _plan_solver(name: str, prepared: Prepared, recipe: Recipe) -> CandidatePlan:
    """Time the whole fit on a sample of the rows; it grows with them."""
    examples = prepared.examples
    chosen = np.sort(generator(recipe.seed, "probe").permutation(len(examples))[:_PROBED_ROWS])
    sample = Examples(
        [examples.texts[i] for i in chosen], examples.targets[chosen], examples.schema, recipe.seed
    )
    clock = Clock.starting(30)
    trainer = trainer_for(Job(recipe.model_name, sample, clock, usable_cpus()), recipe)
    cut = max(len(chosen) // 10, 1)
    for events in (
        trainer.search(np.arange(cut, len(chosen)), np.arange(cut)),
        trainer.refit(np.arange(len(chosen))),
    ):
        for _ in events:
            pass
    growth = len(examples) / max(len(chosen), 1)
    seconds, memory = clock.elapsed() * growth, int(2e8 + 60 * sum(map(len, examples.texts)))
    return CandidatePlan(name, _settings(trainer), None, None, round(seconds, 1), memory, trainer.reasons())
