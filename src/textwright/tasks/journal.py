"""The events of a run on disk, so that none is doubled or missing after it was killed and resumed."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from textwright.core.events import Event, Sink, silent
from textwright.core.records import Note


@dataclass
class _Part:
    """A file, how many of its bytes count, and lines that could not be written yet."""

    path: Path
    length: int = 0
    waiting: bytes = b""


class Journal:
    """A sink that writes a JSON object a line: a file for each fit, and one for what stands between two.

    The file of a fit is cut at resume to where its checkpoint stood; what stands between two fits is said
    again by the process that resumes. `join` puts this process' parts together, in the order of the run.
    Every line is written at once, so that a killed run leaves its story; on a full disk it waits in memory.
    """

    def __init__(self, folder: Path, say: Sink = silent) -> None:
        self._folder, self._say = folder, say
        self._file: FileIO | None = None
        self._parts: list[_Part] = []
        self._between()

    def _between(self) -> None:
        self._turn_to(_Part(self._folder / f"between-{len(self._parts)}.jsonl"))

    def begin(self, path: Path, length: int) -> None:
        """A fit begins, or goes on after `length` bytes of its file."""
        found = path.stat().st_size if path.exists() else 0
        if found < length:
            self._say(Note(f"{path}: the last {length - found:,} bytes of these events are lost", "warning"))
        self._turn_to(_Part(path, min(length, found)))

    def end(self) -> None:
        """The fit is over."""
        self._between()

    def _turn_to(self, part: _Part) -> None:
        self.close()
        self._parts.append(part)

    def __call__(self, event: Event) -> None:
        part = self._parts[-1]
        is_new_trouble = not part.waiting
        part.waiting += (json.dumps(event.to_json(), ensure_ascii=False) + "\n").encode("utf-8")
        try:
            self._write(part)
        except OSError as error:
            if is_new_trouble:
                reason = error.strerror or error
                self._say(
                    Note(f"{part.path}: events wait in memory, they cannot be written: {reason}", "warning")
                )

    def length(self) -> int:
        """Bytes of the fit's events that are safe on the disk. Raises OSError when some cannot be written."""
        part = self._parts[-1]
        self._write(part)
        assert self._file is not None
        os.fsync(self._file.fileno())
        return part.length

    def _write(self, part: _Part) -> None:
        """Write what waits after what counts; a line that was cut off by a failure is written again."""
        if self._file is None:
            part.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = FileIO(part.path, "r+" if part.path.exists() else "x+")
            self._file.truncate(part.length)
        self._file.seek(part.length)
        rest = memoryview(part.waiting)
        while rest:
            rest = rest[self._file.write(rest) :]
        part.length, part.waiting = part.length + len(part.waiting), b""

    def join(self, target: Path) -> None:
        """Write all events of the run into one file."""
        with target.open("wb") as file:
            for part in self._parts:
                if part.length:
                    file.write(part.path.read_bytes()[: part.length])
                file.write(part.waiting)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
