"""What a fit is where nobody says it; of what a person says nothing is overruled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SCHEDULE: Mapping[str, Any] = {"schedule.name": "hold", "schedule.warmup": 0.02, "schedule.decay": 0.7}


def usual_schedule(said: Mapping[str, Any]) -> dict[str, Any]:
    """The schedule by its dotted keys, without those that were given; nothing for one that was named.

    >>> usual_schedule({"schedule.decay": 0.2})
    {'schedule.name': 'hold', 'schedule.warmup': 0.02}
    >>> usual_schedule({"schedule.name": "linear"})
    {}
    """
    return filled(_SCHEDULE, said)


def filled(usual: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """The part of `usual` that was not given; its first key is the name that the others belong to."""
    if next(iter(usual)) in said:
        return {}
    return {key: value for key, value in usual.items() if key not in said}
