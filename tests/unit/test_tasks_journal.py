"""The events of a run in files that are cut, joined and, on a full disk, kept in memory."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from textwright.core.events import Event, Sink, silent
from textwright.core.records import Note, StepEvent
from textwright.tasks import journal
from textwright.tasks.journal import Journal


def step(number: int) -> StepEvent:
    return StepEvent(number, 0.5, 8 * number, 90, 2.0, 0.7, 1e-3, 450.0)


def story(path: Path) -> list[Any]:
    """What a file tells: notes, and the numbers of steps."""
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [record.get("note", record.get("step")) for record in records]


Begin = Callable[..., Journal]


@pytest.fixture
def begin_run() -> Iterator[Begin]:
    """Journals that are closed at the end of the test, as a dying process closes its files."""
    with ExitStack() as stack:

        def begin(folder: Path, say: Sink = silent) -> Journal:
            made = stack.enter_context(closing(Journal(folder, say)))
            made(Note("data"))
            return made

        yield begin


def test_a_run_is_told_in_order(tmp_path: Path, begin_run: Begin) -> None:
    made = begin_run(tmp_path)
    for name in ("cnn-1", "cnn-2"):
        made(Note(f"{name} begins 好"))
        made.begin(tmp_path / name / "events.jsonl", 0)
        made(step(1))
        assert story(tmp_path / name / "events.jsonl") == [1], "at once"
        made(step(2))
        made.end()
    made(Note("done"))
    made.join(tmp_path / "all.jsonl")
    made.close()
    assert story(tmp_path / "all.jsonl") == ["data", "cnn-1 begins 好", 1, 2, "cnn-2 begins 好", 1, 2, "done"]


@pytest.mark.parametrize("stored_at", [0, 1, 3, 5])
def test_a_killed_run_doubles_and_misses_nothing(tmp_path: Path, begin_run: Begin, stored_at: int) -> None:
    path, length = tmp_path / "cnn-1" / "events.jsonl", 0
    made = begin_run(tmp_path)
    made.begin(path, 0)
    for number in range(1, 6):
        made(step(number))
        if number == stored_at:
            length = made.length()
    with path.open("a") as file:
        file.write('{"step": 6, "los')  # killed in the middle of a line
    again = begin_run(tmp_path)
    again.begin(path, length)
    for number in range(stored_at + 1, 9):
        again(step(number))
        assert story(path) == list(range(1, number + 1)), "what came after the checkpoint is cut off"
    again.join(tmp_path / "all.jsonl")
    assert story(tmp_path / "all.jsonl") == ["data", *range(1, 9)]


def test_a_fit_that_was_over_is_told_without_a_new_event(tmp_path: Path, begin_run: Begin) -> None:
    path = tmp_path / "cnn-1" / "events.jsonl"
    made = begin_run(tmp_path)
    made.begin(path, 0)
    made(step(1))
    length = made.length()
    made(step(2))
    again = begin_run(tmp_path)
    again.begin(path, length)
    again.end()
    again(Note("next"))
    again.join(tmp_path / "all.jsonl")
    assert story(tmp_path / "all.jsonl") == ["data", 1, "next"]


def test_events_that_a_loss_of_power_took_are_named(tmp_path: Path, begin_run: Begin) -> None:
    path, said = tmp_path / "cnn-1" / "events.jsonl", list[Event]()
    made = begin_run(tmp_path)
    made.begin(path, 0)
    made(step(1))
    length = made.length()
    path.write_bytes(b"")
    again = begin_run(tmp_path, said.append)
    again.begin(path, length)
    again(step(2))
    again.join(tmp_path / "all.jsonl")
    assert story(tmp_path / "all.jsonl") == ["data", 2]
    assert isinstance(said[0], Note) and f"last {length:,} bytes of these events are lost" in said[0].text


def test_on_a_full_disk_events_wait_in_memory(
    tmp_path: Path, begin_run: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(FileIO):
        """Takes ten bytes of a line, and then nothing."""

        def write(self, data: Any) -> int:
            if len(data) > 10 and self.tell() % 2 == 0:
                return super().write(data[: 11 - self.tell() % 2])
            raise OSError(errno.ENOSPC, "No space left on device")

    said: list[Event] = []
    made = begin_run(tmp_path, said.append)
    made.begin(tmp_path / "cnn-1" / "events.jsonl", 0)
    made(step(1))
    made.close()
    with monkeypatch.context() as patch:
        patch.setattr(journal, "FileIO", Full)
        made(step(2))
        made(step(3))
        with pytest.raises(OSError, match="No space"):
            made.length()
        made.close()
    assert len(said) == 1 and isinstance(said[0], Note) and "No space left" in said[0].text, "said once"
    made.join(tmp_path / "early.jsonl")
    assert story(tmp_path / "early.jsonl") == ["data", 1, 2, 3]
    made(step(4))
    assert story(tmp_path / "cnn-1" / "events.jsonl") == [1, 2, 3, 4]
    assert made.length() == (tmp_path / "cnn-1" / "events.jsonl").stat().st_size
