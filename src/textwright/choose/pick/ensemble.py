"""Which candidates answer better together, and with which weights, by their answers on validation.

Greedy selection with replacement (Caruana et al. 2004, doi:10.1145/1015330.1015432): the member that lowers
the loss the most is added again and again, so that weights are small whole numbers and most have none.
Weights that were chosen on some rows flatter themselves there: what the ensemble is worth is measured by
cross-fitting, each fifth of the rows with weights of the other four.

Shapes: M candidates, N rows of validation, K outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.tasks.base import Array, Decode, Task
from textwright.text.targets import Targets

Weights = NDArray[np.float64]
_ROUNDS, _FOLDS, _MOST_ROWS = 20, 5, 4_000
# Averaged log-odds are too shy: the loss is looked at with sharper ones as well.
_SHARPER = (1.0, 0.85, 0.7)
# A round must gain this share of the loss.
_LEAST_GAIN = 2e-4


@dataclass(frozen=True)
class Blend:
    """Weights (M,) of calibrated outputs, and the outputs (N, K) as cross-fitting gives them."""

    weights: Weights
    outputs: Array

    @property
    def members(self) -> list[int]:
        return [int(i) for i in np.flatnonzero(self.weights)]


def blend(outputs: Sequence[Array], truth: Targets, task: Task, decode: Decode, seed: int) -> Blend:
    """The best blend of candidates by their calibrated outputs (N, K) each; it may be one of them alone."""
    stacked = np.stack([np.asarray(rows, np.float64) for rows in outputs])
    weights = _greedy(stacked, truth, task, decode, seed)
    crossed = np.empty_like(stacked[0])
    folds = generator(seed, "ensemble", "folds").permutation(len(truth)) % _FOLDS
    for fold in range(_FOLDS):
        inside, outside = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        if len(outside) and len(inside):
            own = _greedy(stacked[:, outside], truth[outside], task, decode, seed)
            crossed[inside] = np.tensordot(own, stacked[:, inside], axes=1)
    return Blend(weights, crossed.astype(np.float32))


def _greedy(stacked: Array, truth: Targets, task: Task, decode: Decode, seed: int) -> Weights:
    """Weights (M,) that add up to 1."""
    rows = _sample(len(truth), seed)
    stacked, truth = stacked[:, rows], truth[rows]
    counts = np.zeros(len(stacked))
    total, best = np.zeros_like(stacked[0]), np.inf
    for number in range(1, _ROUNDS + 1):
        losses = [_loss((total + own) / number, truth, task, decode) for own in stacked]
        chosen = int(np.argmin(losses))
        if losses[chosen] > best * (1 - _LEAST_GAIN):
            break
        counts[chosen] += 1
        total, best = total + stacked[chosen], losses[chosen]
    weights: Weights = counts / counts.sum()
    return weights


def _loss(outputs: Array, truth: Targets, task: Task, decode: Decode) -> float:
    sharpened = _SHARPER if task.name != "score" else _SHARPER[:1]
    return min(task.loss(outputs / factor, truth, decode) for factor in sharpened)


def _sample(num_rows: int, seed: int) -> IntArray:
    if num_rows <= _MOST_ROWS:
        return np.arange(num_rows)
    return np.sort(generator(seed, "ensemble", "rows").permutation(num_rows)[:_MOST_ROWS])
