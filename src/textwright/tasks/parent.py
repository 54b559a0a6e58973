"""What a model of ours that a training starts from has seen: what it learned from can test nothing any more.

Shapes: N rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from textwright.bundle.folder import is_bundle, load_manifest, load_verified
from textwright.bundle.learned import Keys, as_keys, read_learned
from textwright.bundle.looks import read_looks
from textwright.bundle.manifest import LANGUAGE
from textwright.runtime.cpu import choose_waiting
from textwright.tasks.recipe import Recipe
from textwright.text.corpus import Corpus
from textwright.text.split import Mask, row_hashes


@dataclass(frozen=True)
class Parent:
    """Which rows (N,) of the data were locked for its test, and which it has learned from.

    `keys` are all that it has learned from, of any data; None if it does not say.
    """

    name: str
    locked: Mask
    learned: Mask
    keys: Keys | None

    def num_learned(self, texts: Sequence[str]) -> int:
        """How many of some texts it has learned from, as far as it says."""
        return 0 if self.keys is None else int(np.isin(as_keys(row_hashes(texts)), self.keys).sum())


def parent_of(recipe: Recipe, corpus: Corpus) -> Parent | None:
    """None when a training starts from nothing, from a checkpoint of others, or from a language model, which
    has learned no labels.

    Raises CheckpointError when there is no such checkpoint, BundleError when it is a damaged folder of ours.
    """
    name = recipe.model_settings.get("checkpoint")
    if not isinstance(name, str):
        return None
    choose_waiting()  # before what comes next imports torch
    from textwright.models.transformer.checkpoint import find_checkpoint

    folder = find_checkpoint(name).path
    if not is_bundle(folder):
        return None
    manifest = load_verified(folder)  # it is started from: every file must be the one that was written
    return None if manifest.task == LANGUAGE else past_of(folder, corpus)


def past_of(folder: Path, corpus: Corpus) -> Parent:
    """What a model folder of ours has seen of some data. Raises BundleError when it is damaged."""
    keys, names = read_learned(folder), set(read_looks(folder)["locked"])
    hashes = row_hashes(corpus.texts)
    locked = np.array([name in names for name in hashes], np.bool_)
    own = as_keys(hashes)
    if keys is None and load_manifest(folder).data[0].fingerprint == corpus.fingerprint:
        keys = own[~locked]  # a folder of an earlier version: all rows of its data that it did not lock
    learned = np.zeros(len(own), np.bool_) if keys is None else np.isin(own, keys)
    return Parent(folder.name, locked, learned, keys)
