"""Files are whole or not there, whatever happens while they are written."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from textwright.core import files
from textwright.core.errors import TextwrightError
from textwright.core.files import (
    explained,
    publish_folder,
    read_json,
    recover_folder,
    sha256,
    sync,
    to_json,
    write_atomic,
)

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
@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_a_swap_that_fails_brings_the_old_folder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, fails_at: int
) -> None:
    """Ctrl-C just before or after each of the renames: always one whole folder, never none."""
    monkeypatch.setattr(files, "exchange", lambda left, right: False)
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
    is_new = fails_at == 3 or (fails_at, moment) == (2, "after")
    assert names(tmp_path / "model") == ["new" if is_new else "old"]
    monkeypatch.undo()
    assert not recover_folder(tmp_path / "model") and names(tmp_path) == ["model"]


# A process that ends at its nth rename, as kill -9 ends it.
KILLED = """
import os, sys
from pathlib import Path
from textwright.core import files

real, calls = os.replace, []

def replace(source, target):
    calls.append(source)
    if len(calls) == int(sys.argv[2]) + 1:
        os._exit(9)
    real(source, target)

os.replace, files.exchange = replace, lambda left, right: False
files.publish_folder(Path(sys.argv[1]), lambda fresh: (fresh / "new").touch())
"""


@pytest.mark.parametrize(
    ("renames", "is_missing", "found"), [(0, False, "old"), (1, True, "old"), (2, False, "new")]
)
def test_a_kill_while_it_is_swapped(tmp_path: Path, renames: int, is_missing: bool, found: str) -> None:
    target = tmp_path / "model"
    publish_folder(target, lambda fresh: (fresh / "old").touch())
    done = subprocess.run([sys.executable, "-c", KILLED, target, str(renames)])
    assert done.returncode == 9 and target.exists() != is_missing and len(names(tmp_path)) == 2
    assert recover_folder(target) == is_missing
    assert names(tmp_path) == ["model"] and names(target) == [found]


def test_what_only_looks_like_a_leftover_stays(tmp_path: Path) -> None:
    target = tmp_path / "m"
    publish_folder(target, lambda fresh: (fresh / "a").touch())
    alike = [
        *("m.old", ".m.old", ".m.0123abcd", ".m.0123abcd.old", ".m.textwright-old", ".m..textwright-old"),
        *(".n.0123abcd.textwright-temp", ".m.n.0123abcd.textwright-old", "m.0123abcd.textwright-old"),
        *(".m.0123abcde.textwright-temp", ".m.0123abcd.textwright-temp.bak", ".m.notes.md.textwright-old"),
    ]
    for name in (*alike, ".m.0123abcd.textwright-temp", ".m.0123abcd.textwright-old"):
        (tmp_path / name).mkdir()
    (tmp_path / ".m.89abcdef.textwright-old").write_text("a file of whomever")
    assert not recover_folder(target)
    assert names(tmp_path) == sorted([*alike, "m", ".m.89abcdef.textwright-old"])


def test_no_star_in_a_name_reaches_other_folders(tmp_path: Path) -> None:
    for name in (".[mn].01234567.textwright-temp", ".m.01234567.textwright-temp"):
        (tmp_path / name).mkdir()
    recover_folder(tmp_path / "[mn]")
    assert names(tmp_path) == [".m.01234567.textwright-temp"]


def test_of_several_that_were_taken_away_the_last_comes_back(tmp_path: Path) -> None:
    for number, name in enumerate(("0123abcd", "fedc9876", "00000000")):
        folder = tmp_path / f".m.{name}.textwright-old"
        folder.mkdir()
        (folder / name).touch()
        os.utime(folder, (number % 2, number % 2))
    assert recover_folder(tmp_path / "m")
    assert names(tmp_path) == ["m"] and names(tmp_path / "m") == ["fedc9876"]


# What a loss of power leaves.


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="names of open files are asked for")
@pytest.mark.parametrize("can_exchange", [True, False])
@pytest.mark.parametrize("is_there", [True, False])
def test_all_is_synced_before_the_swap_and_the_swap_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool, can_exchange: bool
) -> None:
    target, calls = tmp_path / "m", list[str]()

    def fill(fresh: Path) -> None:
        (fresh / "deep").mkdir()
        (fresh / "deep" / "weights").write_bytes(b"x")
        (fresh / "config").touch()

    if is_there:
        publish_folder(target, fill)
    real_sync, real_swap = os.fsync, files._swap

    def fsync(handle: int) -> None:
        calls.append(Path(os.readlink(f"/proc/self/fd/{handle}")).name)
        real_sync(handle)

    def swap(fresh: Path, target: Path) -> None:
        calls.append("the swap")
        real_swap(fresh, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(files, "_swap", swap)
    if not can_exchange:
        monkeypatch.setattr(files, "exchange", lambda left, right: False)
    publish_folder(target, fill)
    at = calls.index("the swap")
    temp = next(name for name in calls if name.endswith("textwright-temp"))
    assert sorted(calls[:at]) == sorted(["config", "deep", "weights", temp])
    assert calls[at + 1 :] == [tmp_path.name]


@pytest.mark.parametrize(
    ("number", "is_said"), [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)]
)
def test_folders_that_a_file_system_cannot_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, is_said: bool
) -> None:
    def fsync(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    (tmp_path / "file").touch()
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError) if is_said else nullcontext():
        sync(tmp_path)
    with pytest.raises(OSError):
        sync(tmp_path / "file")


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
