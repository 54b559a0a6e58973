"""The recipe that the flags of a training of pairs make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textwright.core.errors import ConfigError
from textwright.core.names import did_you_mean
from textwright.models.language.registry import EXTRACTOR, LANGUAGE_MODELS, OF_PAIRS
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
    if name is not None:
        refuse_unknown(task, name)
    usual = _USUAL if name in (None, "auto") and flags.get("model.checkpoint") is None else name
    return make_recipe(assignments, {**flags, "objective": task, "model.name": usual})


def refuse_unknown(task: str, name: str) -> None:
    """Raise ConfigError for what is no model of pairs, or none of this task.

    >>> refuse_unknown("summarize", "extractor")
    """
    if name == EXTRACTOR and name not in OF_PAIRS[task]:
        raise ConfigError(
            f"{EXTRACTOR} picks sentences of a text, and does not {task}",
            hint=f"For {task} take {', '.join(OF_PAIRS[task])}.",
        )
    if name != "auto" and name not in (*OF_PAIRS[task], *LANGUAGE_MODELS):
        raise ConfigError(
            f"no model of pairs is called {name!r}", hint=did_you_mean(name, ("auto", *OF_PAIRS[task]))
        )
