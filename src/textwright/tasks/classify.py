"""One label a row: topic, intent, spam or not, positive or negative."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from textwright.measure.base import Meter
from textwright.measure.calibrate import fit_temperature, fit_temperature_binary, sigmoid, softmax
from textwright.measure.classify import ClassifyMeter
from textwright.tasks.base import TEMPERATURE_SPREAD, Array, Baseline, Decode, FloatArray, Link
from textwright.tasks.rejecting import is_answered
from textwright.text.schema import Schema, TaskName
from textwright.text.targets import Targets


class Classify:
    """Two classes are one output with a sigmoid, more are a softmax.

    The answer is the most probable class, or with offsets the one with the highest sum of log-probability
    and offset; of equals it is the first. With a threshold the `label` of a row that does not reach it is
    None, and `guess` is what it would have been.
    """

    name: TaskName = "classify"
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
        return self.loss(outputs, targets, self.calibrate(outputs, targets, decode))

    def loss(self, outputs: Array, targets: Targets, decode: Decode) -> float:
        return self.loss_of(self.measured(outputs, decode), targets)

    def loss_of(self, measured: Array, targets: Targets) -> float:
        right = measured[np.arange(len(targets)), targets]
        return float(-np.log(np.maximum(right, 1e-12)).mean())

    def glance(self, outputs: Array, targets: Targets, decode: Decode) -> float:
        return float((self.answered(outputs, decode) == targets).mean())

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

    def support(self, outputs: Array, decode: Decode) -> FloatArray:
        rows = outputs.astype(np.float64) / decode.temperature
        if rows.shape[1] == 1:
            rows = np.concatenate([np.zeros_like(rows), rows], axis=1)
        moved: FloatArray = rows + np.array(decode.offsets) if decode.offsets else rows
        return moved

    def answered(self, outputs: Array, decode: Decode) -> Targets:
        # Probabilities and their logarithms have the same order, but do not round alike.
        rows = self.support(outputs, decode) if decode.offsets else self.measured(outputs, decode)
        ids: NDArray[np.int64] = rows.argmax(axis=1).astype(np.int64)
        return ids

    def meter(self, schema: Schema) -> Meter:
        return ClassifyMeter(schema.labels)

    def answers(
        self, outputs: Array, schema: Schema, decode: Decode, probabilities: bool
    ) -> list[dict[str, Any]]:
        shares = self.measured(outputs, decode)
        rows: list[dict[str, Any]] = [
            {"label": schema.labels[i], "probability": round(float(p[i]), 6)}
            for i, p in zip(self.answered(outputs, decode), shares, strict=True)
        ]
        if decode.least is not None:
            known = is_answered(self, outputs, decode)
            rows = [
                {"label": row["label"] if knows else None, "guess": row["label"], **_without_label(row)}
                for row, knows in zip(rows, known, strict=True)
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


def _without_label(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "label"}


TASK = Classify()
