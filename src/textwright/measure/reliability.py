"""Does 80 % sure mean right 80 % of the time: reliability table, calibration error and its noise floor.

The expected calibration error, ECE (Guo et al. 2017, arXiv:1706.04599) = sum over bins of |rows right - sum
of confidence| / rows, in 15 bins of equal width, each holding its upper edge. A perfectly calibrated model
has an ECE above 0, too, as rows are few: see `Reliability.noise_floor`, and compare with it before calling
a model badly calibrated.

Shapes: N rows, M confidences, R replicates.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from textwright.core.records import Score
from textwright.measure.base import Array, FloatArray, IntArray
from textwright.measure.bootstrap import make_score, wilson

NUM_BINS = 15
_FINE = 20  # parts of a bin, within which the noise floor takes confidences as equal
_SIMULATIONS = 200


def bin_gaps(confidence: FloatArray, outcome: Array) -> FloatArray:
    """Sum of confidence minus outcome per row and bin (N, 15), from (N, L) confidences that a row holds."""
    num_rows = len(confidence)
    place = np.arange(num_rows)[:, None] * NUM_BINS + _fine_bins(confidence) // _FINE
    out = np.zeros(num_rows * NUM_BINS)
    np.add.at(out, place.ravel(), (confidence - outcome).ravel())
    return out.reshape(num_rows, NUM_BINS)


def ece_score(gaps: FloatArray, samples: FloatArray, n: int) -> Score:
    """ECE from mean gaps per bin (15,) and those of bootstrap samples (R, 15).

    Noise makes ECE too large and resampling adds the same noise once more, so replicates are moved down by
    twice the bias that they show (Efron & Tibshirani 1993, chapter 10). The interval begins at 0 where noise
    alone, the samples' gaps around the measured ones, comes as far in more than 2.5 % of samples.
    """
    value, replicates = float(np.abs(gaps).sum()), np.abs(samples).sum(axis=1)
    bias = replicates.mean() - value
    score = make_score(value, np.clip(replicates - 2 * bias, 0, 1), n, "lower")
    noise = np.abs(samples - gaps).sum(axis=1)
    return replace(score, low=0.0) if value <= np.quantile(noise, 0.975) else score


class Reliability:
    """How many confidences fell into each bin, and how many of them were right."""

    def __init__(self) -> None:
        self._count = np.zeros(NUM_BINS * _FINE)
        self._right = np.zeros(NUM_BINS * _FINE)
        self._confidence = np.zeros(NUM_BINS * _FINE)

    def add(self, confidence: FloatArray, outcome: Array) -> None:
        """Take in confidences (M,) and whether (0 or 1) each came true."""
        bins, size = _fine_bins(confidence), NUM_BINS * _FINE
        self._count += np.bincount(bins, minlength=size)
        self._right += np.bincount(bins, weights=outcome, minlength=size)
        self._confidence += np.bincount(bins, weights=confidence, minlength=size)

    def table(self) -> list[dict[str, Any]]:
        """One record a bin: mean confidence, share that came true with its 95 % interval (Wilson), and n.

        All but n are null where n is 0.
        """
        columns = (self._confidence, self._right, self._count)
        rows = zip(*(part.reshape(NUM_BINS, _FINE).sum(axis=1).tolist() for part in columns), strict=True)
        return [
            {
                "confidence": sure / n if n else None,
                "accuracy": right / n if n else None,
                "low": wilson(right, n)[0] if n else None,
                "high": wilson(right, n)[1] if n else None,
                "n": int(n),
            }
            for sure, right, n in rows
        ]

    def noise_floor(self, rng: np.random.Generator) -> float:
        """The mean ECE of a perfectly calibrated model with these confidences, by 200 simulations.

        Confidences are taken as independent of each other and, within 1/300, as equal.
        """
        chance = np.clip(self._confidence / np.maximum(self._count, 1), 0, 1)
        right = rng.binomial(self._count.astype(np.int64), chance, size=(_SIMULATIONS, chance.size))
        gaps = (right - self._confidence).reshape(_SIMULATIONS, NUM_BINS, _FINE).sum(axis=2)
        return float(np.abs(gaps).sum(axis=1).mean() / self._count.sum())


def _fine_bins(confidence: FloatArray) -> IntArray:
    bins = np.ceil(confidence * (NUM_BINS * _FINE)).astype(np.int64) - 1
    return np.maximum(bins, 0)
