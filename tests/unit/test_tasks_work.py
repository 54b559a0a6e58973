"""The folder of a running training: for one process alone, and gone when nothing is left to go on from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from textwright.core.errors import ConfigError, TextwrightError
from textwright.core.events import Event
from textwright.core.records import Note
from textwright.tasks.work import has_checkpoints, work_folder

HOLD = """
import sys
from pathlib import Path
from textwright.tasks.work import work_folder
with work_folder(Path(sys.argv[1]), resume=False) as work:
    (work / "cnn-1" / "step-00000003").mkdir(parents=True)
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
        assert json.loads((work / "lock").read_text())["pid"] == os.getpid()
        assert has_checkpoints(work)
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
        (work / "cnn-1").mkdir(exist_ok=True)
        if stored:
            (work / "cnn-1" / "step-00000003").mkdir()
        raise error


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


def test_what_is_removed_is_named(tmp_path: Path) -> None:
    said: list[Event] = []
    fail(tmp_path / "m", KeyboardInterrupt(), stored=True)
    (tmp_path / ".m.work" / "between-0.jsonl").touch()
    with work_folder(tmp_path / "m", resume=False, say=said.append) as work:
        assert [path.name for path in work.iterdir()] == ["lock"]
    (note,) = said
    assert isinstance(note, Note) and "--resume would have gone on from there" in note.text


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(TextwrightError, match="cannot write"),
        work_folder(tmp_path / "file" / "m", resume=True),
    ):
        pass
