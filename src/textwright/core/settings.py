"""The base of all that is configured: strict pydantic models, YAML, and `--set path.to.field=value`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Self, TypeGuard, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from textwright.core.errors import ConfigError
from textwright.core.names import did_you_mean
from textwright.core.plainyaml import dump_yaml, load_yaml


class Settings(BaseModel):
    """A frozen group of settings. Unknown keys are errors that name the nearest known key."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, protected_namespaces=())

    @classmethod
    def parse(cls, values: dict[str, Any], *, where: str = "") -> Self:
        """Check `values` and build the settings. `where` is named in the ConfigError."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise _explain(error, cls, where) from None

    def replaced(self, overrides: dict[str, Any], *, where: str = "") -> Self:
        """A copy with dotted keys replaced, as in {"learn.optimizer.rate": 0.1}."""
        values = self.model_dump()
        for key, value in overrides.items():
            _put(values, key, value, where)
        return type(self).parse(values, where=where)

    def to_yaml(self) -> str:
        return dump_yaml(self.model_dump(mode="json"))


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; raises ConfigError with the line of a fault."""
    try:
        values = load_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as a recipe ({error})") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {str(error).replace(chr(10), ' ')}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: a recipe is a list of 'name: value' lines, found {type(values).__name__}")
    return values


def parse_assignment(text: str) -> tuple[str, Any]:
    """Split "a.b=value": numbers, true, false, null and [lists] as in YAML, all else is text as it stands.

    >>> parse_assignment("learn.optimizer.rate=1e-3"), parse_assignment("data.text=a=b #c")
    (('learn.optimizer.rate', 0.001), ('data.text', 'a=b #c'))
    """
    key, found, value = text.partition("=")
    if not found or not key.strip():
        raise ConfigError(
            f"--set {text}: expected path.to.field=value", hint="Example: --set learn.optimizer.rate=0.01"
        )
    return key.strip(), _value(value.strip())


def _value(text: str) -> Any:
    try:
        value = load_yaml(text)
    except yaml.YAMLError:
        return text
    # Only brackets and quotes make YAML of it: "a: b", "- a" and "a #b" are texts that people write.
    return text if isinstance(value, str | dict | list) and text[:1] not in tuple("[{'\"") else value


def _put(values: dict[str, Any], key: str, value: Any, where: str) -> None:
    *path, last = key.split(".")
    for part in path:
        values = _group(values, part, key, where)
    if isinstance(values, dict) and last not in values and not _is_free(path):
        raise ConfigError(f"{where}unknown setting {key!r}", hint=did_you_mean(last, values))
    values[last] = value


def _group(values: dict[str, Any], part: str, key: str, where: str) -> dict[str, Any]:
    if part not in values:
        raise ConfigError(f"{where}unknown setting {key!r}", hint=did_you_mean(part, values))
    if not isinstance(values[part], dict):
        raise ConfigError(f"{where}{part!r} in {key!r} is a single value, not a group")
    group: dict[str, Any] = values[part]
    return group


def _is_free(path: list[str]) -> bool:
    # `model` holds the settings of whichever architecture is named; that architecture checks them.
    return path == ["model"]


def _explain(error: ValidationError, cls: type[BaseModel], where: str) -> ConfigError:
    first, *more = error.errors()
    key, fields = _place(cls, first["loc"])
    if first["type"] == "extra_forbidden":
        return ConfigError(
            f"{where}unknown setting {key!r}", hint=did_you_mean(str(first["loc"][-1]), fields)
        )
    # A setting that may be one thing or another fails once for each.
    same = [first, *(e for e in more if _place(cls, e["loc"])[0] == key)]
    others = [e["msg"].removeprefix("Input should be ") for e in same[1:]]
    message = " or ".join([first["msg"].removeprefix("Value error, "), *others])
    found = "" if first["type"] == "missing" else f" (found {first['input']!r})"
    return ConfigError(f"{where}{key}: {message}{found}" if key else f"{where}{message}", hint=_nearest(same))


def _nearest(errors: Sequence[Any]) -> str:
    """Where one of some names was expected and another one found: the nearest."""
    names = [
        name
        for error in errors
        if error["type"] == "literal_error" and isinstance(error["input"], str)
        for name in re.findall(r"'([^']*)'", error["ctx"]["expected"])
    ]
    return did_you_mean(errors[0]["input"], names) if len(names) > 1 else ""


def _place(cls: type[BaseModel], location: tuple[int | str, ...]) -> tuple[str, list[str]]:
    """The dotted key of a fault, without the branches of unions that pydantic names; the keys beside it."""
    keys: list[str] = []
    group: type[BaseModel] = cls
    branches: dict[str, type[BaseModel]] | None = None
    for part in location:
        if branches is not None:
            group, branches = branches.get(str(part), group), None
            continue
        keys.append(str(part))
        kind = group.model_fields[str(part)].annotation if part in group.model_fields else None
        if get_origin(kind) in (Union, UnionType):
            branches = {inner.__name__: inner for inner in get_args(kind) if _is_group(inner)}
        elif _is_group(kind):
            group = kind
    return ".".join(keys), list(group.model_fields)


def _is_group(kind: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
