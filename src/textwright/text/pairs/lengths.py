"""Which targets are far too long or far too short for their sources, by what the other pairs of a file say.

What counts is the logarithm of characters of the target by characters of the source: its median and its
spread (median absolute deviation) among pairs of about the same length, so that short texts, whose lengths
differ most, have the most room.

Shapes: N pairs, B bins.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from textwright.text.duplicates import BoolArray, FloatArray

MIN_PAIRS = 30  # of fewer nothing is learned
_BIN_PAIRS = 500
_MAX_BINS = 12
_LEAST_SPREAD = 0.2
_OF_NORMAL = 1.4826  # the standard deviation of a normal distribution, in median absolute deviations


def odd_lengths(
    sources: Sequence[str], targets: Sequence[str], *, max_deviation: float, by_source: bool = False
) -> BoolArray:
    """(N,) pairs whose ratio of lengths is more than `max_deviation` spreads from the median.

    Pairs of about the same length are those whose mean of both is, in the sense of logarithms; with
    `by_source`, for summaries, those whose source is.

    >>> texts = ["a rose is a rose", "so it goes", "and on and on it goes"] * 20
    >>> odd_lengths([*texts, "no"], [*texts, "a rose is a rose is a rose"], max_deviation=6).nonzero()[0]
    array([60])
    """
    if len(sources) < MIN_PAIRS:
        return np.zeros(len(sources), np.bool_)
    long, short = (np.log([len(text) + 1.0 for text in texts]) for texts in (targets, sources))
    ratio = long - short
    size = short if by_source else (long + short) / 2
    middle, spread = _by_size(ratio, size)
    odd: BoolArray = np.abs(ratio - middle) > max_deviation * spread
    return odd


def _by_size(ratio: FloatArray, size: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Median and spread (N,) of the ratios around each size, interpolated between those of B bins."""
    num_bins = min(_MAX_BINS, max(1, len(size) // _BIN_PAIRS))
    bins = np.array_split(np.argsort(size, kind="stable"), num_bins)
    centres = np.array([np.median(size[rows]) for rows in bins])
    medians = np.array([np.median(ratio[rows]) for rows in bins])
    deviations = [np.median(np.abs(ratio[rows] - m)) for rows, m in zip(bins, medians, strict=True)]
    spreads = np.maximum(_OF_NORMAL * np.array(deviations), _LEAST_SPREAD)
    # Below all that was seen a character more or less is the more: lengths vary by their square root.
    beyond = np.exp(np.maximum(0.0, centres[0] - size) / 2)
    return np.interp(size, centres, medians), np.interp(size, centres, spreads) * beyond
