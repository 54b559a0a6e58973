"""Probabilities that mean what they say: one temperature that divides all logits.

Temperature scaling keeps the order of the answers: Guo et al. 2017, arXiv:1706.04599.

Shapes: N rows, C classes or labels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from textwright.core.errors import DataError
from textwright.measure.base import FloatArray, class_ids, label_bits, require_rows

MIN_TEMPERATURE = 0.01
MAX_TEMPERATURE = 100.0


def softmax(logits: ArrayLike) -> FloatArray:
    """Probabilities over the last axis, in float64, without overflow.

    >>> softmax([1000.0, 1000.0]).tolist()
    [0.5, 0.5]
    """
    z = np.asarray(logits, dtype=np.float64)
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    out: FloatArray = powers / powers.sum(axis=-1, keepdims=True)
    return out


def sigmoid(logits: ArrayLike) -> FloatArray:
    """1 / (1 + exp(-logits)) in float64, without overflow and exact in the tails.

    >>> sigmoid([0.0, -1000.0, 1000.0]).tolist()
    [0.5, 0.0, 1.0]
    """
    z = np.asarray(logits, dtype=np.float64)
    out: FloatArray = np.exp(-np.logaddexp(0.0, -z))
    return out


def fit_temperature(logits: ArrayLike, truth: ArrayLike, *, spread: float = np.inf) -> float:
    """The temperature T that minimises the mean -ln softmax(logits / T)[truth] over held-out rows.

    Takes logits (N, C) and class ids (N,). A finite `spread` is how far ln T is expected to be from 0 (the
    standard deviation of a normal prior): few rows then move T little. T lies in 0.01 ... 100. Where every
    row is right the likelihood grows for ever as T falls, which says nothing about confidence: T is then 1.
    Raises DataError for logits that are not finite, ids that are no class, and no rows.

    >>> overconfident = np.array([[4.0, 0.0]] * 10)
    >>> T = fit_temperature(overconfident, [0] * 8 + [1] * 2)
    >>> round(float(softmax(overconfident[0] / T)[0]), 4)
    0.8
    """
    z = _checked(logits)
    ids = class_ids(truth, z.shape[1], 0)
    of_truth = z[np.arange(len(z)), ids]
    if (of_truth >= z.max(axis=1)).all():
        return 1.0

    def slope(inverse: float) -> float:
        expected = (softmax(inverse * z) * z).sum(axis=1)
        return float(np.mean(expected - of_truth))

    return _temperature(slope, 1 / (spread**2 * len(z)))


def fit_temperature_binary(logits: ArrayLike, truth: ArrayLike, *, spread: float = np.inf) -> float:
    """The temperature T that minimises the mean binary log loss of sigmoid(logits / T) over held-out rows.

    Takes logits (N, C) and truth (N, C) of 0 and 1, for one or many independent outputs. `spread`, bounds,
    the answer where every output is right, and errors are those of `fit_temperature`.
    """
    z = _checked(logits)
    y = label_bits(truth, (z.shape[0], z.shape[1]), 0)
    if (z * (2 * y - 1) >= 0).all():
        return 1.0

    def slope(inverse: float) -> float:
        return float(np.mean((sigmoid(inverse * z) - y) * z))

    return _temperature(slope, 1 / (spread**2 * len(z)))


def _temperature(slope: Callable[[float], float], pull: float) -> float:
    """Where the slope of the loss over ln(1 / T), with a `pull` towards T = 1, is 0.

    `slope` is over 1 / T, in which the loss is convex.
    """
    from scipy.optimize import brentq

    low, high = np.log(1 / MAX_TEMPERATURE), np.log(1 / MIN_TEMPERATURE)

    def pulled(power: float) -> float:
        return float(np.exp(power) * slope(np.exp(power)) + pull * power)

    if pulled(low) >= 0:
        return MAX_TEMPERATURE
    if pulled(high) <= 0:
        return MIN_TEMPERATURE
    return float(np.exp(-brentq(pulled, low, high, xtol=1e-8)))


def _checked(logits: ArrayLike) -> FloatArray:
    z = np.asarray(logits, dtype=np.float64)
    if z.ndim != 2:
        raise ValueError(f"logits have the shape {z.shape}, expected (rows, outputs)")
    require_rows(len(z))
    wrong = ~np.isfinite(z).all(axis=1)
    if wrong.any():
        raise DataError(f"row {int(np.argmax(wrong)):,} (counted from 0) of the logits is not finite")
    return z
