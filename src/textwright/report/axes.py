"""Where things stand in a figure: scales from values to places, and round numbers on the axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_LEAST_TICKS = 3


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` onto places from `start` to `end`; logarithmic where asked."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = (math.log10(v) for v in (self.low, self.high, value)) if self.log else (
            self.low, self.high, value)  # fmt: skip
        return round(self.start + (self.end - self.start) * (at - low) / (high - low), 1)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Places with the numbers that stand there."""
        if self.log:
            return [(self(value), plain(value)) for value in _decades(self.low, self.high)]
        values = round_numbers(self.low, self.high)
        largest = max(map(abs, values), default=0.0)
        return [(self(value), plain(value, largest)) for value in values]


def scale(
    values: Sequence[float], start: float, end: float, *, log: bool = False, zero: bool = False
) -> Scale:
    """A scale that holds all values with a little room; `zero` lets it begin at nought."""
    finite = [v for v in values if math.isfinite(v) and (v > 0 or not log)] or [0.1, 1.0]
    low, high = min(finite), max(finite)
    if log:
        low, high = low / 1.5, high * 1.5
        return Scale(low, high, start, end, log=True)
    low = 0.0 if zero else low
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return Scale(low if zero else low - room, high + room, start, end)


def round_numbers(low: float, high: float, wanted: int = 5) -> list[float]:
    """About `wanted` round numbers between two.

    >>> round_numbers(0, 1), round_numbers(0.71, 0.93)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.75, 0.8, 0.85, 0.9])
    """
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= 0.999 * rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(step * i, 12) for i in range(first, last + 1)]


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten, and what stands between them where that gives too few.

    >>> _decades(1, 1000), _decades(1.9e6, 4.5e6)
    ([1.0, 10.0, 100.0, 1000.0], [2000000.0, 3000000.0, 4000000.0])
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for steps in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        every = [factor * 10.0**power for power in powers for factor in steps]
        found = [value for value in every if low <= value <= high]
        if len(found) >= _LEAST_TICKS:
            break
    return found


def plain(value: float, largest: float | None = None) -> str:
    """A number on an axis, as short as it can be, in the unit of the `largest` that stands there.

    >>> plain(0.25), plain(20000.0), plain(1500000.0), plain(7500.0), plain(7500.0, 10000.0)
    ('0.25', '20k', '1.5M', '7500', '7.5k')
    """
    for least, size, unit in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if value and abs(value if largest is None else largest) >= least:
            return f"{value / size:g}{unit}"
    return f"{value:g}"
