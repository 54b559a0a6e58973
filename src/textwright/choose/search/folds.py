"""Cross-validation behind the face of one trainer: the rows are held out in turn, so that few rows tell more.

Shapes: N rows, K outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from textwright.core.clock import Clock
from textwright.core.events import Event
from textwright.core.ragged import IntArray
from textwright.tasks.base import Array
from textwright.tasks.examples import Job
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers import trainer_for
from textwright.tasks.trainers.base import Engine, Foreseen, Trainer


class Folded:
    """A trainer a fold; what is refitted is the one whose search took the middle length.

    After a search `held_out` has the outputs (N, K) for all rows, each by the trainer that had not seen it.
    Rows after these N whose fold is -1 are trained on in every fold, and never held out.
    """

    def __init__(self, make: Callable[[], Trainer], fold: IntArray, texts: Sequence[str]) -> None:
        self.name = ""
        self._fold, self._texts = fold, texts
        self._trainers = [make() for _ in range(int(fold.max()) + 1)]
        self._chosen = self._trainers[0]
        self._was_cut = False
        self.held_out: Array | None = None
        self.on_fit: Callable[[Any], None] = lambda fit: None

    @property
    def epochs(self) -> float:
        return float(getattr(self._chosen, "epochs", 0.0))

    @property
    def engine(self) -> Engine | None:
        return self._chosen.engine

    @property
    def engines(self) -> list[Engine | None]:
        """The engine of each fold, which has not seen the rows of that."""
        return [trainer.engine for trainer in self._trainers]

    @property
    def was_cut(self) -> bool:
        return self._was_cut or any(trainer.was_cut for trainer in self._trainers)

    def give(self, clock: Clock) -> None:
        self._clock = clock

    def encode(self) -> None:
        self._chosen.encode()

    def foresee(self, rows: int) -> Foreseen:
        """Of all folds; `rows` are those that are not locked."""
        num = len(self._trainers)
        one = self._chosen.foresee(rows * (num - 1) // num)
        return Foreseen(num * one.planned, num * one.least)

    def search(self, train: IntArray, validation: IntArray) -> Iterator[Event]:
        """The events of the folds, one after the other; `train` and `validation` are all rows here."""
        for number, trainer in enumerate(self._trainers):
            if hasattr(trainer, "on_fit"):
                trainer.on_fit = self.on_fit
            trainer.give(self._clock.part(1 / (len(self._trainers) - number)))
            self._chosen = trainer
            yield from trainer.search(
                *(np.flatnonzero(self._fold != number), np.flatnonzero(self._fold == number))
            )
            self._answer(number, trainer)
        costs = [trainer.refit_seconds(len(self._fold)) for trainer in self._trainers]
        self._chosen = self._trainers[int(np.argsort(costs, kind="stable")[len(costs) // 2])]

    def _answer(self, number: int, trainer: Trainer) -> None:
        rows = np.flatnonzero(self._fold == number)
        if trainer.engine is None or not len(rows):
            return
        outputs = trainer.engine.outputs([self._texts[int(i)] for i in rows])
        if self.held_out is None:
            self.held_out = np.zeros((int((self._fold >= 0).sum()), outputs.shape[1]), np.float32)
        self.held_out[rows] = outputs

    def refit(self, rows: IntArray) -> Iterator[Event]:
        self._chosen.give(self._clock)
        return self._chosen.refit(rows)

    def refit_seconds(self, rows: int) -> float:
        return self._chosen.refit_seconds(rows)

    def found(self) -> dict[str, Any]:
        """Of the trainer that is refitted."""
        return {**self._chosen.found(), "folds_cut": self.was_cut}

    def recall(self, found: dict[str, Any]) -> None:
        self._was_cut = found["folds_cut"]
        self._chosen.recall({key: value for key, value in found.items() if key != "folds_cut"})

    def reasons(self) -> dict[str, str]:
        folds = f"{len(self._trainers)} parts of the rows were held out in turn, as there are few"
        return {**self._chosen.reasons(), "folds": folds}

    def choices(self) -> dict[str, Any]:
        return self._chosen.choices()


def folded_trainer(job: Job, recipe: Recipe, folds: IntArray | None) -> Trainer:
    """The trainer of a candidate: that of its kind, or one a fold where rows are held out in turn."""
    if folds is None:
        return trainer_for(job, recipe)
    return Folded(lambda: trainer_for(job, recipe), folds, job.examples.texts)
