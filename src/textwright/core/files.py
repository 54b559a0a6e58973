"""Files that are whole or not there: atomic writes, folders published in one step, hashes, JSON."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from textwright.core.errors import TextwrightError


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

    What lay at `target` stays untouched until the new folder is complete, and comes back if the swap fails.
    """
    with explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = _beside(target)
        fresh.mkdir()
    try:
        with explained(target):
            fill(fresh)
            _swap(fresh, target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _swap(fresh: Path, target: Path) -> None:
    if not target.exists():
        os.replace(fresh, target)
        return
    old = fresh.with_name(fresh.name + ".old")
    try:
        os.replace(target, old)
        os.replace(fresh, target)
    except BaseException:
        # Ctrl-C may come between the two as well.
        if not target.exists():
            os.replace(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _beside(path: Path) -> Path:
    """A hidden name that nobody else uses, on the same disk."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def to_json(value: Any) -> str:
    """Readable JSON for a file a person may open: indented, Chinese kept, no NaN."""
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
