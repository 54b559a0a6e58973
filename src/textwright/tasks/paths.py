"""Short names of settings: `optimizer.name` for `learn.optimizer.name`, `hidden` for `model.hidden`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from textwright.core.errors import ConfigError
from textwright.core.names import did_you_mean
from textwright.core.settings import Settings
from textwright.learn.settings import LearnSettings
from textwright.models.registry import ARCHITECTURES
from textwright.runtime.cpu import choose_waiting
from textwright.runtime.settings import ComputeSettings
from textwright.tasks.recipe import Recipe

_GROUPS: Mapping[str, type[Settings]] = MappingProxyType(
    {name: type(value) for name, value in LearnSettings() if isinstance(value, Settings)}
)


def full_path(key: str, models: Sequence[str] = (), *, where: str = "") -> str:
    """Where a setting stands in a recipe, for a key that may leave out `learn`, `compute` or `model`.

    What the recipe itself has comes first, then `learn`, `compute`, and at last what any of the architectures
    `models` has, or could be expected to have. Raises ConfigError with the nearest name of them all.

    >>> full_path("optimizer.name"), full_path("precision"), full_path("learn.batch"), full_path("seed")
    ('learn.optimizer.name', 'compute.precision', 'learn.batch', 'seed')
    >>> full_path("min_rows", ["bag"])
    'model.min_rows'
    """
    return expanded(key, Recipe, _groups(models), where=where)


def expanded(
    key: str, recipe: type[Settings], groups: Iterable[tuple[str, Iterable[str]]], *, where: str = ""
) -> str:
    """The same for any kind of recipe, and groups (with their fields) whose name may be left out."""
    first = key.partition(".")[0]
    known = set(recipe.model_fields)
    if first in known:
        return key
    for group, fields in groups:
        if first in fields:
            return f"{group}.{key}"
        known.update(fields)
    inside = [f"{group}.{key}" for group in _GROUPS if first in _GROUPS[group].model_fields]
    hint = f"Did you mean {' or '.join(map(repr, inside))}?" if inside else did_you_mean(first, known)
    raise ConfigError(f"{where}unknown setting {key!r}", hint=hint)


def with_settings(
    base: Recipe, given: Mapping[str, Any], models: Sequence[str] = (), *, where: str = ""
) -> Recipe:
    """`base` with settings laid over it, their names full or short. Raises ConfigError."""
    full = {full_path(key, models, where=where): value for key, value in given.items()}
    _refuse_settings_of_another(base, full)
    return base.replaced(_whole_groups(base, full), where=where)


def _groups(models: Sequence[str]) -> Iterable[tuple[str, Iterable[str]]]:
    yield "learn", LearnSettings.model_fields
    yield "compute", ComputeSettings.model_fields
    for name in models:  # only when it comes to them: most import torch
        choose_waiting()
        kind = ARCHITECTURES.get(name).settings
        yield "model", [*kind.model_fields, *kind.absent]


def _whole_groups(base: Recipe, given: dict[str, Any]) -> dict[str, Any]:
    """`tokenizer` may be the word auto: settings inside it then start from an empty group."""
    inside = {key.partition(".")[2]: value for key, value in given.items() if key.startswith("tokenizer.")}
    if not inside or base.tokenizer != "auto":
        return given
    rest = {key: value for key, value in given.items() if not key.startswith("tokenizer.")}
    return {**rest, "tokenizer": inside}


def _refuse_settings_of_another(base: Recipe, given: Mapping[str, Any]) -> None:
    """What a recipe says of its architecture must go for the one that is named instead, too."""
    name = str(given.get("model.name", base.model_name))
    if name in (base.model_name, "auto") or not base.model_settings:
        return
    choose_waiting()
    fields = ARCHITECTURES.get(name).settings.model_fields
    for key in base.model_settings:
        if key not in fields:
            raise ConfigError(
                f"the recipe is for {base.model_name} and sets model.{key}, which {name} does not have",
                hint=f"Leave the recipe out, or make one for {name}.",
            )
