"""Fits `bag` and runs it: code points in, outputs out. No torch on this path."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from textwright.core.clock import Clock
from textwright.core.ragged import IntArray
from textwright.core.records import StepEvent
from textwright.models.bag.fit import BagChoice, BagData, BagFit, prepare
from textwright.models.bag.model import BagModel, BagSettings
from textwright.runtime.cpu import usable_cpus
from textwright.tasks.base import Array
from textwright.tasks.examples import Job, encode_codes
from textwright.tasks.judging import judged
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers.base import Engine, Foreseen


@dataclass
class BagEngine:
    """A bag model behind texts."""

    model: BagModel
    threads: int = 1
    architecture: str = "bag"

    @property
    def num_parameters(self) -> int:
        return self.model.num_parameters

    @property
    def num_bytes(self) -> int:
        return sum(array.nbytes for array in self.model.arrays().values())

    def outputs(self, texts: Sequence[str]) -> Array:
        return self.model.outputs(encode_codes(list(texts)), self.threads)

    def save(self, folder: Path) -> None:
        config = {"architecture": self.architecture, **self.model.config()}
        (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
        save_file(
            {k: np.ascontiguousarray(v) for k, v in self.model.arrays().items()}, folder / "model.safetensors"
        )

    @classmethod
    def load(cls, folder: Path, config: dict[str, Any]) -> BagEngine:
        model = BagModel.restore(config, load_file(folder / "model.safetensors"))
        return cls(model, usable_cpus(), config["architecture"])


class SolverTrainer:
    """What all trainers share that leave a bag: a search by `BagFit`, and what is known of it afterwards."""

    def __init__(self, job: Job, recipe: Recipe) -> None:
        self.job = job
        self.engine: Engine | None = None
        self.was_cut = False
        self._seed = recipe.seed
        self._cost = 0.0
        self._searched = 0
        self._best: BagChoice | None = None

    def _bag(self, settings: BagSettings, data: BagData) -> BagFit:
        return BagFit(settings, data, self._seed, lambda: self.job.clock.is_over())

    def _search(
        self, fit: BagFit, rows: IntArray, validation: IntArray, num_labelled: int
    ) -> Iterator[StepEvent]:
        """The events of a search on `rows`, `num_labelled` of which have a label."""
        examples, clock = self.job.examples, self.job.clock.again(None)
        held_out = examples.targets[validation]

        shown: dict[str, float] = {}

        def judge(outputs: Array) -> float:
            value, scores = judged(examples, outputs, held_out)
            shown.update(scores)
            return value

        for event in fit.search(rows, validation, judge):
            self._keep(fit)
            self._best = fit.best
            self._cost, self._searched = clock.elapsed() + bool(clock.steps), num_labelled
            yield replace(event, scores=dict(shown))

    def _keep(self, fit: BagFit) -> None:
        """The engine stays the one it is until there is another model."""
        model, engine = fit.model, self.engine
        if model is not None and not (isinstance(engine, BagEngine) and engine.model is model):
            self.engine = BagEngine(model, self.job.threads, self.job.model)

    def give(self, clock: Clock) -> None:
        self.job = replace(self.job, clock=clock)

    def foresee(self, rows: int) -> Foreseen:
        return Foreseen()

    def refit_seconds(self, rows: int) -> float:
        return self._cost * rows / max(self._searched, 1)

    def found(self) -> dict[str, Any]:
        choice = self._best.to_json() if self._best else None
        return {"choice": choice, "cost": self._cost, "rows": self._searched}

    def recall(self, found: dict[str, Any]) -> None:
        self._cost, self._searched = found["cost"], found["rows"]
        self._best = BagChoice.of_json(found["choice"]) if found["choice"] else None


class BagTrainer(SolverTrainer):
    """The trainer of `bag`."""

    def __init__(self, job: Job, recipe: Recipe, *, name: str = "bag") -> None:
        super().__init__(job, recipe)
        self.settings = BagSettings.parse(
            recipe.model_settings if recipe.model_name == name else {}, where="model."
        )

    @cached_property
    def _fit(self) -> BagFit:
        fit = self._bag(self.settings, self._data)
        fit.best = self._best
        return fit

    @cached_property
    def _data(self) -> BagData:
        examples, settings = self.job.examples, self.settings
        targets = examples.shares().astype(np.float32)

        def found() -> BagData:
            return prepare(
                examples.codes(),
                targets,
                examples.task.link(examples.schema),
                settings,
                ideographs=examples.schema.is_ideographic,
                threads=self.job.threads,
            )

        kept = examples.shared(f"n-grams {settings.words} {settings.chars} {settings.min_rows}", found)
        return replace(kept, targets=targets)  # of the same texts, others may be asked

    def search(self, train: IntArray, validation: IntArray) -> Iterator[StepEvent]:
        fit = self._fit  # n-grams are found here, and not again by the refit
        yield from self._search(fit, train, validation, len(train))

    def refit(self, rows: IntArray) -> Iterator[StepEvent]:
        for event in self._fit.refit(rows):
            self._keep(self._fit)
            yield event
        self._keep(self._fit)

    def encode(self) -> None:
        self.job.examples.codes()

    def reasons(self) -> dict[str, str]:
        found = self._fit.describe()
        blocks = " and ".join(_block(block) for block in found["blocks"])
        why = "the best on validation" if self._fit.best else "where the choice starts"
        return {
            "n-grams": f"{found['ngrams']:,} kept of {blocks}",
            "fit": f"{found['loss']} loss at rate {found['rate']:g}, {why}",
        }

    def choices(self) -> dict[str, Any]:
        return {"name": "bag", **self.settings.model_dump(mode="json"), "found": self._fit.describe()}


def _block(block: dict[str, int]) -> str:
    if block["max_words"]:
        return f"1 to {block['max_words']} words"
    return f"{block['min_chars']} to {block['max_chars']} characters"
