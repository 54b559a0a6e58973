"""Files that are whole or not there: atomic writes, folders published in one step, hashes, JSON."""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from textwright.core.errors import TextwrightError
from textwright.core.exchange import exchange

# Behind the names of folders that are being written or removed, and of one that is being replaced: so what a
# killed process leaves is told from whatever else lies there.
_TEMP, _OLD = ".textwright-temp", ".textwright-old"
_HEX = "[0-9a-f]" * 8
# What the system says of a folder that it cannot sync, and of one that may be written to and not read.
_NO_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EACCES}


def readable_name(path: str | Path) -> str:
    """The name of a file or folder as text that any record can hold, whatever bytes it has on the disk.

    >>> readable_name("data/reviews.csv"), readable_name("caf\\udce9.csv")
    ('reviews.csv', 'caf�.csv')
    """
    return os.fsencode(Path(path).name).decode("utf-8", "replace")


@contextmanager
def explained(path: Path, doing: str = "write") -> Iterator[None]:
    """Turn the operating system's refusal into an error that says what to do."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read our output has gone: no fault to explain
    except OSError as error:
        raise _explanation(path, doing, error) from None
    except SafetensorError as error:
        # safetensors hides what the system said in its message.
        if not (code := re.search(r"os error (\d+)", str(error))):
            raise
        number = int(code[1])
        raise _explanation(path, doing, OSError(number, os.strerror(number))) from None


def _explanation(path: Path, doing: str, error: OSError) -> TextwrightError:
    if isinstance(error, PermissionError):
        hint = (
            "Change its permissions."
            if doing == "read"
            else "Choose another --out or change its permissions."
        )
        return TextwrightError(f"{path}: no permission to {doing} here", hint=hint)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        hint = "Free some space or choose another --out; what was there before is unchanged."
        return TextwrightError(f"{path}: the disk is full", hint=hint)
    hint = "Check the path and the disk, or choose another --out."
    return TextwrightError(f"{path}: cannot {doing}: {error.strerror or error}", hint=hint)


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    with writing_atomic(path) as file:
        file.buffer.write(data)


@contextmanager
def writing_atomic(path: Path) -> Iterator[TextIOWrapper]:
    """A UTF-8 file to write to that takes its place under its name only when all is written."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = _beside(path)
        try:
            with fresh.open("x", encoding="utf-8", newline="") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise


def publish_folder(target: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write a new folder beside `target`, then put it in its place in one step.

    What lay at `target` stays untouched until the new folder is complete and synced, and comes back if the
    swap fails.
    """
    with explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = _beside(target, _TEMP)
        fresh.mkdir()
    try:
        with explained(target):
            fill(fresh)
            for path in (*fresh.rglob("*"), fresh):
                sync(path)
            _swap(fresh, target)
            sync(target.parent)
    finally:
        _delete(fresh)


def _swap(fresh: Path, target: Path) -> None:
    """Put `fresh` in the place of `target`; what was there lies at `fresh` then."""
    if not os.path.lexists(target):
        os.replace(fresh, target)
    elif not exchange(fresh, target):
        _swap_by_renames(fresh, target)


def _swap_by_renames(fresh: Path, target: Path) -> None:
    old = _beside(target, _OLD)
    try:
        os.replace(target, old)
        os.replace(fresh, target)
    finally:
        # Ctrl-C may come between the two as well; a kill leaves what `recover_folder` puts back.
        if os.path.lexists(old):
            os.replace(old, fresh if os.path.lexists(target) else target)


def recover_folder(target: Path) -> bool:
    """Clear up after processes that were killed while they published `target`; nobody may do so meanwhile.

    True when one of them had just taken the former folder away: it is put back.
    """
    with explained(target):
        taken = sorted(_left(target, _OLD), key=lambda path: path.lstat().st_mtime)
        is_missing = bool(taken) and not os.path.lexists(target)
        if is_missing:
            os.replace(taken.pop(), target)
            sync(target.parent)
        for path in taken:  # under the other name first: half of one is never put back
            os.replace(path, _beside(target, _TEMP))
    _delete(*_left(target, _TEMP))
    return is_missing


def remove_folder(path: Path) -> None:
    """Remove a folder in one step, and what a kill during an earlier removal left of it."""
    with suppress(OSError):  # it is not there; or, on Windows, a file in it is open: then it stays as it is
        os.replace(path, _beside(path, _TEMP))
    _delete(*_left(path, _TEMP))


def _left(path: Path, mark: str) -> list[Path]:
    """What has been put beside `path` under this mark, by whomever."""
    found = path.parent.glob(f".{glob.escape(path.name)}.{_HEX}{mark}")
    return [folder for folder in found if folder.is_dir()]


def _delete(*folders: Path) -> None:
    for folder in folders:
        if folder.is_symlink():  # a model folder may have been one, to a larger disk
            folder.unlink()
        shutil.rmtree(folder, ignore_errors=True)


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk itself, so that it outlives a loss of power."""
    is_folder, is_windows = path.is_dir(), os.name == "nt"
    if is_folder and is_windows:
        return  # which has no such call
    try:
        handle = os.open(path, os.O_RDWR if is_windows else os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if not is_folder or error.errno not in _NO_SYNC:
            raise


def _beside(path: Path, mark: str = "") -> Path:
    """A hidden name that nobody else uses, on the same disk."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}{mark}")


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def to_json(value: Any) -> str:
    """Readable JSON for a file a person may open: indented, Chinese kept, no NaN."""
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
