"""The folder beside a model in which its training keeps what it has until it is done."""

from __future__ import annotations

import glob
import json
import os
import secrets
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from textwright.core.errors import ConfigError
from textwright.core.events import Sink, silent
from textwright.core.files import explained
from textwright.core.records import Note

_LOCK, _GONE = "lock", ".gone-"
# Where Windows locks a byte: behind all that is read.
_LOCKED_BYTE = 1 << 30


@contextmanager
def work_folder(target: Path, *, resume: bool, say: Sink = silent) -> Iterator[Path]:
    """`.NAME.work` beside `target`, for this process alone; what an earlier run left stays only to resume it.

    It goes at the end, and after a failure that leaves nothing to go on from. Raises ConfigError when another
    process is writing there.
    """
    work = target.parent / f".{target.name}.work"
    with _locked(work):
        if not resume:
            _clear(work, say)
        try:
            yield work
        except BaseException:
            if not has_checkpoints(work):
                _remove(work)
            raise
        _remove(work)


def _remove(work: Path) -> None:
    """In one step: killed half-way through, a run that is resumed would find checkpoints without events."""
    gone = work.with_name(f"{work.name}{_GONE}{secrets.token_hex(4)}")
    try:
        os.replace(work, gone)
    except OSError:  # Windows moves no folder in which a file is open
        gone = work
    for folder in {gone, *work.parent.glob(f"{glob.escape(work.name)}{_GONE}*")}:
        shutil.rmtree(folder, ignore_errors=True)


def has_checkpoints(work: Path) -> bool:
    """Whether there is something to go on from, or that a person may want to look at."""
    return any(path.is_dir() for kind in ("step-*", "bad-*") for path in work.glob(f"*/{kind}"))


def _clear(work: Path, say: Sink) -> None:
    if has_checkpoints(work):
        say(Note(f"{work}: what an unfinished run left is removed; --resume would have gone on from there"))
    for path in work.iterdir():
        if path.name != _LOCK:
            shutil.rmtree(path, ignore_errors=True)
            path.unlink(missing_ok=True)


@contextmanager
def _locked(work: Path) -> Iterator[None]:
    """The system lets go of the lock when its process ends, however that comes about."""
    file = _open(work)
    try:
        yield
    finally:
        file.close()


def _open(work: Path) -> FileIO:
    path = work / _LOCK
    while True:
        with explained(work):
            work.mkdir(parents=True, exist_ok=True)
            file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT), "r+")
        try:
            _lock(file)
        except OSError:
            owner = _owner(path)
            file.close()
            raise ConfigError(
                f"{work}: another training is writing there ({owner})",
                hint="Wait for its end, or choose another --out.",
            ) from None
        with suppress(OSError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                break
        file.close()  # the process before us has just ended and removed what we had opened
    file.truncate(0)
    file.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())
    return file


def _lock(file: FileIO) -> None:
    """Raises OSError when another process holds it."""
    if sys.platform == "win32":
        import msvcrt

        file.seek(_LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _owner(path: Path) -> str:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return f"process {record['pid']} on {record['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it has not said which process it is"
