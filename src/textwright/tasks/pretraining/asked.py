"""The recipe that flags and settings of a command line make."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from textwright.core.errors import ConfigError
from textwright.core.names import did_you_mean
from textwright.core.settings import parse_assignment
from textwright.learn.settings import LearnSettings
from textwright.models.language.settings import LanguageSettings
from textwright.runtime.settings import ComputeSettings
from textwright.tasks.pretraining.recipe import PretrainRecipe

# Groups whose name may be left out.
_GROUPS: Mapping[str, Any] = {"learn": LearnSettings, "compute": ComputeSettings, "model": LanguageSettings}


def make_recipe(
    assignments: list[str] | None = None, flags: Mapping[str, Any] = MappingProxyType({})
) -> PretrainRecipe:
    """The recipe of the flags of `pretrain`, by what they are short for, with --set laid over it.

    Flags that are None were not given. Raises ConfigError.

    >>> make_recipe(["optimizer.name=sgd"], {"model.name": "gpt2", "seed": None}).learn.optimizer.name
    'sgd'
    """
    given = {key: value for key, value in flags.items() if value is not None}
    given |= {_full(key): value for key, value in map(parse_assignment, assignments or [])}
    inside = {key.partition(".")[2]: given.pop(key) for key in [*given] if key.startswith("tokenizer.")}
    if inside:
        given["tokenizer"] = {"kind": "bpe", **inside}
    return PretrainRecipe().replaced(given, where="--set ")


def _full(key: str) -> str:
    first = key.partition(".")[0]
    known = set(PretrainRecipe.model_fields)
    if first in known:
        return key
    for group, kind in _GROUPS.items():
        if first in kind.model_fields:
            return f"{group}.{key}"
        known |= set(kind.model_fields)
    raise ConfigError(f"--set unknown setting {key!r}", hint=did_you_mean(first, known))
