"""The cells of a grid: every model with every combination of the values of the settings that are varied."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from textwright.bundle.folder import is_bundle
from textwright.choose.candidates import families
from textwright.core.errors import CheckpointError, ConfigError, first_line
from textwright.core.names import did_you_mean
from textwright.core.settings import Settings
from textwright.models.base import Architecture
from textwright.models.registry import ARCHITECTURES
from textwright.runtime.cpu import choose_waiting
from textwright.tasks.needs import check_model, refuse_idle, refuse_student, refuse_varied
from textwright.tasks.paths import full_path, with_settings
from textwright.tasks.recipe import Recipe

# All cells are fitted and judged on the same rows, within one budget.
_SAME_FOR_ALL = ("task", "data", "split", "budget", "tracking")
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Cell:
    """One combination; `recipe` is None when it was refused, and `refused` says why."""

    number: int
    model: str
    settings: Mapping[str, Any]
    recipe: Recipe | None
    refused: str = ""

    @property
    def name(self) -> str:
        """For people: the model and what was varied."""
        return " ".join([self.model, *(f"{key}={_shown(value)}" for key, value in self.settings.items())])

    @property
    def stem(self) -> str:
        """For files: letters and digits of the name, as they are in any language, after the number."""
        words = re.sub(r"[^\w.=-]+", "-", self.name).strip("-.")
        return f"{self.number:02d}-{words[:_LONGEST_NAME]}"


def make_cells(recipe: Recipe, models: Sequence[str], vary: Mapping[str, Sequence[Any]]) -> list[Cell]:
    """The grid in order, the first of `vary` changing slowest. Without models: that of the recipe, or all.

    Combinations that do not fit together, and those in which a varied setting changes nothing, are marked as
    refused. Raises ConfigError for names and values that no model knows, for what cannot be varied or changes
    nothing anywhere, and when nothing is left.

    >>> cells = make_cells(Recipe(), ["bag"], {"min_rows": [1, 2], "seed": [0]})
    >>> [cell.name for cell in cells], cells[1].recipe.model
    (['bag min_rows=1 seed=0', 'bag min_rows=2 seed=0'], {'name': 'bag', 'min_rows': 2})
    """
    names = _models(recipe, models)
    paths = {key: full_path(key, names, where="vary: ") for key in vary}
    refuse_student(recipe, paths.values())
    _refuse_what_is_fixed(paths)
    for key, values in vary.items():
        _refuse_repeats(f"vary {key}", [_shown(value) for value in values])
    _refuse_what_no_model_takes(recipe, names, [(paths[key], v) for key in vary for v in vary[key]])
    combinations = [
        (model, dict(zip(vary, values, strict=True))) for model in names for values in product(*vary.values())
    ]
    cells = [
        _cell(number, model, settings, recipe, paths)
        for number, (model, settings) in enumerate(combinations, 1)
    ]
    if all(cell.recipe is None for cell in cells):
        raise ConfigError(f"every combination is refused; the first, {cells[0].name}: {cells[0].refused}")
    refuse_idle((cell.recipe, cell.model) for cell in cells if cell.recipe is not None)
    return cells


def _models(recipe: Recipe, models: Sequence[str]) -> list[str]:
    asked = list(models) or [recipe.model_name]
    usual = families(has_texts=recipe.data.unlabelled is not None)
    names = [name for item in asked for name in (usual if item == "auto" else [item])]
    _refuse_repeats("models", names)
    for name in names:
        ARCHITECTURES.check(name)
    return names


def _refuse_what_no_model_takes(
    recipe: Recipe, names: Sequence[str], varied: Iterable[tuple[str, Any]]
) -> None:
    """Settings go to those models that have them; a name or a value that none knows is a slip."""
    own = recipe.model_settings if recipe.model_name in ("auto", *names) else {}
    kinds = [_architecture(name).settings for name in names]
    for path, value in [*((f"model.{key}", value) for key, value in own.items()), *varied]:
        group, _, key = path.partition(".")
        if group == "model":
            _refuse_for_all(kinds, key, value)
        else:
            with_settings(Recipe(), {path: value}, where="vary: ")


def _refuse_for_all(kinds: Sequence[type[Settings]], key: str, value: Any) -> None:
    having = [kind for kind in kinds if key in kind.model_fields]
    having = having or [kind for kind in kinds if key in kind.absent]
    if not having:
        known = {field for kind in kinds for field in kind.model_fields}
        raise ConfigError(f"unknown setting 'model.{key}'", hint=did_you_mean(key, known))
    errors = []
    for kind in having:
        try:
            return kind.check(key, value, where="model.")
        except ConfigError as error:
            errors.append(error)
    raise errors[0]


def _refuse_repeats(what: str, names: Sequence[str]) -> None:
    if not names:
        raise ConfigError(f"{what}: there are no values", hint="Name at least one.")
    if repeated := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"{what}: {repeated[0]} is given twice", hint="Leave one out.")


def _refuse_what_is_fixed(paths: Mapping[str, str]) -> None:
    for key, path in paths.items():
        if path.partition(".")[0] in _SAME_FOR_ALL:
            raise ConfigError(
                f"vary {key}: it must be the same for all, which are compared on the same rows",
                hint="Run compare once for each value, or leave it out.",
            )
        if path in ("model", "model.name"):
            raise ConfigError(f"vary {key}: models have a list of their own", hint="Use --models.")
    if len(set(paths.values())) < len(paths):
        raise ConfigError(f"vary: two names of one setting: {', '.join(paths)}", hint="Leave one out.")


def _refuse_another_past(recipe: Recipe, base: Recipe) -> None:
    """All are compared on the same rows, and what a model of ours learned from decides which they may be."""
    start = recipe.model_settings.get("checkpoint")
    if start != base.model_settings.get("checkpoint") and is_bundle(Path(str(start))):
        raise ConfigError(
            f"{start} has learned from rows that the others may be judged on",
            hint="Let all start from it (--set checkpoint=...), or compare the finished models: compare A B.",
        )


def _cell(number: int, model: str, settings: dict[str, Any], base: Recipe, paths: Mapping[str, str]) -> Cell:
    try:
        kind = _architecture(model).settings
        given = {paths[key]: value for key, value in settings.items()}
        recipe = with_settings(base, {"model": {**_own(base, model, kind), "name": model}, **given})
        _refuse_another_past(recipe, base)
        check_model(recipe, model)
        refuse_varied(recipe, model, paths.values())
    except (ConfigError, CheckpointError) as error:
        return Cell(number, model, settings, None, first_line(error))
    return Cell(number, model, settings, recipe)


def _own(base: Recipe, model: str, kind: type[Settings]) -> dict[str, Any]:
    """What the recipe says of this model."""
    if base.model_name not in ("auto", model):
        return {}
    return {key: value for key, value in base.model_settings.items() if key in kind.model_fields}


def _architecture(model: str) -> Architecture:
    choose_waiting()  # before it imports torch
    return ARCHITECTURES.get(model)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
