"""The rows that a model has learned from, by hash: what starts from it can tell which rows are news to it.

Shapes: N rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from textwright.bundle.folder import load_manifest, verify_file
from textwright.text.split import row_hashes

LEARNED = "learned.safetensors"
Keys = NDArray[np.uint64]
Flags = NDArray[np.bool_]


def as_keys(hashes: Sequence[str]) -> Keys:
    """What `row_hashes` gives (N,), as numbers of eight bytes.

    >>> as_keys(["00000000000000ff", "0000000000000100"]).tolist()
    [255, 256]
    """
    return np.frombuffer(bytes.fromhex("".join(hashes)), ">u8").astype(np.uint64)


def write_learned(folder: Path, keys: Keys | None) -> None:
    """Eight bytes a row, each once; no file when it is not known which rows they are."""
    if keys is not None:
        save_file({"keys": np.unique(keys)}, folder / LEARNED)


def read_learned(folder: Path) -> Keys | None:
    """None when the folder does not say. Raises BundleError when it is damaged."""
    wanted = load_manifest(folder).files.get(LEARNED)
    if wanted is None:
        return None
    verify_file(folder, LEARNED, wanted)
    keys: Keys = load_file(folder / LEARNED)["keys"]
    return keys


@dataclass(frozen=True)
class SideKeys:
    """The texts that pairs were learned from, by hash, those of each side by themselves."""

    sources: Keys
    targets: Keys

    @classmethod
    def of(cls, sources: Sequence[str], targets: Sequence[str]) -> SideKeys:
        """Those of some pairs, each once.

        >>> known = SideKeys.of(["Hello!", "Bye."], ["你好", "再见"])
        >>> [row.tolist() for row in known.seen(["hello", "Yes."], ["嗨", "再见。"])]
        [[True, False], [False, True]]
        """
        return cls(*(np.unique(as_keys(row_hashes(side))) for side in (sources, targets)))

    def seen(self, sources: Sequence[str], targets: Sequence[str]) -> tuple[Flags, Flags]:
        """Of other pairs, whose source (N,) is one of these, and whose target."""
        given = ((sources, self.sources), (targets, self.targets))
        source, target = (np.isin(as_keys(row_hashes(texts)), known) for texts, known in given)
        return source, target

    def with_those_of(self, other: SideKeys) -> SideKeys:
        sides = ((self.sources, other.sources), (self.targets, other.targets))
        return SideKeys(*(np.unique(np.concatenate(both)) for both in sides))


def write_sides(folder: Path, keys: SideKeys | None) -> None:
    """Eight bytes a text, each once; no file when it is not known which they are."""
    if keys is not None:
        save_file({"sources": keys.sources, "targets": keys.targets}, folder / LEARNED)


def read_sides(folder: Path, *, verify: bool = True) -> SideKeys | None:
    """None when the folder does not say. Raises BundleError when it is damaged; a folder that is no model
    yet is not verified.
    """
    if verify:
        wanted = load_manifest(folder).files.get(LEARNED)
        if wanted is None:
            return None
        verify_file(folder, LEARNED, wanted)
    elif not (folder / LEARNED).is_file():
        return None
    keys = load_file(folder / LEARNED)
    return SideKeys(keys["sources"], keys["targets"])
