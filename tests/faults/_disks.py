"""A disk that fails at a call of choice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from textwright.learn.disk import Disk


class Crash(BaseException):
    """Stands for kill -9: nothing catches it, and nothing works after it."""


class Failing(Disk):
    """Counts its calls; call `at` fails, before or after it has done its work, or half way through it."""

    def __init__(self, at: int = 0, fault: BaseException | None = None, when: str = "before") -> None:
        self.at, self.fault, self.when, self.calls = at, fault, when, 0
        self.named: list[str] = []
        for name in ("make_folder", "write_text", "write_tensors", "sync", "rename", "remove"):
            setattr(self, name, self._guarded(name, getattr(super(), name)))

    def _guarded(self, name: str, real: Callable[..., None]) -> Callable[..., None]:
        def call(path: Path, *rest: Any) -> None:
            self.calls += 1
            self.named.append(name)
            is_it = self.calls == self.at
            is_dead = isinstance(self.fault, Crash) and self.calls > self.at > 0
            if is_dead or (is_it and self.when == "before"):
                assert self.fault is not None
                raise self.fault
            real(path, *rest)
            if is_it and self.when == "torn" and path.is_file():
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            if is_it:
                assert self.fault is not None
                raise self.fault

        return call
