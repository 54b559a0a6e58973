"""Save and load model folders: atomic on the way out, verified on the way in, never unpickled."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textwright.bundle.manifest import FORMAT_VERSION, LOOKS, MANIFEST, Manifest
from textwright.core.errors import BundleError, ConfigError
from textwright.core.files import explained, publish_folder, read_json, sha256, to_json, write_atomic
from textwright.text.schema import Schema

_COPY_AGAIN = "Copy the folder again from where it was made, or train again."


@dataclass(frozen=True)
class Bundle:
    """A model folder whose files are those that were written."""

    path: Path
    manifest: Manifest
    schema: Schema


def save_bundle(path: Path, manifest: Manifest, fill: Callable[[Path], None]) -> None:
    """Write a folder in one step: `fill` writes the files, then the manifest with their hashes is added.

    The looks at locked rows change after training and so are not hashed.
    """

    def write(fresh: Path) -> None:
        fill(fresh)
        files = {str(f.relative_to(fresh)): sha256(f) for f in sorted(fresh.rglob("*")) if f.is_file() and f.name != LOOKS}
        record = manifest.model_copy(update={"files": files})
        (fresh / MANIFEST).write_text(to_json(record.model_dump(mode="json", by_alias=True)), encoding="utf-8")

    publish_folder(path, write)


def is_bundle(path: Path) -> bool:
    return (path / MANIFEST).is_file()


def load_bundle(path: str | Path) -> Bundle:
    """Read and verify a model folder. Raises BundleError when it is missing, damaged, changed or too new."""
    folder = Path(path)
    manifest = _manifest(folder)
    for name, wanted in manifest.files.items():
        _verify(folder, name, wanted)
    try:
        schema = Schema.parse(manifest.labels_and_columns)
    except ConfigError as error:
        raise BundleError(f"{folder / MANIFEST}: {error.message}", hint=_COPY_AGAIN) from None
    return Bundle(folder, manifest, schema)


def _manifest(folder: Path) -> Manifest:
    if not folder.is_dir():
        raise BundleError(f"{folder}: there is no such folder", hint="Give the folder that 'textwright train --out' wrote.")
    if not is_bundle(folder):
        raise BundleError(f"{folder}: not a Textwright model folder ({MANIFEST} is missing)", hint="Give the folder that 'textwright train --out' wrote.")
    try:
        with explained(folder / MANIFEST, "read"):
            record: Any = read_json(folder / MANIFEST)
        version = record.get("format_version")
    except (ValueError, AttributeError) as error:
        raise BundleError(f"{folder / MANIFEST}: damaged ({error})", hint=_COPY_AGAIN) from None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise BundleError(f"{folder}: written in folder format {version}; this version reads up to {FORMAT_VERSION}", hint="Update textwright: pip install -U textwright")
    try:
        return Manifest.parse(record)
    except ConfigError as error:
        raise BundleError(f"{folder / MANIFEST}: damaged ({error.message})", hint=_COPY_AGAIN) from None


def _verify(folder: Path, name: str, wanted: str) -> None:
    file = folder / name
    if not file.resolve().is_relative_to(folder.resolve()):
        raise BundleError(f"{folder / MANIFEST}: names a file outside the folder: {name!r}", hint=_COPY_AGAIN)
    if not file.is_file():
        raise BundleError(f"{folder}: the file {name!r} is missing", hint=_COPY_AGAIN)
    with explained(file, "read"):
        found = sha256(file)
    if found != wanted:
        raise BundleError(f"{folder}: the file {name!r} is not the one that was written (hash {found[:12]}, expected {wanted[:12]})", hint=_COPY_AGAIN)


def read_looks(folder: Path) -> dict[str, Any]:
    """The locked test rows (hashes of their texts) and every look at them."""
    try:
        record: dict[str, Any] = read_json(folder / LOOKS)
    except (OSError, ValueError):
        return {"locked": [], "looks": []}
    return record


def write_looks(folder: Path, record: dict[str, Any]) -> None:
    write_atomic(folder / LOOKS, json.dumps(record, ensure_ascii=False) + "\n")
