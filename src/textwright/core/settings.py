"""The base of all that is configured: strict pydantic models, YAML, and `--set path.to.field=value`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Any, ClassVar, Self, TypeGuard, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from textwright.core.errors import ConfigError
from textwright.core.names import did_you_mean
from textwright.core.plainyaml import dump_yaml, load_yaml


class Settings(BaseModel):
    """A frozen group of settings. Unknown keys are errors that name the nearest known key.

    `absent` has names that a person may expect here, each with the reason why there is none. What was said
    and what is a default stays apart: see `said`.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, protected_namespaces=(), allow_inf_nan=False
    )
    absent: ClassVar[Mapping[str, str]] = MappingProxyType({})

    @classmethod
    def parse(cls, values: dict[str, Any], *, where: str = "") -> Self:
        """Check `values` and build the settings. `where` is named in the ConfigError.

        It is a place ("recipe.yaml: "), the group that the keys belong to ("model."), or both.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise _explain(error.errors(), cls, where) from None

    @classmethod
    def check(cls, key: str, value: Any, *, where: str = "") -> None:
        """Raise ConfigError where `value` is wrong for `key`, whatever the other settings are."""
        try:
            cls.model_validate({key: value})
        except ValidationError as error:
            if own := [fault for fault in error.errors() if fault["loc"][:1] == (key,)]:
                raise _explain(own, cls, where) from None

    def said(self) -> dict[str, Any]:
        """Each setting that was given a value, by its dotted key; the others are at their defaults.

        >>> class Point(Settings):
        ...     x: int = 0
        ...     y: int = 0
        >>> Point(x=0).said(), Point(x=0).replaced({"y": 1}).said()
        ({'x': 0}, {'x': 0, 'y': 1})
        """
        return dict(_said(self, ""))

    def replaced(self, overrides: dict[str, Any], *, where: str = "") -> Self:
        """A copy with dotted keys replaced, as in {"learn.optimizer.rate": 0.1}."""
        known, values = self.model_dump(), self.model_dump(exclude_unset=True)
        for key, value in overrides.items():
            _put(known, values, key, value, where)
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


def _said(group: Settings, prefix: str) -> Iterator[tuple[str, Any]]:
    for name in sorted(group.model_fields_set):
        value = getattr(group, name)
        if isinstance(value, Settings):
            yield from _said(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _put(known: dict[str, Any], values: dict[str, Any], key: str, value: Any, where: str) -> None:
    """Set `key` in `values`, which holds what was said of all that is `known`."""
    *path, last = key.split(".")
    for depth, part in enumerate(path, 1):
        known = _group(known, part, key, where)
        # A dict of any keys is said as a whole.
        values = values.setdefault(part, dict(known) if _is_free(path[:depth]) else {})
    if last not in known and not _is_free(path):
        raise _unknown(key, last, known, where)
    known[last] = values[last] = value


def _group(known: dict[str, Any], part: str, key: str, where: str) -> dict[str, Any]:
    if part not in known:
        raise _unknown(key, part, known, where)
    if not isinstance(known[part], dict):
        raise ConfigError(f"{where}{part!r} in {key!r} is a single value, not a group")
    group: dict[str, Any] = known[part]
    return group


def _unknown(key: str, part: str, known: Iterable[str], where: str) -> ConfigError:
    # The group that keys belong to is a part of the name, the place stands before all.
    place, space, group = where.rpartition(" ")
    return ConfigError(f"{place}{space}unknown setting {group + key!r}", hint=did_you_mean(part, known))


def _is_free(path: list[str]) -> bool:
    # These hold the settings of whichever architecture is named; that architecture checks them.
    return path in (["model"], ["distil", "settings"])


def _explain(errors: Sequence[Any], cls: type[BaseModel], where: str) -> ConfigError:
    first, *more = errors
    key, group = _place(cls, first["loc"])
    name, value = str(first["loc"][-1]) if first["loc"] else "", first["input"]
    if first["type"] == "extra_forbidden":
        if reason := getattr(group, "absent", {}).get(name):
            return ConfigError(f"{where}{key}: {reason} (found {value!r})", hint="Leave it out.")
        return _unknown(key, name, group.model_fields, where)
    # A setting that may be one thing or another fails once for each.
    same = [first, *(e for e in more if _place(cls, e["loc"])[0] == key)]
    others = [_message(e, group).removeprefix("Input should be ") for e in same[1:]]
    message = " or ".join([_message(first, group).removeprefix("Value error, "), *others])
    found = "" if first["type"] == "missing" else f" (found {value!r})"
    hint = _inside(first, key, group) if first["type"] in _GROUP_WANTED else _nearest(same)
    return ConfigError(f"{where}{key}: {message}{found}" if key else f"{where}{message}", hint=hint)


_GROUP_WANTED = ("model_type", "dict_type")


def _message(error: Any, group: type[BaseModel]) -> str:
    if error["type"] in _GROUP_WANTED:
        return "Input should be a group of settings"
    if error["type"] == "tuple_type":
        field = group.model_fields.get(str(error["loc"][-1]))
        example = field.default if field and isinstance(field.default, tuple) else ()
        return "Input should be a list" + (f" such as [{','.join(map(str, example))}]" if example else "")
    return str(error["msg"])


def _inside(error: Any, key: str, group: type[BaseModel]) -> str:
    """What may have been meant by one value for a whole group."""
    # A dict, as `model` is, does not say what it holds: a name, first of all.
    fields = group.model_fields if error["type"] == "model_type" else {}
    first = next(iter(fields), "name")
    is_one = isinstance(error["input"], str | int | float)
    starts = is_one and not (fields and _is_group(fields[first].annotation))
    use = [f"Use {key}.{first}={error['input']}."] if starts else []
    return " ".join([*use, *([f"Its settings: {', '.join(fields)}."] if fields else [])])


def _nearest(errors: Sequence[Any]) -> str:
    """Where one of some names was expected and another one found: the nearest."""
    names = [
        name
        for error in errors
        if error["type"] == "literal_error" and isinstance(error["input"], str)
        for name in re.findall(r"'([^']*)'", error["ctx"]["expected"])
    ]
    return did_you_mean(errors[0]["input"], names) if len(names) > 1 else ""


def _place(cls: type[BaseModel], location: tuple[int | str, ...]) -> tuple[str, type[BaseModel]]:
    """The dotted key of a fault, without the branches of unions that pydantic names; the group it is in or
    is itself."""
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
    return ".".join(keys), group


def _is_group(kind: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
