"""Confident learning: how many labels are wrong, and which (Northcutt et al. 2021, arXiv:1911.00068).

Shapes: N rows, C classes.
"""

from __future__ import annotations

import numpy as np

from textwright.core.ragged import IntArray
from textwright.measure.base import Array, FloatArray

_NEARLY = 1e-6  # a probability that equals its threshold passes it, whatever the rounding


def confident_joint(classes: IntArray, chances: Array) -> IntArray:
    """Rows (C, C) by the class given and the class that the chances are confident of.

    `chances` (N, C) are of a classifier that did not learn from the row. One is confident of a class when its
    chance reaches the mean chance of that class among the rows that were given it; of several the likeliest
    counts, and a row without any is left out. The diagonal is at least 1.

    >>> confident_joint(np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9]]))
    array([[1, 1],
           [0, 1]])
    """
    num = chances.shape[1]
    counts = np.bincount(classes, minlength=num)
    sums = np.bincount(classes, weights=chances[np.arange(len(classes)), classes], minlength=num)
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    passing = np.where(chances >= thresholds - _NEARLY, chances, -1.0)
    kept = passing.max(axis=1) >= 0
    cells = classes[kept] * num + passing[kept].argmax(axis=1)
    joint = np.bincount(cells, minlength=num * num).reshape(num, num)
    np.fill_diagonal(joint, np.maximum(joint.diagonal(), 1))
    return joint


def calibrated(joint: IntArray, counts: IntArray) -> FloatArray:
    """The joint (C, C) with rows scaled to how often each class was given (C,).

    >>> calibrated(np.array([[3, 1], [0, 4]]), np.array([8, 8])).tolist()
    [[6.0, 2.0], [0.0, 8.0]]
    """
    found: FloatArray = joint / joint.sum(axis=1, keepdims=True) * counts[:, None]
    return found


def wrong_labels(classes: IntArray, chances: Array) -> tuple[IntArray, FloatArray]:
    """Rows whose label is likely wrong, the least likely first, and the calibrated joint (C, C).

    As many as the joint has rows off its diagonal before it is calibrated, and of all rows those whose own
    class has the lowest chance: the rule `low_self_confidence` of cleanlab. Its default, pruning by the noise
    rate of each pair of classes, flags more rows that are right: its precision was 0.4 to 0.5 where this rule
    had 0.5 to 0.7. The calibrated joint counts too many as well: up to twice what was planted. A row
    whose own class is the likeliest is never flagged.
    """
    counts = np.bincount(classes, minlength=chances.shape[1])
    joint = confident_joint(classes, chances)
    own = chances[np.arange(len(classes)), classes]
    number = int(joint.sum() - np.trace(joint))
    worst = np.argsort(own, kind="stable")[:number]
    return worst[chances[worst].argmax(axis=1) != classes[worst]], calibrated(joint, counts)
