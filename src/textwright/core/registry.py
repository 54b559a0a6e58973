"""One registry class for architectures, objectives, tasks, sources and, later, checks and exporters.

An entry names the module that holds it; the module is imported when the entry is first used, so that
`textwright --help` and `bag` never wait for torch. Registries are written down as tables and are frozen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Generic, TypeVar

from textwright.core.errors import ConfigError
from textwright.core.names import did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """Names to things, each given as "package.module:attribute" and imported on first use.

    >>> shapes = Registry[object]("path class", {"pure": "pathlib:PurePath"})
    >>> shapes.get("pure").__name__
    'PurePath'
    """

    def __init__(self, kind: str, entries: Mapping[str, str]) -> None:
        self.kind = kind
        self._entries = dict(entries)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def names(self) -> list[str]:
        return list(self._entries)

    def check(self, name: str) -> None:
        """Raise ConfigError with the nearest known name when `name` is unknown; nothing is imported."""
        if name not in self._entries:
            raise ConfigError(f"unknown {self.kind} {name!r}", hint=did_you_mean(name, self._entries))

    def get(self, name: str) -> T:
        """The thing called `name`. Raises ConfigError with the nearest known name."""
        self.check(name)
        module, _, attribute = self._entries[name].partition(":")
        thing: Any = getattr(import_module(module), attribute)
        return thing  # type: ignore[no-any-return]
