"""Save and load model folders: atomic on the way out, verified on the way in, never unpickled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from textwright.bundle.manifest import (
    COPY_AGAIN,
    ENGINE,
    FORMAT_VERSION,
    LANGUAGE,
    MANIFEST,
    PAIRS,
    UNHASHED,
    Manifest,
)
from textwright.core.errors import BundleError, ConfigError
from textwright.core.files import explained, publish_folder, read_json, sha256, to_json
from textwright.text.schema import Schema

REQUIRED = {"config.json", "model.safetensors"}
_OF_ENSEMBLES = {"config.json"}  # the weights are those of its members
# Of a folder that was exported, by the engine that `decode` of the manifest names.
_OF_ENGINES = MappingProxyType({"ctranslate2": {"config.json", "model.bin"}})


@dataclass(frozen=True)
class Bundle:
    """A model folder whose files are those that were written."""

    path: Path
    manifest: Manifest
    schema: Schema


def save_bundle(path: Path, manifest: Manifest, fill: Callable[[Path], None]) -> None:
    """Write a folder in one step: `fill` writes the files, then the manifest with their hashes is added.

    What changes after training is not hashed: the looks at locked rows, and the pages for people.
    """

    publish_folder(path, lambda fresh: write_bundle(fresh, manifest, fill))


def write_bundle(folder: Path, manifest: Manifest, fill: Callable[[Path], None]) -> None:
    """The same into an empty folder that somebody else publishes: a member of an ensemble."""
    fill(folder)
    files = [f for f in sorted(folder.rglob("*")) if f.is_file()]
    hashes = {f.relative_to(folder).as_posix(): sha256(f) for f in files if f.name not in UNHASHED}
    record = manifest.model_copy(update={"files": hashes})
    record = record.model_copy(update={"own_hash": record.hashed()})
    (folder / MANIFEST).write_text(to_json(record.model_dump(mode="json", by_alias=True)), encoding="utf-8")
    mode = (folder / MANIFEST).stat().st_mode
    for file in files:  # safetensors makes files that only their owner can read
        file.chmod(mode)


def is_bundle(path: Path) -> bool:
    return (path / MANIFEST).is_file()


def load_bundle(path: str | Path) -> Bundle:
    """Read and verify the folder of a model that answers.

    Raises BundleError when it is missing, damaged, changed or too new, or holds a language model.
    """
    folder = Path(path)
    manifest = load_verified(folder)
    if manifest.task == LANGUAGE:
        raise BundleError(
            f"{folder}: is a language model, which writes and fills gaps, and gives no labels or scores",
            hint=f"Teach it: textwright train DATA --from {folder} --out NEW",
        )
    if manifest.task in PAIRS:
        raise BundleError(
            f"{folder}: is a model for {manifest.task}, and gives no labels or scores",
            hint=f"Use it: textwright {manifest.task} {folder} FILE",
        )
    try:
        schema = Schema.parse(manifest.data_schema)
    except ConfigError as error:
        raise BundleError(f"{folder / MANIFEST}: {error.message}", hint=COPY_AGAIN) from None
    return Bundle(folder, manifest, schema)


def load_verified(folder: Path) -> Manifest:
    """The manifest of a folder, whatever its model does, with every file as it was written.

    Raises BundleError, as `load_bundle`.
    """
    manifest = load_manifest(folder)
    required = _OF_ENGINES.get(str(manifest.decode.get(ENGINE)), REQUIRED)
    if manifest.architecture == "ensemble":
        required = _OF_ENSEMBLES
    for name in sorted(required - manifest.files.keys()):
        raise BundleError(f"{folder / MANIFEST}: has no hash of {name!r}", hint=COPY_AGAIN)
    for name, wanted in manifest.files.items():
        verify_file(folder, name, wanted)
    return manifest


def refuse_foreign(target: Path) -> None:
    """Only a new place, an empty folder or an older model of ours is written to. Raises ConfigError."""
    if not target.name:
        raise ConfigError(
            f"{target}: a model needs a folder of its own", hint="Give it a name: --out my-model"
        )
    if target.is_file():
        raise ConfigError(
            f"{target}: is a file, expected a new or an older model folder", hint="Choose another --out."
        )
    if target.is_mount():
        raise ConfigError(
            f"{target}: is where a disk is mounted, which no folder can take the place of",
            hint=f"Choose a folder inside it: --out {target / 'model'}",
        )
    if target.is_dir() and any(target.iterdir()) and not is_bundle(target):
        raise ConfigError(
            f"{target}: holds other things than a model, and would be replaced", hint="Choose another --out."
        )


def is_finished(target: Path) -> bool:
    """Whether a model is there whose training was not interrupted."""
    if not is_bundle(target):
        return False
    try:
        return not read_json(target / "plan.json").get("interrupted")
    except (OSError, ValueError, AttributeError):
        return True


def load_manifest(folder: Path) -> Manifest:
    """Read the manifest of a model folder alone. Raises BundleError, as `load_bundle`."""
    if not folder.is_dir():
        raise BundleError(
            f"{folder}: there is no such folder", hint="Give the folder that 'textwright train --out' wrote."
        )
    if not is_bundle(folder):
        raise BundleError(
            f"{folder}: not a Textwright model folder ({MANIFEST} is missing)",
            hint="Give the folder that 'textwright train --out' wrote.",
        )
    try:
        with explained(folder / MANIFEST, "read"):
            record: Any = read_json(folder / MANIFEST)
        version = record.get("format_version")
    except (ValueError, AttributeError, RecursionError) as error:
        raise BundleError(f"{folder / MANIFEST}: damaged ({error})", hint=COPY_AGAIN) from None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise BundleError(
            f"{folder}: written in folder format {version}; this version reads up to {FORMAT_VERSION}",
            hint="Update textwright: pip install -U textwright",
        )
    try:
        manifest = Manifest.parse(record)
    except ConfigError as error:
        raise BundleError(f"{folder / MANIFEST}: damaged ({error.message})", hint=COPY_AGAIN) from None
    if manifest.own_hash != manifest.hashed():
        raise BundleError(f"{folder / MANIFEST}: is not what was written", hint=COPY_AGAIN)
    return manifest


def verify_file(folder: Path, name: str, wanted: str) -> None:
    """Raise BundleError unless the file is there and has the hash that the manifest wants."""
    file = folder / name
    if "\0" in name or not file.resolve().is_relative_to(folder.resolve()):
        raise BundleError(f"{folder / MANIFEST}: names a file outside the folder: {name!r}", hint=COPY_AGAIN)
    if not file.is_file():
        raise BundleError(f"{folder}: the file {name!r} is missing", hint=COPY_AGAIN)
    with explained(file, "read"):
        found = sha256(file)
    if found != wanted:
        what = f"is not the one that was written (its hash is {found[:12]}, not {wanted[:12]})"
        raise BundleError(f"{folder}: the file {name!r} {what}", hint=COPY_AGAIN)
