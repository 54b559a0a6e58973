"""Files are whole or not there, whatever happens while they are written."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from textwright.core.errors import TextwrightError
from textwright.core.files import explained, publish_folder, read_json, sha256, to_json, write_atomic

# Files of this process may have 50,000 bytes: what a full disk does, in a process of its own.
FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from safetensors.numpy import save_file
from textwright.core.files import publish_folder, write_atomic

resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
folder = Path(sys.argv[1])
fill = lambda fresh: save_file({"a": np.ones(100_000)}, fresh / "w.safetensors")
for write, name, content in ((write_atomic, "a.txt", b"x" * 100_000), (publish_folder, "m", fill)):
    try:
        write(folder / name, content)
    except Exception as error:
        print(type(error).__name__, error)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_writes_text_and_bytes_into_folders_that_it_makes(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a" / "b" / "text", "好\n")
    write_atomic(tmp_path / "a" / "bytes", b"\x00\xff")
    assert (tmp_path / "a" / "b" / "text").read_bytes() == "好\n".encode()
    assert (tmp_path / "a" / "bytes").read_bytes() == b"\x00\xff"
    assert names(tmp_path / "a") == ["b", "bytes"]


@pytest.mark.skipif(os.name == "nt", reason="no umask")
def test_what_is_written_has_the_rights_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomic(tmp_path / "file", "")
        publish_folder(tmp_path / "folder", lambda fresh: (fresh / "inner").touch())
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o750


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, fault: BaseException
) -> None:
    path = tmp_path / "file"
    write_atomic(path, "old")

    def failing(*args: object) -> None:
        raise fault

    monkeypatch.setattr(os, step, failing)
    expected = TextwrightError if isinstance(fault, OSError) else KeyboardInterrupt
    with pytest.raises(expected, match="disk is full" if isinstance(fault, OSError) else None):
        write_atomic(path, "new")
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of the system is used")
def test_a_full_disk_is_named_and_leaves_what_was_there(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a.txt", "old")
    publish_folder(tmp_path / "m", lambda fresh: write_atomic(fresh / "w.safetensors", "old"))
    done = subprocess.run([sys.executable, "-c", FULL_DISK, tmp_path], capture_output=True, text=True)
    said = done.stdout.splitlines()
    assert [line.endswith("the disk is full") for line in said[::2]] == [True, True], done
    assert all("Free some space" in line for line in said[1::2])
    assert (tmp_path / "a.txt").read_text() == (tmp_path / "m" / "w.safetensors").read_text() == "old"
    assert names(tmp_path) == ["a.txt", "m"] and names(tmp_path / "m") == ["w.safetensors"]


def test_other_refusals_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TextwrightError, match=r"file.inner: cannot write: .*(exists|directory)"):
        write_atomic(tmp_path / "file" / "inner", "")
    with (
        pytest.raises(TextwrightError, match=r"x: no permission to write here\n.*--out"),
        explained(Path("x")),
    ):
        raise PermissionError(errno.EACCES, "no")
    with (
        pytest.raises(TextwrightError, match=r"x: no permission to read here\nChange its permissions"),
        explained(Path("x"), "read"),
    ):
        raise PermissionError(errno.EACCES, "no")
    with pytest.raises(TextwrightError, match="cannot write: No such file"):
        publish_folder(tmp_path / "m", lambda fresh: save_file({"a": np.ones(2)}, fresh / "no" / "w"))
    assert names(tmp_path) == ["file"]


def test_the_old_folder_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "model"
    seen: list[object] = []

    def fill(fresh: Path) -> None:
        seen.append(names(target) if target.exists() else None)
        (fresh / f"part{len(seen)}").touch()
        seen.append(fresh.parent == target.parent)

    publish_folder(target, fill)
    publish_folder(target, fill)
    assert seen == [None, True, ["part1"], True]
    assert names(target) == ["part3"]
    assert names(tmp_path / "deep") == ["model"]


@pytest.mark.parametrize("fault", [ValueError("own"), KeyboardInterrupt()])
def test_a_filling_that_fails_leaves_the_old_folder(tmp_path: Path, fault: BaseException) -> None:
    publish_folder(tmp_path / "model", lambda fresh: (fresh / "old").touch())

    def fill(fresh: Path) -> None:
        (fresh / "new").touch()
        raise fault

    with pytest.raises(type(fault)):
        publish_folder(tmp_path / "model", fill)
    assert names(tmp_path) == ["model"]
    assert names(tmp_path / "model") == ["old"]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("fails_at", [1, 2])
def test_a_swap_that_fails_brings_the_old_folder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, fails_at: int
) -> None:
    """Ctrl-C just before or after each of the two renames: always one whole folder, never none."""
    publish_folder(tmp_path / "model", lambda fresh: (fresh / "old").touch())
    real, calls = os.replace, []

    def replace(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) == fails_at and moment == "before":
            raise KeyboardInterrupt
        real(source, target)
        if len(calls) == fails_at and moment == "after":
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        publish_folder(tmp_path / "model", lambda fresh: (fresh / "new").touch())
    is_new = (fails_at, moment) == (2, "after")
    assert names(tmp_path / "model") == ["new" if is_new else "old"]
    assert "model" in names(tmp_path)


def test_hash_and_json(tmp_path: Path) -> None:
    data = os.urandom(300_000)
    (tmp_path / "a").write_bytes(data)
    assert sha256(tmp_path / "a") == hashlib.sha256(data).hexdigest()
    value = {"b": [1, 2.5, None], "a": "好"}
    (tmp_path / "j").write_text(to_json(value), encoding="utf-8")
    assert read_json(tmp_path / "j") == value
    assert "好" in to_json(value) and to_json(value).index('"b"') < to_json(value).index('"a"')
    with pytest.raises(ValueError, match="Out of range"):
        to_json({"a": float("nan")})
