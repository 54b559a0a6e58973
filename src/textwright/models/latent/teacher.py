"""A linear model on few numbers a text: how strongly it is held back is chosen by cross-validation.

Every output is told from the rest by a loss of its own, as in `models.bag`; scores are least squares.

Shapes: N labelled texts, U other texts, D numbers of each, K outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.models.latent.directions import Array

Link = Literal["softmax", "sigmoid", "identity"]

_FOLDS = 5
# The strengths that are tried, as the inverse of what large weights cost (C of scikit-learn).
_STRENGTHS = (0.3, 3.0, 30.0)
_MOST_STEPS = 200


@dataclass(frozen=True)
class Taught:
    """Outputs for other texts (U, K), and for the labelled ones (N, K) by fits that had not seen them."""

    others: Array
    held_out: Array
    strength: float


def taught(known: Array, others: Array, targets: Array, link: Link, seed: int) -> Taught:
    """Fit `targets` (N, K), shares 0 to 1 or standardised scores, on numbers (N, D)."""
    folds = generator(seed, "latent", "folds").permutation(len(known)) % min(_FOLDS, len(known))
    best: Taught | None = None
    least = np.inf
    for strength in _STRENGTHS:
        held_out = _held_out(known, targets, folds, link, strength)
        loss = _loss(held_out, targets, link)[0]
        if loss < least:
            best, least = Taught(others[:0], held_out, strength), loss
    assert best is not None
    weights = _fit(known, targets, link, best.strength)
    return Taught(_outputs(others, weights), best.held_out, best.strength)


def _held_out(known: Array, targets: Array, folds: IntArray, link: Link, strength: float) -> Array:
    out = np.zeros_like(targets)
    for fold in np.unique(folds):
        inside, outside = folds != fold, folds == fold
        out[outside] = _outputs(known[outside], _fit(known[inside], targets[inside], link, strength))
    return out


def _outputs(numbers: Array, weights: Array) -> Array:
    out: Array = (numbers @ weights[:-1] + weights[-1]).astype(np.float32)
    return out


def _fit(numbers: Array, targets: Array, link: Link, strength: float) -> Array:
    """Weights (D + 1, K), the last row the constant, which is free."""
    shape = (numbers.shape[1] + 1, targets.shape[1])

    def cost(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(shape)
        loss, slope = _loss(numbers @ weights[:-1] + weights[-1], targets, link)
        gradient = np.concatenate([numbers.T @ slope + weights[:-1] / strength, slope.sum(axis=0)[None]])
        return loss + float((weights[:-1] ** 2).sum()) / (2 * strength), gradient.ravel()

    start = np.zeros(shape[0] * shape[1])
    found: Any = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": _MOST_STEPS})
    weights: Array = found.x.reshape(shape).astype(np.float32)
    return weights


def _loss(outputs: Any, targets: Array, link: Link) -> tuple[float, Any]:
    """The sum over rows and outputs, and its slope (N, K)."""
    if link == "identity":
        gap = outputs - targets
        return float((gap * gap).sum()) / 2, gap
    slope = 0.5 + 0.5 * np.tanh(0.5 * outputs) - targets
    return float((np.logaddexp(0, outputs) - outputs * targets).sum()), slope
