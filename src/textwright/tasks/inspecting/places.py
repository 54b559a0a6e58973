"""Which places of a text a page shows what was expected at."""

from __future__ import annotations

from collections.abc import Sequence

from textwright.core.errors import ConfigError

_PLACES = 6


def chosen_places(at: Sequence[int], num_places: int) -> list[int]:
    """Those that were asked for, counted from 1, or the last ones. Raises ConfigError for one there is not.

    >>> chosen_places([2, 2, 1], 9), chosen_places([], 3)
    ([2, 1], [1, 2, 3])
    """
    wrong = [place for place in at if not 1 <= place <= num_places]
    if wrong:
        raise ConfigError(
            f"--at {wrong[0]}: there is no such token", hint=f"Give numbers from 1 to {num_places}."
        )
    return [*dict.fromkeys(at)] or [*range(max(num_places - _PLACES, 0) + 1, num_places + 1)]
