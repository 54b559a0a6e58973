"""Logistic regression of a few features with a Gaussian prior around any means, by Newton's method.

A prior that is not around 0 lets what was never seen count: rows of a kind that the data lack are judged by
what is known of them beforehand.

Shapes: N rows, K features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textwright.measure.base import Array, FloatArray
from textwright.measure.calibrate import sigmoid

_ROUNDS, _ENOUGH, _MAX_HALVINGS = 100, 1e-10, 30


@dataclass(frozen=True)
class Logistic:
    """Weights (K,) and what is added: the log-odds of a row are features @ weights + bias."""

    weights: FloatArray
    bias: float

    def chances(self, features: FloatArray) -> FloatArray:
        """(N,) of rows with features (N, K)."""
        return sigmoid(features @ self.weights + self.bias)


def fit_logistic(features: FloatArray, truth: Array, means: Array, precision: float = 1.0) -> Logistic:
    """The likeliest weights where each is normal around `means` (K,) beforehand; the bias may be anything.

    `precision` is 1 over the variance, the C of scikit-learn turned over. Raises ValueError where all rows of
    `truth` (N,) are alike: the bias has no end.

    >>> rows = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> found = fit_logistic(rows, np.array([0, 0, 1, 1]), [0.0])
    >>> found.chances(np.array([[1.5]])).round(3).tolist(), bool(found.weights[0] > 0)
    ([0.5], True)
    """
    wanted = np.asarray(truth, np.float64)
    if not 0 < wanted.mean() < 1:
        raise ValueError("all rows are alike")
    rows = np.column_stack([features, np.ones(len(wanted))])
    prior = np.append(np.asarray(means, np.float64), 0.0)
    penalty = np.append(np.full(rows.shape[1] - 1, precision), 0.0)

    def loss(weights: FloatArray) -> float:
        odds = rows @ weights
        return float((np.logaddexp(0.0, odds) - wanted * odds).sum() + penalty @ (weights - prior) ** 2 / 2)

    weights = np.append(prior[:-1], np.log(wanted.mean() / (1 - wanted.mean())))
    now = loss(weights)
    for _ in range(_ROUNDS):
        chances = sigmoid(rows @ weights)
        slope = rows.T @ (chances - wanted) + penalty * (weights - prior)
        bend = (rows * (chances * (1 - chances))[:, None]).T @ rows + np.diag(penalty)
        step = np.linalg.lstsq(bend, slope, rcond=None)[0]
        for _ in range(_MAX_HALVINGS):  # far from the end a whole step may lead away from it
            if loss(weights - step) <= now:
                break
            step = step / 2
        weights, before, now = weights - step, now, loss(weights - step)
        if before - now <= _ENOUGH:
            break
    return Logistic(weights[:-1], float(weights[-1]))
