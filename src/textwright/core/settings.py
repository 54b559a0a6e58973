"""The base of everything that is configured: strict pydantic models, YAML, and `--set path.to.field=value`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from textwright.core.errors import ConfigError
from textwright.core.names import did_you_mean


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
        """A copy with dotted keys replaced, as in {"learn.rate": 0.1}."""
        values = self.model_dump()
        for key, value in overrides.items():
            _put(values, key, value, where)
        return type(self).parse(values, where=where)

    def to_yaml(self) -> str:
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; raises ConfigError with the line of a fault."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as a recipe ({error})") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {str(error).replace(chr(10), ' ')}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: a recipe is a list of 'name: value' lines, found {type(values).__name__}")
    return values


def parse_assignment(text: str) -> tuple[str, Any]:
    """Split "a.b=value"; the value is read as YAML, so numbers, true/false and [lists] keep their type.

    >>> parse_assignment("learn.rate=0.1")
    ('learn.rate', 0.1)
    """
    key, found, value = text.partition("=")
    if not found or not key.strip():
        raise ConfigError(f"--set {text}: expected path.to.field=value", hint="Example: --set learn.rate=0.01")
    try:
        return key.strip(), _number(yaml.safe_load(value))
    except yaml.YAMLError:
        return key.strip(), value


def _number(value: Any) -> Any:
    """YAML 1.1 reads 1e-3 as text; people mean the number."""
    if isinstance(value, str):
        try:
            return float(value) if "e" in value.lower() and value[:1].isdigit() else value
        except ValueError:
            return value
    return value


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
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return ConfigError(f"{where}unknown setting {key!r}", hint=did_you_mean(key.rpartition(".")[2], _keys(cls, first["loc"])))
    message = first["msg"].removeprefix("Value error, ")
    found = "" if first["type"] == "missing" else f" (found {first['input']!r})"
    return ConfigError(f"{where}{key}: {message}{found}" if key else f"{where}{message}")


def _keys(cls: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    fields = cls.model_fields
    for part in location[:-1]:
        inner = fields[str(part)].annotation if str(part) in fields else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            fields = inner.model_fields
    return list(fields)
