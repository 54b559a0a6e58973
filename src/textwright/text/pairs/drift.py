"""Where two files stop belonging together line by line, by the lengths of their lines.

A line that was lost or split in one of them shifts all that follow against the other. Long sentences have
long translations, so the shift shows within some lines (Gale and Church, 1993, "A program for aligning
sentences in bilingual corpora").

Shapes: S lines of the source, T of the target, B shifts that are tried.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from textwright.core.ragged import IntArray
from textwright.text.duplicates import FloatArray

_WINDOW = 4_000  # lines of a stretch; the path through each is found by itself
_BAND = 6  # shifts to each side that are tried, beyond the difference of the two files
_MOST_SHIFT = 60
_WORST = 4.5  # cost of two lines that do not go together, at most
_GAP = 9.0  # cost of a line that has no other: more than two that do not go together
_LEAST_GAIN = 20.0  # what going around the fault must save: a probability of one in half a billion
_LEAST_LINES = 20


def first_fault(source: Sequence[str], target: Sequence[str]) -> int | None:
    """The line, from 1, at about which the files begin to be shifted; None where that cannot be told.

    It is found to within a few lines. Where only the end of one is missing this is the line after its last.

    >>> import random
    >>> lengths = random.Random(0).choices(range(5, 120), k=300)
    >>> left, right = ["x" * n for n in lengths], ["y" * n for n in lengths if n]
    >>> del right[119]
    >>> first_fault(left, right)
    121
    >>> first_fault(left, left[:200])
    201
    """
    sizes = [np.log([len(line.strip()) + 3.0 for line in side]) for side in (source, target)]
    ours, theirs = sizes
    if min(len(ours), len(theirs)) < _LEAST_LINES:
        return None
    ratio = float(np.median(theirs) - np.median(ours))
    theirs = theirs - ratio
    spread = _spread(ours, theirs)
    shift = min(abs(len(ours) - len(theirs)) + _BAND, _MOST_SHIFT)
    shorter = min(len(ours), len(theirs))
    for start in range(0, shorter, _WINDOW // 2):
        left, right = ours[start : start + _WINDOW], theirs[start : start + _WINDOW + shift]
        place = _leaves(left, right, spread, shift, is_last=start + _WINDOW // 2 >= shorter)
        if place is not None:
            return start + place + 1
    return shorter + 1 if _belongs(ours[:shorter], theirs[:shorter], spread) else None


def _spread(ours: FloatArray, theirs: FloatArray) -> float:
    """How much the lengths of lines that belong together differ: what the nearer half of any two does."""
    n = min(len(ours), len(theirs))
    gaps = np.sort(np.abs(ours[:n] - theirs[:n]))
    return max(float(gaps[n // 4]) * 2, 0.15)


def _leaves(ours: FloatArray, theirs: FloatArray, spread: float, shift: int, *, is_last: bool) -> int | None:
    """The first line at which the cheapest path leaves the straight one, where it saves enough."""
    cost = _costs(ours, theirs, spread, shift)
    end = cost[-(_WINDOW // 4) :].sum(axis=0)
    if end.argmin() == shift and not is_last:
        return None  # what goes straight in the end was never shifted; a fault there is the next stretch's
    total, came = _paths(cost)
    if float(cost[:, shift].sum()) - total < _LEAST_GAIN:
        return None
    # There is a path through lines that have nothing to do with each other, too.
    if _paths(_costs(ours, theirs[::-1], spread, shift))[0] - total < _LEAST_GAIN:
        return None
    left = np.flatnonzero(came != shift)
    return int(left[0]) if len(left) else None


def _costs(ours: FloatArray, theirs: FloatArray, spread: float, shift: int) -> FloatArray:
    """Of each line with each (S, B) that is so many lines before or after it in the other file."""
    places = np.arange(len(ours))[:, None] + np.arange(-shift, shift + 1)
    inside = (places >= 0) & (places < len(theirs))
    gaps = ours[:, None] - theirs[np.clip(places, 0, len(theirs) - 1)]
    costs: FloatArray = np.where(inside, np.minimum(0.5 * (gaps / spread) ** 2, _WORST), _WORST)
    return costs


def _paths(cost: FloatArray) -> tuple[float, IntArray]:
    """The cheapest path from no shift over all lines: what it costs, and its shift (S,) at each.

    From line to line the shift stays, or changes by any number of lines that are skipped, each for a price.
    """
    num_lines, width = cost.shape
    steps = np.arange(width) * _GAP
    best = np.full(width, np.inf)
    best[width // 2] = 0.0
    back = np.empty((num_lines, width), np.int16)
    for line in range(num_lines):
        rising, falling = best - steps, best + steps
        up = _running_least(rising)
        down = width - 1 - _running_least(falling[::-1])[::-1]
        from_below, from_above = rising[up] + steps, falling[down] - steps
        back[line] = np.where(from_below <= from_above, up, down)
        best = np.minimum(from_below, from_above) + cost[line]
    came = np.empty(num_lines, np.int64)
    place = int(best.argmin())
    for line in range(num_lines - 1, -1, -1):
        came[line] = place
        place = int(back[line, place])
    return float(best.min()), came


def _running_least(values: FloatArray) -> IntArray:
    """Of each place (B,) where the least value up to it stands."""
    least = np.minimum.accumulate(values)
    is_new = np.concatenate([[True], values[1:] < least[:-1]])
    found: IntArray = np.maximum.accumulate(np.where(is_new, np.arange(len(values)), 0))
    return found


def _belongs(ours: FloatArray, theirs: FloatArray, spread: float) -> bool:
    """Whether lines go together better than each with the one after its own."""
    here, beside = (np.abs(ours - other) for other in (theirs, np.roll(theirs, 1)))
    gain = np.minimum(0.5 * (beside / spread) ** 2, _WORST) - np.minimum(0.5 * (here / spread) ** 2, _WORST)
    return float(gain.sum()) > _LEAST_GAIN
