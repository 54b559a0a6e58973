"""A graded answer: stars, points, how positive a text is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from textwright.measure.base import Meter
from textwright.measure.graded import GradedMeter
from textwright.tasks.base import Array, Baseline, Decode, FloatArray, Link
from textwright.text.schema import Schema, TaskName
from textwright.text.targets import Targets

_NUM_STRATA = 10


class Graded:
    """Scores are fitted with mean 0 and spread 1, and answered inside the range that was seen."""

    name: TaskName = "score"
    headline = "mse"

    def link(self, schema: Schema) -> Link:
        return "identity"

    def num_outputs(self, schema: Schema) -> int:
        return 1

    def scaling(self, targets: Targets) -> Decode:
        low, high = float(targets.min()), float(targets.max())
        spread = max(float(targets.std()), 1e-9)
        return Decode(offset=float(targets.mean()), spread=spread, low=low, high=high)

    def fitted(self, targets: Targets, schema: Schema, decode: Decode) -> Array:
        return ((targets - decode.offset) / decode.spread).astype(np.float32)[:, None]

    def strata(self, targets: Targets) -> NDArray[np.int64]:
        """Tenths of the rows by score."""
        edges = np.quantile(targets, np.linspace(0, 1, _NUM_STRATA + 1)[1:-1])
        return np.searchsorted(edges, targets, side="right").astype(np.int64)

    def judge(self, outputs: Array, targets: Targets, decode: Decode) -> float:
        return self.loss(outputs, targets, decode)

    def loss(self, outputs: Array, targets: Targets, decode: Decode) -> float:
        return self.loss_of(self.measured(outputs, decode), targets)

    def loss_of(self, measured: Array, targets: Targets) -> float:
        """Mean squared error."""
        gap = measured - targets
        return float((gap * gap).mean())

    def glance(self, outputs: Array, targets: Targets, decode: Decode) -> float:
        return self.judge(outputs, targets, decode)

    def calibrate(self, outputs: Array, targets: Targets, decode: Decode) -> Decode:
        return decode

    def measured(self, outputs: Array, decode: Decode) -> Array:
        """Scores inside the range that was seen."""
        scores = outputs[:, 0].astype(np.float64) * decode.spread + decode.offset
        return scores if decode.low is None else np.clip(scores, decode.low, decode.high)

    def support(self, outputs: Array, decode: Decode) -> FloatArray:
        return np.asarray(self.measured(outputs, decode), np.float64)[:, None]

    def answered(self, outputs: Array, decode: Decode) -> Targets:
        return np.asarray(self.measured(outputs, decode), np.float64)

    def meter(self, schema: Schema) -> Meter:
        return GradedMeter()

    def answers(
        self, outputs: Array, schema: Schema, decode: Decode, probabilities: bool
    ) -> list[dict[str, Any]]:
        return [{"score": round(float(v), 6)} for v in self.answered(outputs, decode)]

    def baseline(self, targets: Targets, rows: int) -> Baseline:
        return Baseline("always the mean score", np.full(rows, targets.mean()))


TASK = Graded()
