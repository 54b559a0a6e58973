"""Fits `latent`: a teacher of few numbers a text, and a bag that learns its answers to texts without labels.

Shapes: N labelled rows, U texts without labels, K outputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from textwright.core.ragged import IntArray, Ragged
from textwright.core.records import StepEvent
from textwright.models.bag.fit import BagData, BagFit, prepare
from textwright.models.bag.model import BagSettings
from textwright.models.latent.model import LatentSettings, numbers
from textwright.models.latent.teacher import taught
from textwright.tasks.base import Array
from textwright.tasks.examples import Job, encode_codes
from textwright.tasks.recipe import Recipe
from textwright.tasks.soft import soft_shares
from textwright.tasks.trainers.bag import SolverTrainer


class LatentTrainer(SolverTrainer):
    """The trainer of `latent`."""

    def __init__(self, job: Job, recipe: Recipe, *, name: str = "latent") -> None:
        super().__init__(job, recipe)
        self.settings = LatentSettings.parse(
            recipe.model_settings if recipe.model_name == name else {}, where="model."
        )
        self._strength = 0.0

    # What is known of all texts, shared with every other trainer of them.

    @cached_property
    def _data(self) -> BagData:
        examples = self.job.examples
        targets = np.concatenate([examples.shares(), self._empty]).astype(np.float32)

        def found() -> BagData:
            link, ideographs = examples.task.link(examples.schema), examples.schema.is_ideographic
            return prepare(
                self._codes, targets, link, BagSettings(), ideographs=ideographs, threads=self.job.threads
            )

        return replace(examples.shared("n-grams of all texts", found), targets=targets)

    @cached_property
    def _empty(self) -> Array:
        examples = self.job.examples
        return np.zeros((len(examples.unlabelled), examples.task.num_outputs(examples.schema)), np.float32)

    @property
    def _codes(self) -> Ragged:
        examples = self.job.examples

        def found() -> Ragged:
            return Ragged.concatenate([examples.codes(), encode_codes([*examples.unlabelled])])

        return examples.shared("code points of all texts", found)

    @cached_property
    def _numbers(self) -> Array:
        examples, settings = self.job.examples, self.settings

        def found() -> Array:
            pairs = examples.schema.is_ideographic
            return numbers(
                self._codes,
                self._data.present,
                settings,
                examples.seed,
                pairs=pairs,
                threads=self.job.threads,
            )

        return examples.shared(f"latent {settings.directions} {settings.company}", found)

    # The fits.

    def search(self, train: IntArray, validation: IntArray) -> Iterator[StepEvent]:
        fit, rows = self._fit(train)
        yield from self._search(fit, rows, validation, len(train))

    def refit(self, rows: IntArray) -> Iterator[StepEvent]:
        if self.engine is not None and self.job.clock.is_over():
            return
        fit, everything = self._fit(rows)
        fit.best = self._best
        for event in fit.refit(everything):
            if self.engine is None:
                self._keep(fit)
            yield event
        self._keep(fit)

    def _fit(self, rows: IntArray) -> tuple[BagFit, IntArray]:
        """A bag to be fitted on `rows` and all texts without labels, which it is told the answers of by a
        teacher that has learned from `rows` alone; and the numbers of both.
        """
        examples, num = self.job.examples, len(self.job.examples)
        shares = self._data.targets[:num]
        known, others = self._numbers[rows], self._numbers[num:]
        found = taught(known, others, shares[rows], examples.task.link(examples.schema), self._seed)
        self._strength = found.strength
        decode = examples.task.calibrate(found.held_out, examples.targets[rows], examples.decode)
        told = soft_shares(examples, found.others, decode, self.settings.temperature)
        counts = np.full(num + len(told), self.settings.share, np.float32)
        counts[:num] = 1
        data = replace(self._data, targets=np.concatenate([shares, told]), counts=counts)
        return self._bag(BagSettings(), data), np.concatenate([rows, np.arange(num, len(counts))])

    # What is said of them.

    def encode(self) -> None:
        _ = self._numbers

    def reasons(self) -> dict[str, str]:
        if self.engine is None:
            return {}
        num, width = len(self.job.examples.unlabelled), self._numbers.shape[1]
        return {
            "teacher": f"{width} numbers a text, learned with {num:,} texts without labels; "
            f"strength {self._strength:g} by cross-validation",
        }

    def choices(self) -> dict[str, Any]:
        return {"name": "latent", **self.settings.model_dump(mode="json"), "found": self.found()}
