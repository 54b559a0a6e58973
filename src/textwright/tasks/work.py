"""The folder beside a model in which its training keeps what it has until it is done."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from textwright.core.errors import ConfigError
from textwright.core.events import Sink, silent
from textwright.core.files import explained, recover_folder, remove_folder
from textwright.core.records import Note

_LOCK = "lock"
# Before the names of folders with what a run made before its fit, and takes again when it is resumed; what
# there is in one that is worth it: something done, parts of answers, checkpoints of another fit.
STAGE = "stage-"
_WORTH = ("done.json", "*/part-*", ".*.work/*/step-*")
# What the system says when another process holds the lock; anything else is said where there are no locks.
_HELD = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}
# Where Windows locks a byte: behind all that is read.
_LOCKED_BYTE = 1 << 30


@dataclass
class Work:
    """The folder of a running training."""

    path: Path
    is_kept: bool = False

    def keep(self) -> None:
        """Let the checkpoints outlive this training, though it ends well: there is more to learn."""
        self.is_kept = True


@contextmanager
def work_folder(target: Path, *, resume: bool, say: Sink = silent) -> Iterator[Work]:
    """`.NAME.work` beside `target`, for this process alone; what an earlier run left stays only to resume it.

    Without `resume` the checkpoints of an earlier run are set aside as `.NAME.work.old`, in place of such as
    lie there. At the end the folder goes; after a failure, and when it was asked to keep, only if there is
    nothing to go on from. What processes left that were killed while they published `target` is cleared up
    first. Raises ConfigError when another process is writing there.
    """
    path = work_of(target)
    with closing(_claim(path, resume, say)) as lock:
        work = Work(path)
        try:
            with explained(path):
                lock.truncate(0)
                lock.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())
            if recover_folder(target):
                what = "a process was killed while it replaced this folder; what was there before is back"
                say(Note(f"{target}: {what}", "warning"))
            yield work
        except BaseException as error:
            _leave(path, lock, say if isinstance(error, KeyboardInterrupt) else silent)
            raise
        if work.is_kept:
            _leave(path, lock, say)
        else:
            _remove(path, lock)


def work_of(target: Path) -> Path:
    """Where the training of a folder keeps what it has."""
    return target.parent / f".{target.name}.work"


def has_stages(work: Path) -> bool:
    """Whether a run made something before its fit that it can take again."""
    return any(True for kind in _WORTH for _ in work.glob(f"{STAGE}*/{kind}"))


def has_checkpoints(work: Path) -> bool:
    """Whether there is something to go on from, or that a person may want to look at."""
    found = any(path.is_dir() for kind in ("step-*", "bad-*") for path in work.glob(f"*/{kind}"))
    return found or has_stages(work)


def _leave(work: Path, lock: FileIO, say: Sink) -> None:
    """Keep what can be gone on from."""
    if has_checkpoints(work):
        how = "the same command with --resume goes on from them; otherwise delete the folder"
        say(Note(f"{work}: the checkpoints stay: {how}"))
    else:
        say(Note("no checkpoint was stored yet: --resume would start anew"))
        _remove(work, lock)


def _remove(work: Path, lock: FileIO) -> None:
    """In one step: killed half-way through, a run that is resumed would find checkpoints without events."""
    _free_to_move(lock)
    remove_folder(work)


def _set_aside(work: Path, lock: FileIO, say: Sink) -> None:
    old = work.with_name(f"{work.name}.old")
    remove_folder(old)
    _free_to_move(lock)
    with explained(work):
        os.replace(work, old)
    what = f"the checkpoints of an unfinished run are now in {old.name}, as --resume was not given"
    how = f"stop this training, rename {old.name} to {work.name} in place of what is there, and give --resume"
    say(Note(f"{work}: {what}. To go on from them, {how}; otherwise delete {old.name}", "warning"))


def _free_to_move(lock: FileIO) -> None:
    """Windows moves no folder in which a file is open, and so none in which another training has its lock."""
    if sys.platform == "win32":
        lock.close()


def _claim(work: Path, resume: bool, say: Sink) -> FileIO:
    """The lock of the folder, in which there is nothing else unless it is to be resumed."""
    lock = _take(work, say)
    if resume or all(path.name == _LOCK for path in work.iterdir()):
        return lock
    with closing(lock):  # only now: until it has been moved, the folder is ours
        if has_checkpoints(work):
            _set_aside(work, lock, say)
        else:
            _remove(work, lock)
    return _take(work, silent)


def _take(work: Path, say: Sink) -> FileIO:
    """The system lets go of the lock when its process ends, however that comes about."""
    path = work / _LOCK
    while True:
        with explained(work):
            work.mkdir(parents=True, exist_ok=True)
            lock = FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+")
        try:
            _lock(lock)
        except OSError as error:
            if error.errno in _HELD:
                owner = _owner(path)
                lock.close()
                raise ConfigError(
                    f"{work}: another training is writing there ({owner})",
                    hint="Wait for its end, or choose another --out.",
                ) from None
            why = f"it cannot be locked on this file system ({error.strerror or error})"
            say(Note(f"{work}: {why}; see to it that no other training writes there", "warning"))
        with suppress(OSError):
            if os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                return lock
        lock.close()  # the process before us has just ended and removed what we had opened


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
