"""What is damaged is set aside and told of by every process; what merely cannot be read stays as it is."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from _disks import Crash, Failing
from _fits import NEW, OLD, averaging, files, newest

from textwright.core.errors import CheckpointError, TextwrightError
from textwright.learn import folder as module
from textwright.learn.checkpoint import load_checkpoint


def cut(path: Path) -> None:
    content = (path / "state.safetensors").read_bytes()
    (path / "state.safetensors").write_bytes(content[:-64])


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_while_it_is_set_aside_loses_no_word_of_it(two: Path, tmp_path: Path, when: str) -> None:
    """One came after the rename and before the word: the next process saw only that it was set aside."""
    fit, counted = averaging(), Failing()
    shutil.copytree(two, tmp_path / "whole")
    cut(newest(tmp_path / "whole"))
    load_checkpoint(tmp_path / "whole", fit, counted)
    assert counted.named == ["write_text", "sync", "sync", "rename"]
    for at in range(1, counted.calls + 1):
        folder = tmp_path / str(at)
        shutil.copytree(two, folder)
        cut(newest(folder))
        with suppress(Crash):
            load_checkpoint(folder, fit, Failing(at, Crash(), when))
        said = []
        for _ in range(2):  # killed once more after the first
            resumed = load_checkpoint(folder, fit)
            assert resumed is not None and resumed.step == OLD
            said.append(resumed.warnings)
        (warning,) = said[0]
        assert said[1] == said[0] and warning.startswith(
            f"the checkpoint step-{NEW:08d} is set aside as bad-"
        )
        assert warning.endswith(": the file 'state.safetensors' is not what was written")


def test_one_that_cannot_be_set_aside_stays_as_it_is(stored: Path) -> None:
    cut(newest(stored))
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(TextwrightError, match="the disk is full"):
        load_checkpoint(stored, averaging(), Failing(1, full))
    assert newest(stored).name == f"step-{NEW:08d}"


def reading(error: BaseException, name: str) -> Callable[..., Any]:
    """Stands for Path.read_text on a disk where one file cannot be read."""
    real = Path.read_text

    def read(path: Path, *rest: Any, **named: Any) -> str:
        if path.name == name:
            raise error
        return real(path, *rest, **named)

    return read


def raising(error: BaseException) -> Callable[..., Any]:
    def call(*_: Any) -> None:
        raise error

    return call


TRANSIENT = [
    OSError(errno.EIO, "Input/output error"),
    OSError(errno.EMFILE, "Too many open files"),
    PermissionError(errno.EACCES, "Permission denied"),
]


@pytest.mark.parametrize(
    ("target", "name", "fault", "said"),
    [
        *((Path, "read_text", reading(e, "manifest.json"), e.strerror) for e in TRANSIENT),
        *((module, "sha256", raising(e), e.strerror) for e in TRANSIENT),
        (module, "load_file", raising(MemoryError()), "MemoryError"),
        (module, "load_file", raising(RuntimeError("unable to mmap 9 bytes")), "unable to mmap 9 bytes"),
    ],
)
def test_one_that_cannot_be_read_is_not_condemned(
    stored: Path, monkeypatch: pytest.MonkeyPatch, target: Any, name: str, fault: Any, said: str
) -> None:
    before, fit = files(stored), averaging()
    with monkeypatch.context() as patch:
        patch.setattr(target, name, fault)
        with pytest.raises(CheckpointError, match=f"step-{NEW:08d}: cannot be read: .*{said}") as caught:
            load_checkpoint(stored, fit)
    assert "stays as it is" in caught.value.hint and files(stored) == before
    resumed = load_checkpoint(stored, fit)
    assert resumed is not None and resumed.step == NEW and not resumed.warnings


def test_a_file_that_is_missing_is_damage(stored: Path) -> None:
    (newest(stored) / "manifest.json").unlink()
    resumed = load_checkpoint(stored, averaging())
    assert resumed is not None and resumed.step == OLD
    assert "its manifest cannot be read" in resumed.warnings[0]
