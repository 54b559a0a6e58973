"""YAML whose plain values are those of version 1.2: 1e-3 is a number; no, 12:30 and 2024-01-01 are texts."""

from __future__ import annotations

import re
from typing import Any

import yaml

_Resolvers = dict[str, list[tuple[str, re.Pattern[str]]]]

_NUMBER = r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
# What each kind looks like and how it may begin; the first that fits counts. No number begins with 00.
_KINDS = (
    ("null", r"|~|null|Null|NULL", ["", *"~nN"]),
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("int", r"[-+]?(?:0|[1-9][0-9_]*)", [*"-+0123456789"]),
    ("float", rf"{_NUMBER}|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", [*"-+.0123456789"]),
)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = _Resolvers()


class _Dumper(yaml.SafeDumper):
    """With the rules of 1.1 and of 1.2, so that readers of both find texts where there are texts."""


for _kind, _pattern, _first in _KINDS:
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(rf"(?:{_pattern})\Z"), _first)


def load_yaml(text: str) -> Any:
    """The values in a YAML text. Raises yaml.YAMLError.

    >>> load_yaml("{rate: 1e-3, activation: no, labels: [007, 1]}")
    {'rate': 0.001, 'activation': 'no', 'labels': ['007', 1]}
    """
    return yaml.load(text, _Loader)


def dump_yaml(values: Any) -> str:
    """YAML in the order given, Chinese kept, which `load_yaml` reads back as it was."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
