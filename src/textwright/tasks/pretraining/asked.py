"""The recipe that flags and settings of a command line make."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from textwright.core.settings import Settings, parse_assignment
from textwright.learn.settings import LearnSettings
from textwright.models.language.registry import EXTRACTOR
from textwright.models.language.settings import LanguageSettings
from textwright.runtime.settings import ComputeSettings
from textwright.tasks.paths import expanded
from textwright.tasks.pretraining.recipe import PairSettings, PretrainRecipe, TextSettings
from textwright.tasks.summarizing.settings import ExtractorSettings

# Groups whose name may be left out.
_GROUPS: Mapping[str, type[Settings]] = {
    "learn": LearnSettings,
    "compute": ComputeSettings,
    "model": LanguageSettings,
    "pairs": PairSettings,
    "data": TextSettings,
}


def make_recipe(
    assignments: list[str] | None = None, flags: Mapping[str, Any] = MappingProxyType({})
) -> PretrainRecipe:
    """The recipe of the flags of `pretrain`, by what they are short for, with --set laid over it.

    Flags that are None were not given. Raises ConfigError.

    >>> make_recipe(["optimizer.name=sgd"], {"model.name": "gpt2", "seed": None}).learn.optimizer.name
    'sgd'
    """
    given = {key: value for key, value in flags.items() if value is not None}
    kinds = dict(_GROUPS)
    if given.get("model.name") == EXTRACTOR:
        kinds["model"] = ExtractorSettings
    groups = [(name, kind.model_fields) for name, kind in kinds.items()]
    for key, value in map(parse_assignment, assignments or []):
        given[expanded(key, PretrainRecipe, groups, where="--set ")] = value
    inside = {key.partition(".")[2]: given.pop(key) for key in [*given] if key.startswith("tokenizer.")}
    if inside:
        given["tokenizer"] = {"kind": "bpe", **inside}
    return PretrainRecipe().replaced(given, where="--set ")
