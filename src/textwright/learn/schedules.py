"""The learning rate over a run, as a factor of its highest value; `progress` goes from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from textwright.learn.settings import ScheduleName, ScheduleSettings

SCHEDULES: Mapping[ScheduleName, Callable[[float], float]] = MappingProxyType(
    {
        "constant": lambda progress: 1.0,
        "linear": lambda progress: 1.0 - progress,
        "cosine": lambda progress: 0.5 * (1 + math.cos(math.pi * progress)),
    }
)


def rate_factor(settings: ScheduleSettings, progress: float) -> float:
    """The factor at `progress`, warm-up included.

    >>> [rate_factor(ScheduleSettings(name="linear", warmup=0.5), p) for p in (0.25, 0.5, 0.75, 1.0)]
    [0.5, 1.0, 0.5, 0.0]
    """
    progress = min(max(progress, 0.0), 1.0)
    if progress < settings.warmup:
        return progress / settings.warmup
    return SCHEDULES[settings.name]((progress - settings.warmup) / (1 - settings.warmup))
