"""The folder of a running training: for one process alone, and gone when nothing is left to go on from."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from io import FileIO
from pathlib import Path

import pytest

from textwright.core.errors import ConfigError, TextwrightError
from textwright.core.events import Event
from textwright.core.records import Note
from textwright.tasks import work as module
from textwright.tasks.work import has_checkpoints, work_folder

HOLD = """
import sys
from pathlib import Path
from textwright.tasks.work import work_folder
with work_folder(Path(sys.argv[1]), resume=False) as work:
    (work.path / "cnn-1" / "step-00000003").mkdir(parents=True)
    print("ready", flush=True)
    sys.stdin.read()
"""


def holding(target: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, target], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def test_a_second_process_is_refused_and_a_dead_one_is_not(tmp_path: Path) -> None:
    target, process = tmp_path / "m", holding(tmp_path / "m")
    try:
        for resume in (False, True):
            with (
                pytest.raises(
                    ConfigError, match=rf"another training is writing there \(process {process.pid} on"
                ),
                work_folder(target, resume=resume),
            ):
                pytest.fail("it was let in")
        assert has_checkpoints(tmp_path / ".m.work"), "and it has changed nothing"
    finally:
        process.kill()
        process.communicate()
    with work_folder(target, resume=True) as work:
        assert json.loads((work.path / "lock").read_text())["pid"] == os.getpid()
        assert has_checkpoints(work.path)
    assert not (tmp_path / ".m.work").exists()


def test_two_threads_of_one_process_are_two_trainings(tmp_path: Path) -> None:
    refused: list[ConfigError] = []

    def second() -> None:
        try:
            with work_folder(tmp_path / "m", resume=False):
                pass
        except ConfigError as error:
            refused.append(error)

    with work_folder(tmp_path / "m", resume=False):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert len(refused) == 1


def fail(target: Path, error: BaseException, *, stored: bool, resume: bool = False) -> None:
    with pytest.raises(type(error)), work_folder(target, resume=resume) as work:
        fill(work.path, stored=stored)
        raise error


def fill(work: Path, *, stored: bool) -> None:
    (work / "cnn-1").mkdir(exist_ok=True)
    if stored:
        (work / "cnn-1" / "step-00000003").mkdir(exist_ok=True)


@pytest.mark.parametrize("error", [TextwrightError("x"), KeyboardInterrupt(), RuntimeError("a bug")])
def test_it_stays_after_a_failure_when_there_is_something_to_go_on_from(
    tmp_path: Path, error: BaseException
) -> None:
    fail(tmp_path / "m", error, stored=False)
    assert not (tmp_path / ".m.work").exists()
    fail(tmp_path / "m", error, stored=True)
    assert has_checkpoints(tmp_path / ".m.work")
    fail(tmp_path / "m", error, stored=False, resume=True)
    assert has_checkpoints(tmp_path / ".m.work")


# What was interrupted.


@pytest.mark.parametrize("stored", [True, False])
def test_what_is_asked_to_be_kept_stays_where_there_are_checkpoints(tmp_path: Path, stored: bool) -> None:
    said: list[Event] = []
    with work_folder(tmp_path / "m", resume=False, say=said.append) as work:
        fill(work.path, stored=stored)
        work.keep()
    assert work.path.exists() == stored and has_checkpoints(work.path) == stored
    (note,) = notes(said)
    assert ("--resume goes on" in note.text and str(work.path) in note.text) == stored
    assert ("no checkpoint was stored yet" in note.text) == (not stored)


def test_an_interrupt_with_nothing_to_keep_says_that_the_checkpoints_stay(tmp_path: Path) -> None:
    said: list[Event] = []
    for error in (KeyboardInterrupt(), TextwrightError("x")):
        with (
            pytest.raises(type(error)),
            work_folder(tmp_path / "m", resume=True, say=said.append) as work,
        ):
            fill(work.path, stored=True)
            raise error
    (note,) = notes(said)
    assert "the checkpoints stay" in note.text


def notes(said: list[Event]) -> list[Note]:
    return [event for event in said if isinstance(event, Note)]


# What an earlier run left.


def test_checkpoints_are_set_aside_and_named(tmp_path: Path) -> None:
    said: list[Event] = []
    work, old = tmp_path / ".m.work", tmp_path / ".m.work.old"
    fail(tmp_path / "m", KeyboardInterrupt(), stored=True)
    (work / "between-0.jsonl").write_text("the first")
    with work_folder(tmp_path / "m", resume=False, say=said.append):
        assert [path.name for path in work.iterdir()] == ["lock"]
    (note,) = notes(said)
    assert note.kind == "warning" and ".m.work.old" in note.text and "give --resume" in note.text
    assert has_checkpoints(old) and (old / "between-0.jsonl").read_text() == "the first"
    assert not work.exists(), "what was set aside outlives the next training"
    old.rename(work)  # as the note says
    with work_folder(tmp_path / "m", resume=True) as again:
        assert has_checkpoints(again.path) and again.path == work
    assert list(tmp_path.iterdir()) == []


def test_only_the_last_is_set_aside(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        fail(tmp_path / "m", KeyboardInterrupt(), stored=True)
        (tmp_path / ".m.work" / f"run-{number}").touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".m.work", ".m.work.old"]
    assert (tmp_path / ".m.work.old" / "run-2").exists() and (tmp_path / ".m.work" / "run-3").exists()


def test_what_holds_no_checkpoint_is_removed_without_a_word(tmp_path: Path) -> None:
    said: list[Event] = []
    (tmp_path / ".m.work" / "events").mkdir(parents=True)
    with work_folder(tmp_path / "m", resume=False, say=said.append) as work:
        assert [path.name for path in work.path.iterdir()] == ["lock"]
    assert list(tmp_path.iterdir()) == [] and said == []


def test_the_new_folder_is_locked_as_the_old_one_was(tmp_path: Path) -> None:
    fail(tmp_path / "m", KeyboardInterrupt(), stored=True)
    process = holding(tmp_path / "m")
    try:
        assert (tmp_path / ".m.work.old").exists()
        with pytest.raises(ConfigError, match="another"), work_folder(tmp_path / "m", resume=False):
            pytest.fail("it was let in")
    finally:
        process.kill()
        process.communicate()


def test_a_model_that_a_killed_process_took_away_is_back(tmp_path: Path) -> None:
    said: list[Event] = []
    for name in (".m.0123abcd.textwright-old", ".m.0123abcd.textwright-temp"):
        (tmp_path / name).mkdir()
    (tmp_path / ".m.0123abcd.textwright-old" / "weights").touch()
    with work_folder(tmp_path / "m", resume=False, say=said.append):
        assert sorted(path.name for path in tmp_path.iterdir()) == [".m.work", "m"]
    (note,) = notes(said)
    assert note.kind == "warning" and note.text.startswith(f"{tmp_path / 'm'}: ") and "is back" in note.text
    assert (tmp_path / "m" / "weights").exists()


def test_leftovers_of_one_that_is_still_publishing_stay(tmp_path: Path) -> None:
    process = holding(tmp_path / "m")
    (tmp_path / ".m.0123abcd.textwright-temp").mkdir()
    try:
        with pytest.raises(ConfigError, match="another"), work_folder(tmp_path / "m", resume=True):
            pytest.fail("it was let in")
    finally:
        process.kill()
        process.communicate()
    assert (tmp_path / ".m.0123abcd.textwright-temp").exists()


# What the file system cannot do.


@pytest.mark.skipif(sys.platform == "win32", reason="flock")
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL])
def test_without_locks_it_goes_on_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    why = refuse_locks(monkeypatch, number)
    fail(tmp_path / "m", KeyboardInterrupt(), stored=True)
    said: list[Event] = []
    with work_folder(tmp_path / "m", resume=False, say=said.append) as work:
        assert [path.name for path in work.path.iterdir()] == ["lock"]
    first, second = notes(said)
    assert first.kind == "warning" and f"cannot be locked on this file system ({why})" in first.text
    assert ".m.work.old" in second.text


@pytest.mark.skipif(sys.platform == "win32", reason="flock")
@pytest.mark.parametrize("number", [errno.EWOULDBLOCK, errno.EACCES])
def test_a_lock_that_is_held_is_no_missing_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    refuse_locks(monkeypatch, number)
    with pytest.raises(ConfigError, match="another training"), work_folder(tmp_path / "m", resume=False):
        pytest.fail("it was let in")


def refuse_locks(monkeypatch: pytest.MonkeyPatch, number: int) -> str:
    import fcntl

    def flock(file: object, how: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    return os.strerror(number)


@pytest.mark.parametrize("call", ["truncate", "write"])
def test_a_full_disk_is_named_before_anything_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(self: FileIO, *given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "FileIO", type("Full", (FileIO,), {call: full}))
    with (
        pytest.raises(TextwrightError, match=r"\.m\.work: the disk is full"),
        work_folder(tmp_path / "m", resume=False),
    ):
        pytest.fail("it went on")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(TextwrightError, match="cannot write"),
        work_folder(tmp_path / "file" / "m", resume=True),
    ):
        pass
