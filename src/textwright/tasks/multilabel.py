"""Any number of labels a row: each is asked apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from textwright.measure.base import Meter
from textwright.measure.calibrate import fit_temperature_binary, sigmoid
from textwright.measure.multilabel import MultilabelMeter
from textwright.tasks.base import TEMPERATURE_SPREAD, Array, Baseline, Decode, FloatArray, Link
from textwright.text.schema import Schema, TaskName
from textwright.text.targets import Targets

THRESHOLD = 0.5


class Multilabel:
    """One sigmoid a label; a row gets the labels above one half, which may be none.

    Offsets are added to the log-odds of a label first: with -1 it must be more probable than 0.73.
    """

    name: TaskName = "multilabel"
    headline = "micro_f1"

    def link(self, schema: Schema) -> Link:
        return "sigmoid"

    def num_outputs(self, schema: Schema) -> int:
        return len(schema.labels)

    def scaling(self, targets: Targets) -> Decode:
        return Decode()

    def fitted(self, targets: Targets, schema: Schema, decode: Decode) -> Array:
        return targets.astype(np.float32)

    def strata(self, targets: Targets) -> NDArray[np.int64]:
        """The rarest label of each row; rows without any are a stratum of their own."""
        counts = targets.sum(axis=0)
        rarity = np.where(targets > 0, counts, np.iinfo(np.int64).max)
        rarest: NDArray[np.int64] = rarity.argmin(axis=1).astype(np.int64)
        return np.where(targets.any(axis=1), rarest, targets.shape[1])

    def judge(self, outputs: Array, targets: Targets, decode: Decode) -> float:
        """Log loss a cell at the best temperature."""
        return self.loss(outputs, targets, self.calibrate(outputs, targets, decode))

    def loss(self, outputs: Array, targets: Targets, decode: Decode) -> float:
        return self.loss_of(self.measured(outputs, decode), targets)

    def loss_of(self, measured: Array, targets: Targets) -> float:
        right = np.where(targets > 0, measured, 1 - measured)
        return float(-np.log(np.maximum(right, 1e-12)).mean())

    def glance(self, outputs: Array, targets: Targets, decode: Decode) -> float:
        answers = self.answered(outputs, decode) > 0
        both = int((answers & (targets > 0)).sum())
        return 2 * both / max(int(answers.sum()) + int(targets.sum()), 1)

    def calibrate(self, outputs: Array, targets: Targets, decode: Decode) -> Decode:
        return decode.replaced(
            {"temperature": fit_temperature_binary(outputs, targets, spread=TEMPERATURE_SPREAD)}
        )

    def measured(self, outputs: Array, decode: Decode) -> Array:
        return sigmoid(outputs / decode.temperature)

    def support(self, outputs: Array, decode: Decode) -> FloatArray:
        rows: FloatArray = outputs.astype(np.float64) / decode.temperature
        return rows + np.array(decode.offsets) if decode.offsets else rows

    def answered(self, outputs: Array, decode: Decode) -> Targets:
        # Without offsets by the probabilities themselves, as they round.
        if decode.offsets:
            return (self.support(outputs, decode) >= 0).astype(np.uint8)
        return (self.measured(outputs, decode) >= THRESHOLD).astype(np.uint8)

    def meter(self, schema: Schema) -> Meter:
        return MultilabelMeter(schema.labels, THRESHOLD)

    def answers(
        self, outputs: Array, schema: Schema, decode: Decode, probabilities: bool
    ) -> list[dict[str, Any]]:
        rows = []
        for shares, has in zip(self.measured(outputs, decode), self.answered(outputs, decode), strict=True):
            found = [i for i in np.argsort(-shares, kind="stable") if has[i]]
            row: dict[str, Any] = {"labels": [schema.labels[i] for i in found]}
            if probabilities:
                named = zip(schema.labels, shares, strict=True)
                row["probabilities"] = {label: round(float(share), 6) for label, share in named}
            rows.append(row)
        return rows

    def baseline(self, targets: Targets, rows: int) -> Baseline:
        return Baseline("the labels that most rows have", np.tile(targets.mean(axis=0), (rows, 1)))


TASK = Multilabel()
