"""Events and where they go. Library code emits; sinks show, store or forward; nobody prints."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from textwright.core.files import explained
from textwright.core.records import Note, StepEvent

Event = StepEvent | Note
Sink = Callable[[Event], None]


def silent(event: Event) -> None:
    """A sink that drops everything."""


def fan_out(sinks: Iterable[Sink]) -> Sink:
    """One sink that hands every event to all of `sinks`, in order."""
    targets = list(sinks)

    def send(event: Event) -> None:
        for sink in targets:
            sink(event)

    return send


class JsonLines:
    """A sink that appends one JSON object a line, flushed at once so that a killed run leaves its story."""

    def __init__(self, path: Path, **constant: Any) -> None:
        self._path, self._constant = path, constant
        with explained(path):
            self._file: IO[str] = path.open("a", encoding="utf-8")

    def __call__(self, event: Event) -> None:
        record = {**self._constant, **event.to_json()}
        with explained(self._path):
            self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
            self._file.flush()

    def close(self) -> None:
        with explained(self._path):
            self._file.close()
