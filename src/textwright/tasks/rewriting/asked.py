"""The recipe that the flags of a training of pairs make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textwright.core.errors import ConfigError
from textwright.tasks.pretraining.asked import make_recipe
from textwright.tasks.pretraining.recipe import PretrainRecipe

# The architecture of pairs where nobody names one.
_USUAL = "m2m100"


def recipe_of_pairs(
    task: str, assignments: list[str] | None, flags: Mapping[str, Any], refused: Mapping[str, Any]
) -> PretrainRecipe:
    """The recipe of the flags of `train`. Raises ConfigError for those that say nothing of pairs."""
    for flag, value in refused.items():
        if value is not None:
            raise ConfigError(f"{flag} does not go with --task {task}", hint="Leave it out.")
    name = flags.get("model.name")
    usual = _USUAL if name in (None, "auto") and flags.get("model.checkpoint") is None else name
    return make_recipe(assignments, {**flags, "objective": task, "model.name": usual})
