"""The locked test rows of a model, by hash, and every look that was taken at them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from textwright.bundle.manifest import COPY_AGAIN, LOOKS
from textwright.core.errors import BundleError
from textwright.core.files import read_json, write_atomic


def first_looks(hashes: list[str]) -> str:
    """The content of the file at the end of a training, which looks once."""
    looks = [_look("train", len(hashes))] if hashes else []
    return _written({"locked": hashes, "looks": looks})


def read_looks(folder: Path) -> dict[str, Any]:
    """`locked` hashes and `looks`, each with who looked, at how many rows, and when.

    Raises BundleError when the record is missing or damaged: looks would go uncounted.
    """
    try:
        record: dict[str, Any] = read_json(folder / LOOKS)
        readable = isinstance(record["locked"], list) and isinstance(record["looks"], list)
    except (OSError, ValueError, LookupError, TypeError):
        readable = False
    if not readable:
        what = "the record of looks at the locked test rows is missing or damaged"
        raise BundleError(f"{folder / LOOKS}: {what}", hint=COPY_AGAIN)
    return record


def count_look(folder: Path, by: str, hashes: list[str]) -> int:
    """How many rows were locked for the test of this model; a look at any is written into its folder."""
    record = read_looks(folder)
    locked = set(record["locked"])
    seen = sum(name in locked for name in hashes)
    if seen:
        write_atomic(folder / LOOKS, _written({**record, "looks": [*record["looks"], _look(by, seen)]}))
    return seen


def _look(by: str, rows: int) -> dict[str, Any]:
    return {"by": by, "rows": rows, "when": datetime.now(UTC).isoformat(timespec="seconds")}


def _written(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"
