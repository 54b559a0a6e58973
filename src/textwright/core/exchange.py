"""Two names that change places in one step, where the system and the file system can do that."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

# renameat2(2) of Linux, with paths from the working folder; renamex_np(2) of macOS.
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_RENAME_SWAP = 2


def exchange(left: Path, right: Path) -> bool:
    """Let two names on one disk change places; false, with nothing done, where that cannot be."""
    if os.name == "nt":
        return False
    libc, a, b = ctypes.CDLL(None), os.fsencode(left), os.fsencode(right)
    if hasattr(libc, "renameat2"):
        return bool(libc.renameat2(_AT_FDCWD, a, _AT_FDCWD, b, _RENAME_EXCHANGE) == 0)
    if hasattr(libc, "renamex_np"):
        return bool(libc.renamex_np(a, b, _RENAME_SWAP) == 0)
    return False
