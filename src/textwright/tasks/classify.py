"""One label a row: topic, intent, spam or not, positive or negative."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from textwright.measure.base import Meter
from textwright.measure.calibrate import fit_temperature, fit_temperature_binary, sigmoid, softmax
from textwright.measure.classify import ClassifyMeter
from textwright.tasks.base import TEMPERATURE_SPREAD, Array, Baseline, Decode, Link
from textwright.text.schema import Schema
from textwright.text.targets import Targets


class Classify:
    """Two classes are one output with a sigmoid, more are a softmax."""

    name = "classify"
    headline = "accuracy"

    def link(self, schema: Schema) -> Link:
        return "sigmoid" if len(schema.labels) == 2 else "softmax"

    def num_outputs(self, schema: Schema) -> int:
        return 1 if len(schema.labels) == 2 else len(schema.labels)

    def scaling(self, targets: Targets) -> Decode:
        return Decode()

    def fitted(self, targets: Targets, schema: Schema, decode: Decode) -> Array:
        return targets.astype(np.float32)[:, None] if len(schema.labels) == 2 else targets

    def strata(self, targets: Targets) -> NDArray[np.int64]:
        return targets.astype(np.int64)

    def judge(self, outputs: Array, targets: Targets, decode: Decode) -> float:
        """Log loss at the best temperature: smoother than accuracy, and fair to over-confident models."""
        calibrated = self.measured(outputs, self.calibrate(outputs, targets, decode))
        right = calibrated[np.arange(len(targets)), targets]
        return float(-np.log(np.maximum(right, 1e-12)).mean())

    def glance(self, outputs: Array, targets: Targets, decode: Decode) -> float:
        answers = outputs[:, 0] > 0 if outputs.shape[1] == 1 else outputs.argmax(axis=1)
        return float((answers == targets).mean())

    def calibrate(self, outputs: Array, targets: Targets, decode: Decode) -> Decode:
        if outputs.shape[1] == 1:
            return decode.replaced(
                {"temperature": fit_temperature_binary(outputs, targets[:, None], spread=TEMPERATURE_SPREAD)}
            )
        return decode.replaced({"temperature": fit_temperature(outputs, targets, spread=TEMPERATURE_SPREAD)})

    def measured(self, outputs: Array, decode: Decode) -> Array:
        if outputs.shape[1] == 1:
            second = sigmoid(outputs / decode.temperature)
            return np.concatenate([1 - second, second], axis=1)
        return softmax(outputs / decode.temperature)

    def meter(self, schema: Schema) -> Meter:
        return ClassifyMeter(schema.labels)

    def answers(
        self, outputs: Array, schema: Schema, decode: Decode, probabilities: bool
    ) -> list[dict[str, Any]]:
        shares = self.measured(outputs, decode)
        best = shares.argmax(axis=1)
        rows = [
            {"label": schema.labels[i], "probability": round(float(p[i]), 6)}
            for i, p in zip(best, shares, strict=True)
        ]
        if not probabilities:
            return rows
        return [
            {
                **row,
                "probabilities": {
                    label: round(float(v), 6) for label, v in zip(schema.labels, p, strict=True)
                },
            }
            for row, p in zip(rows, shares, strict=True)
        ]

    def baseline(self, targets: Targets, rows: int) -> Baseline:
        shares = np.bincount(targets.astype(np.int64)) / len(targets)
        return Baseline("always the commonest class", np.tile(shares, (rows, 1)))


TASK = Classify()
