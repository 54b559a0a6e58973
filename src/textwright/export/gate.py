"""Whether what was exported answers as the model does, on real rows; a conversion that raises no error can
still be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from textwright.core.ragged import Ragged
from textwright.tasks.rewriting.engines.base import Engine
from textwright.tasks.rewriting.settings import DecodeSettings

# What exact weights may differ by in the log-probability of a token, and quantised ones on average.
MAX_DIFFERENCE, MAX_MEAN_QUANTISED = 1e-3, 0.1
# The share of answers that may differ: ties fall the other way by rounding; quantised ones more often.
MAX_CHANGED, MAX_CHANGED_QUANTISED = 0.01, 0.35


@dataclass(frozen=True)
class Parity:
    """Differences of log-probabilities in nats over all tokens of `rows` targets, and how many answers are
    other ones.
    """

    rows: int
    max_difference: float
    mean_difference: float
    changed_greedy: int
    changed_beams: int
    passed: bool

    def to_json(self) -> dict[str, Any]:
        return dict(self.__dict__)


def parity(
    true: Engine, made: Engine, sources: Ragged, targets: Ragged, settings: DecodeSettings, *, quantised: bool
) -> Parity:
    """How far two engines are apart on the same pairs."""
    gaps = [
        np.abs(one - other)
        for one, other in zip(true.score(sources, targets), made.score(sources, targets), strict=True)
    ]
    every = np.concatenate(gaps)
    changed = [
        sum(
            one[0].ids != other[0].ids
            for one, other in zip(true.decode(sources, way), made.decode(sources, way), strict=True)
        )
        for way in (settings.replaced({"beams": 1, "answers": 1}), settings.replaced({"answers": 1}))
    ]
    n, largest, mean = len(sources), float(every.max()), float(every.mean())
    most = max(round((MAX_CHANGED_QUANTISED if quantised else MAX_CHANGED) * n), 1)
    is_near = mean <= MAX_MEAN_QUANTISED if quantised else largest <= MAX_DIFFERENCE
    passed = bool(is_near and changed[0] <= most)
    return Parity(n, largest, mean, changed[0], changed[1], passed)
