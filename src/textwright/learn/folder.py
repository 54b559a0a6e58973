"""A training state as a folder: tensors as safetensors, all else as JSON, and a manifest that guards both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from textwright.core.files import sha256
from textwright.learn.disk import Disk
from textwright.learn.sharded.parts import NAME, read_parts

_MANIFEST, _RECORD, _TENSORS = "manifest.json", "state.json", "state.safetensors"
Groups = dict[str, dict[str, Tensor]]


class Unusable(Exception):
    """Why a folder is no state to go on from: it is damaged, or of another fit."""


def write(folder: Path, groups: Groups, record: dict[str, Any], disk: Disk) -> None:
    """Fill a new folder and sync it; the manifest, with the size and SHA-256 of each file, comes last."""
    disk.make_folder(folder)
    disk.write_tensors(folder / _TENSORS, _apart(groups))
    seal(folder, record, disk)


def seal(folder: Path, record: dict[str, Any], disk: Disk) -> None:
    """Put the record and the manifest beside the tensors that are there."""
    tensors = sorted(folder.glob("*.safetensors"))
    disk.write_text(folder / _RECORD, json.dumps(record))
    files = [*tensors, folder / _RECORD]
    for path in files:
        disk.sync(path)
    listed = {path.name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for path in files}
    disk.write_text(folder / _MANIFEST, json.dumps({"files": listed}))
    disk.sync(folder / _MANIFEST)
    disk.sync(folder)


def _apart(groups: Groups) -> dict[str, Tensor]:
    """As safetensors takes them: in one piece, and none in the memory of another (tied weights)."""
    seen, out = set[int](), {}
    for group, tensors in groups.items():
        for name, value in tensors.items():
            place = value.untyped_storage().data_ptr()
            apart = value.detach().clone() if place in seen else value.detach()
            out[f"{group}.{name}"] = apart.contiguous()
            seen.add(place)
    return out


def read(folder: Path) -> tuple[dict[str, Any], Groups]:
    """Raises Unusable when a file is not what was written; OSError, MemoryError or RuntimeError when the
    system does not let us see.
    """
    wanted = _manifest(folder)
    names = {file.name for file in folder.iterdir()} - {_MANIFEST}
    parts = {name for name in wanted if NAME.fullmatch(name)}
    for name in sorted(names ^ wanted.keys() | ({_RECORD} | (parts or {_TENSORS})) ^ names):
        raise Unusable(f"the file {name!r} is {'not one of its own' if name in names else 'missing'}")
    for name, (size, digest) in wanted.items():
        if (folder / name).stat().st_size != size or sha256(folder / name) != digest:
            raise Unusable(f"the file {name!r} is not what was written")
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        return record, _grouped(read_parts(folder) if parts else load_file(folder / _TENSORS))
    except (ValueError, SafetensorError) as error:
        raise Unusable(f"a file was badly written ({error})") from None


def _manifest(folder: Path) -> dict[str, tuple[int, str]]:
    try:
        listed = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))["files"]
        return {name: (entry["bytes"], entry["sha256"]) for name, entry in listed.items()}
    except (
        FileNotFoundError,
        NotADirectoryError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:
        raise Unusable(f"its manifest cannot be read ({error})") from None


def _grouped(tensors: dict[str, Tensor]) -> Groups:
    groups: Groups = {}
    for key, value in tensors.items():
        group, name = key.split(".", 1)
        # A clone, because what load_file returns is still the file, which later checkpoints remove.
        groups.setdefault(group, {})[name] = value.clone()
    return groups


def read_extra(folder: Path) -> dict[str, Any] | None:
    """What was stored beside a state, without reading the weights; None when it cannot be read."""
    try:
        digest = _manifest(folder)[_RECORD][1]
        record: dict[str, Any] = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        return record["extra"] if sha256(folder / _RECORD) == digest else None
    except (Unusable, OSError, ValueError, LookupError, TypeError):
        return None
