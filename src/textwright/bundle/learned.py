"""The rows that a model has learned from, by hash: what starts from it can tell which rows are news to it.

Shapes: N rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from textwright.bundle.folder import load_manifest, verify_file

LEARNED = "learned.safetensors"
Keys = NDArray[np.uint64]


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
