"""Patches of a person's data: what to change while rows are read. The file itself is never touched.

A patch is a folder, AUDIT/patches/NAME, with `manifest.json` and `patch.jsonl`, a line a changed row:

    {"file": 0, "row": 17, "hash": "5f0c...", "do": "drop", "value": null}

`row` is the number that a spreadsheet shows, `hash` that of the row as it stood when the patch was made. The
patches of an audit are applied one after the other, in the order of their names, which begin with a number;
each sees the row as those before it left it. So one that changes what another has changed was either made
upon it, or is refused: two values for a row are never mixed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from textwright.core.errors import DataError
from textwright.core.files import read_json, sha256
from textwright.text.rowlog import RowLog
from textwright.text.terms import Masks

FORMAT = 1
FOLDER, MANIFEST, LINES, MASKS = "patches", "manifest.json", "patch.jsonl", "masks.json"
Do = Literal["drop", "text", "target", "label", "add", "weight"]
Keyed = Literal["text", "labels", "target"]
_DOES = frozenset(get_args(Do))


@dataclass(frozen=True)
class Row:
    """A row as patches see it. `target` is that of a pair; `added` are rows that follow upon it."""

    text: str
    labels: tuple[str, ...] = ()
    target: str = ""
    weight: float = 1.0
    dropped: str = ""
    added: tuple[Row, ...] = ()
    changed: tuple[str, ...] = ()

    def hash(self, keyed: Keyed) -> str:
        """A short hash of the text and of what stands with it: labels, a target, or nothing.

        >>> Row("a", ("x",)).hash("labels") == Row("a", ("y",)).hash("labels")
        False
        """
        more = {"labels": self.labels, "target": (self.target,), "text": ()}[keyed]
        whole = json.dumps([self.text, *more])  # escaped, so that halves of pairs of code units can be hashed
        return hashlib.blake2b(whole.encode(), digest_size=6).hexdigest()


@dataclass(frozen=True)
class Change:
    """One line of a patch."""

    file: int
    row: int
    hash: str
    do: Do
    value: Any = None


@dataclass(frozen=True)
class Patch:
    """A patch as it lies in its folder. `masks` are what a model that learns by it must not read, in use as
    in training.
    """

    name: str
    manifest: dict[str, Any]
    changes: tuple[Change, ...]
    masks: tuple[Masks, ...] = ()

    @property
    def keyed(self) -> Keyed:
        found: Keyed = self.manifest["keyed"]
        return found

    def record(self) -> dict[str, Any]:
        """What a model that learned by it says of it."""
        known = self.manifest
        names = ("kind", "findings", "rule", "counts", "because", "who", "created")
        return {"name": self.name, "sha256": known["sha256"], **{key: known.get(key) for key in names}}


@dataclass(frozen=True)
class Overlay:
    """What the patches of an audit say of one file, by row."""

    patches: tuple[Patch, ...] = ()
    path: str = ""
    of_row: Mapping[int, list[tuple[Patch, Change]]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.of_row)

    def apply(self, number: int, row: Row) -> Row:
        """The row as the patches leave it. Raises DataError where they were made for another one."""
        for patch, change in self.of_row.get(number, ()):
            if row.dropped:
                break
            if row.hash(patch.keyed) != change.hash:
                raise self._mismatch(number, row, patch)
            row = changed(row, patch.name, change)
        return row

    def _mismatch(self, number: int, row: Row, patch: Patch) -> DataError:
        if row.changed:
            return DataError(
                f"the patches {row.changed[-1]} and {patch.name} have two values for this row",
                path=self.path,
                row=number,
                hint=f"Take one of them back: textwright audit undo AUDIT --patch {patch.name}",
            )
        return DataError(
            f"the patch {patch.name} was made for another text or label than this",
            path=self.path,
            row=number,
            hint="Name the audited columns with --text and --label; take patches back the newest first.",
        )

    def read(self, number: int, row: Row, log: RowLog) -> Iterator[Row]:
        """The row after the patches, and rows that were added to it; what was done is put into `log`."""
        if number not in self.of_row:
            yield row
            return
        found = self.apply(number, row)
        if found.dropped:
            log.dropped(f"patch {found.dropped}", number)
            return
        for name in dict.fromkeys(found.changed):
            log.changed(f"patch {name}", number)
        yield replace(found, added=())
        yield from found.added


def changed(row: Row, name: str, change: Change) -> Row:
    """The row after one line of the patch `name`."""
    done, value = (*row.changed, name), change.value
    if change.do == "drop":
        return replace(row, dropped=name)
    if change.do == "text":
        return replace(row, text=str(value), changed=done)
    if change.do == "target":
        return replace(row, target=str(value), changed=done)
    if change.do == "label":
        return replace(row, labels=tuple(value), changed=done)
    if change.do == "weight":
        return replace(row, weight=float(value), changed=done)
    more = Row(value["text"], tuple(value.get("labels", row.labels)), value.get("target", row.target))
    return replace(row, added=(*row.added, more), changed=done)


@dataclass(frozen=True)
class Patches:
    """All patches of an audit, in the order in which they are applied."""

    folder: Path
    patches: tuple[Patch, ...]

    def records(self) -> list[dict[str, Any]]:
        return [patch.record() for patch in self.patches]

    def masks(self) -> list[Masks]:
        return [masks for patch in self.patches for masks in patch.masks]

    def of_number(self, file: int, path: str = "") -> Overlay:
        """What they say of the file of this number."""
        of_row: dict[int, list[tuple[Patch, Change]]] = {}
        for patch in self.patches:
            for change in patch.changes:
                if change.file == file:
                    of_row.setdefault(change.row, []).append((patch, change))
        return Overlay(self.patches, path, of_row)

    def of_file(self, path: str | Path) -> Overlay:
        """What they say of this file, wherever it lies now. Raises DataError where they are for another."""
        files = self.patches[0].manifest["files"]
        number = same_file(path, files)
        for patch in self.patches[1:]:
            if [file["sha256"] for file in patch.manifest["files"]] != [file["sha256"] for file in files]:
                raise DataError(
                    f"the patches {self.patches[0].name} and {patch.name} are for different files",
                    path=self.folder,
                    hint="Take one of them back with textwright audit undo.",
                )
        return self.of_number(number, str(path))


def same_file(path: str | Path, files: Sequence[Mapping[str, Any]]) -> int:
    """The number of this file among those that were audited, by its hash. Raises DataError."""
    file = Path(path)
    if not file.is_file():
        raise DataError(
            "patches are for one file, and this is none", path=path, hint="Give the file that was audited."
        )
    found = sha256(file)
    for number, audited in enumerate(files):
        if audited["sha256"] == found:
            return number
    known = "; ".join(f"{one['name']}, {one.get('size') or 0:,} bytes, sha256 {_short(one)}" for one in files)
    raise DataError(
        f"this is another version than the file that was audited: it has {file.stat().st_size:,} bytes and "
        f"sha256 {found[:12]}, audited was {known}",
        path=path,
        hint="Audit this version, and make its patches anew.",
    )


def _short(file: Mapping[str, Any]) -> str:
    return str(file["sha256"])[:12]


def read_patches(audit: str | Path) -> Patches:
    """The patches in the folder of an audit. Raises DataError where there are none, or one is damaged.

    >>> read_patches("nowhere")
    Traceback (most recent call last):
        ...
    textwright.core.errors.DataError: nowhere: there is no such folder of an audit
    Make patches with textwright audit fix AUDIT --safe.
    """
    folder, hint = Path(audit), "Make patches with textwright audit fix AUDIT --safe."
    if not folder.is_dir():
        raise DataError("there is no such folder of an audit", path=folder, hint=hint)
    found = patches_in(folder)
    if not found:
        raise DataError("this audit has no patches", path=folder, hint=hint)
    return Patches(folder, found)


def patches_in(audit: Path) -> tuple[Patch, ...]:
    """The same; none where there are none."""
    home = audit / FOLDER
    names = sorted(path.name for path in home.glob("[0-9]*") if path.is_dir()) if home.is_dir() else []
    return tuple(read_patch(home / name) for name in names)


def read_patch(folder: Path) -> Patch:
    """One patch. Raises DataError where it is of a newer version, incomplete or was edited."""
    try:
        manifest = read_json(folder / MANIFEST)
        is_newer = manifest["format"] > FORMAT
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(
            f"this is no whole patch: {MANIFEST} is missing or damaged", path=folder, hint=_AGAIN
        ) from None
    if is_newer:
        raise DataError("this patch is of a newer version", path=folder, hint="Update textwright.")
    lines = folder / LINES
    if not lines.is_file():
        raise DataError(f"this is no whole patch: {LINES} is missing", path=folder, hint=_AGAIN)
    if (found := sha256(lines)) != manifest["sha256"]:
        raise DataError(
            f"this patch was edited: sha256 of {LINES} is {found[:12]}, was {manifest['sha256'][:12]}",
            path=folder,
            hint=_AGAIN,
        )
    changes = [_change(line, folder) for line in lines.read_text(encoding="utf-8").splitlines()]
    return Patch(folder.name, manifest, tuple(changes), _masks(folder, manifest))


def _masks(folder: Path, manifest: Mapping[str, Any]) -> tuple[Masks, ...]:
    path, wanted = folder / MASKS, manifest.get("masks_sha256")
    if wanted is None and manifest.get("kind") != "mask_groups":
        return ()
    if wanted is None or not path.is_file() or sha256(path) != wanted:
        raise DataError(f"this is no whole patch: {MASKS} is missing or was edited", path=folder, hint=_AGAIN)
    return tuple(Masks.parse(one) for one in read_json(path))


_AGAIN = "Remove this folder, and make the patch again with textwright audit fix."


def _change(line: str, folder: Path) -> Change:
    change = Change(**json.loads(line))
    if change.do not in _DOES:
        raise DataError(
            f"this patch wants {change.do!r}, which is unknown", path=folder, hint="Update textwright."
        )
    return change
