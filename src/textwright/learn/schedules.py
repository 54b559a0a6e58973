"""The learning rate over a run, as a factor of its highest value; `progress` goes from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from textwright.learn.settings import ScheduleName, ScheduleSettings


def _hold(done: float, settings: ScheduleSettings) -> float:
    """At its highest, then straight to zero (arXiv:2404.06395); `decay` is a share of the whole run."""
    left = (1.0 - done) * (1.0 - settings.warmup)
    return min(left / settings.decay, 1.0)


# Each takes the share that is done of what follows the warm-up.
SCHEDULES: Mapping[ScheduleName, Callable[[float, ScheduleSettings], float]] = MappingProxyType(
    {
        "constant": lambda done, settings: 1.0,
        "linear": lambda done, settings: 1.0 - done,
        "cosine": lambda done, settings: 0.5 * (1 + math.cos(math.pi * done)),
        "hold": _hold,
    }
)


def rate_factor(settings: ScheduleSettings, progress: float) -> float:
    """The factor at `progress`, warm-up included.

    >>> [rate_factor(ScheduleSettings(name="linear", warmup=0.5), p) for p in (0.25, 0.5, 0.75, 1.0)]
    [0.5, 1.0, 0.5, 0.0]
    >>> [rate_factor(ScheduleSettings(name="hold", warmup=0.0, decay=0.5), p) for p in (0.25, 0.5, 0.75)]
    [1.0, 1.0, 0.5]
    """
    progress = min(max(progress, 0.0), 1.0)
    if progress < settings.warmup:
        return progress / settings.warmup
    return SCHEDULES[settings.name]((progress - settings.warmup) / (1 - settings.warmup), settings)
