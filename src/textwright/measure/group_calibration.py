"""How far a model is from being as sure as it is right, in bins of equally many rows: ECE and Brier.

Bins of equal width, as in `reliability`, leave most bins empty where a model is sure of nearly all rows;
15 bins of equal mass do not (Nguyen & O'Connor 2015). An ECE is above 0 by noise alone where rows are few:
`noise` says how far, and `p` is the share of calibrated models, simulated, that come as far.

Shapes: N rows, R replicates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textwright.core.records import Score
from textwright.measure.base import BoolArray, FloatArray, IntArray
from textwright.measure.bootstrap import GroupedSums, make_score, wilson
from textwright.measure.reliability import ece_score

BINS = 15
_REPLICATES, _SIMULATIONS = 500, 1_000
_DRAWN, _LEAST_DRAWN = 10, 30


@dataclass(frozen=True)
class Calibration:
    """`surer` is mean confidence minus the share of right answers: above 0, the model is too sure."""

    ece: Score
    brier: Score
    noise: float
    p: float
    surer: float
    rows: int


def calibration(confidence: FloatArray, right: BoolArray, rng: np.random.Generator) -> Calibration:
    """Of confidences (N,) in the answers, and whether these are right (N,). At least one row.

    Brier is of the answer: mean (confidence - right)^2.

    >>> sure = np.full(2000, 0.9)
    >>> found = calibration(sure, np.arange(2000) % 10 < 7, np.random.default_rng(0))
    >>> round(found.ece.value, 2), found.p < 0.01, round(found.surer, 2)
    (0.2, True, 0.2)
    """
    bins = equal_bins(confidence)
    n = len(confidence)
    gaps = np.zeros((n, BINS + 1))
    gaps[np.arange(n), bins] = confidence - right
    gaps[:, BINS] = (confidence - right) ** 2
    sums = GroupedSums(BINS + 1)
    sums.add(gaps)
    drawn = sums.resampled(_REPLICATES, rng)
    samples = drawn[:, 1:] / drawn[:, :1]
    means = gaps.mean(axis=0)
    simulated = _simulated(confidence, bins, rng)
    value = float(np.abs(means[:BINS]).sum())
    return Calibration(
        ece_score(means[:BINS], samples[:, :BINS], n),
        make_score(float(means[BINS]), samples[:, BINS], n, "lower"),
        float(simulated.mean()),
        float((1 + (simulated >= value).sum()) / (1 + len(simulated))),
        float((confidence - right).mean()),
        n,
    )


def equal_bins(confidence: FloatArray) -> IntArray:
    """The bin (N,) of each row, 0 ... 14, by rank; equal confidences share a bin."""
    order = np.argsort(confidence, kind="stable")
    ranks = np.arange(len(confidence)) * BINS // len(confidence)
    ordered = confidence[order]
    first = np.searchsorted(ordered, ordered)
    found = np.empty(len(confidence), np.int64)
    found[order] = ranks[first]
    return found


def drawn_bins(confidence: FloatArray, right: BoolArray) -> list[dict[str, float]]:
    """Bins of at least 30 rows each, to draw: mean confidence, share right with its interval (Wilson), rows.

    >>> drawn_bins(np.full(40, 0.9), np.arange(40) < 30)[0]["accuracy"]
    0.75
    """
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, max(1, min(_DRAWN, len(order) // _LEAST_DRAWN)))
    rows = []
    for part in parts:
        hits, n = int(right[part].sum()), len(part)
        low, high = wilson(hits, n)
        sure = round(float(confidence[part].mean()), 4)
        rows.append({"confidence": sure, "accuracy": hits / n, "low": low, "high": high, "rows": n})
    return rows


def _simulated(confidence: FloatArray, bins: IntArray, rng: np.random.Generator) -> FloatArray:
    """ECE (R,) of models that are exactly as sure as they are right.

    The right answers of a bin are a sum of many unequal coins: normal with their mean and variance.
    """
    spread = np.sqrt(np.bincount(bins, weights=confidence * (1 - confidence), minlength=BINS))
    noise = rng.normal(size=(_SIMULATIONS, BINS)) * spread
    out: FloatArray = np.abs(noise).sum(axis=1) / len(confidence)
    return out
