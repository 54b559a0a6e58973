"""All checks by id, in the order in which they run and are shown; a new one is one line here."""

from __future__ import annotations

from collections.abc import Iterable

from textwright.audit.base import Check
from textwright.core.errors import ConfigError
from textwright.core.registry import Registry

_CHECKS = "textwright.audit.checks"
_GROUPS = "textwright.audit.groups"

CHECKS: Registry[Check] = Registry(
    "check",
    {
        # Rows that come again.
        "exact_twins": f"{_CHECKS}.exact_twins:CHECK",
        "near_twins": f"{_CHECKS}.near_twins:CHECK",
        "conflicts": f"{_CHECKS}.conflicts:CHECK",
        "leaks": f"{_CHECKS}.leaks:CHECK",
        # Texts that are not what they should be.
        "languages": f"{_CHECKS}.languages:CHECK",
        "encoding": f"{_CHECKS}.encoding:CHECK",
        "lengths": f"{_CHECKS}.lengths:CHECK",
        "boilerplate": f"{_CHECKS}.boilerplate:CHECK",
        "bad_pairs": f"{_CHECKS}.bad_pairs:CHECK",
        # Labels.
        "imbalance": f"{_CHECKS}.imbalance:CHECK",
        "annotators": f"{_CHECKS}.annotators:CHECK",
        "label_errors": f"{_CHECKS}.label_errors:CHECK",
        # Personal data.
        "personal": f"{_CHECKS}.personal:CHECK",
        "secrets": f"{_CHECKS}.secrets:CHECK",
        # Groups of people in the data.
        "representation": f"{_CHECKS}.representation:CHECK",
        # What gives labels away.
        "shortcuts": f"{_CHECKS}.shortcuts:CHECK",
        "metadata": f"{_CHECKS}.metadata:CHECK",
        # Where rows come from.
        "origins": f"{_CHECKS}.origins:CHECK",
        "drift": f"{_CHECKS}.drift:CHECK",
        # Answers of a model.
        "group_gaps": f"{_GROUPS}.group_gaps:CHECK",
        "group_ranking": f"{_GROUPS}.group_ranking:CHECK",
        "group_calibration": f"{_GROUPS}.group_calibration:CHECK",
        "slices": f"{_GROUPS}.slices:CHECK",
        "swaps": f"{_GROUPS}.swaps:CHECK",
    },
)

SPEEDS = ("fast", "all")


def chosen(asked: str | Iterable[str], about: str) -> list[Check]:
    """The checks that were asked for: `fast`, `all`, or ids. Raises ConfigError for an unknown one."""
    names = asked.split(",") if isinstance(asked, str) else [*asked]
    if len(names) == 1 and names[0] in SPEEDS:
        every = [CHECKS.get(name) for name in CHECKS]
        return [
            check for check in every if check.about == about and (names[0] == "all" or check.cost == "fast")
        ]
    found = [CHECKS.get(name.strip()) for name in names]
    for check in found:
        if check.about != about:
            verb = "audit model" if check.about == "model" else "audit data"
            raise ConfigError(
                f"the check {check.id!r} is one of textwright {verb}", hint="Leave it out here."
            )
    return found
