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
from textwright.bundle.manifest import LANGUAGE, Manifest
from textwright.runtime.cpu import choose_waiting
from textwright.tasks.recipe import Recipe
from textwright.text.corpus import Corpus
from textwright.text.split import Mask, row_hashes
from textwright.text.terms import Masks, masked


@dataclass(frozen=True)
class Parent:
    """Which rows (N,) of the data were locked for its test, and which it has learned from.

    `keys` are all that it has learned from, of any data, as it read it with its `masks`; None if it does not
    say.
    """

    name: str
    locked: Mask
    learned: Mask
    keys: Keys | None
    masks: tuple[Masks, ...] = ()

    def num_learned(self, texts: Sequence[str]) -> int:
        """How many of some texts, without masks, it has learned from, as far as it says."""
        read = [masked(text, self.masks) for text in texts]
        return 0 if self.keys is None else int(np.isin(as_keys(row_hashes(read)), self.keys).sum())


def parent_of(recipe: Recipe, corpus: Corpus) -> Parent | None:
    """None when a training starts from nothing, from a checkpoint of others, or from a language model, which
    has learned no labels.

    Raises CheckpointError when there is no such checkpoint, BundleError when it is a damaged folder of ours.
    """
    folder = _folder_of(recipe)
    if folder is None:
        return None
    manifest = load_verified(folder)  # it is started from: every file must be the one that was written
    return None if manifest.task == LANGUAGE else past_of(folder, corpus)


def masks_of_parent(recipe: Recipe) -> tuple[Masks, ...]:
    """What the model that a training starts from reads as one token: the one that is made goes on so."""
    folder = _folder_of(recipe)
    return () if folder is None else _masks(load_manifest(folder))


def _folder_of(recipe: Recipe) -> Path | None:
    """Of a model of ours that is started from. Raises CheckpointError where there is no such checkpoint."""
    name = recipe.model_settings.get("checkpoint")
    if not isinstance(name, str):
        return None
    choose_waiting()  # before what comes next imports torch
    from textwright.models.transformer.checkpoint import find_checkpoint

    folder = find_checkpoint(name).path
    return folder if is_bundle(folder) else None


def _masks(manifest: Manifest) -> tuple[Masks, ...]:
    return tuple(Masks.parse(one) for one in manifest.data_schema.get("masks", ()))


def past_of(folder: Path, corpus: Corpus) -> Parent:
    """What a model folder of ours has seen of some data, as they stand in the file or as patches leave them.

    Raises BundleError when it is damaged.
    """
    keys, names, manifest = read_learned(folder), set(read_looks(folder)["locked"]), load_manifest(folder)
    masks = _masks(manifest)
    forms = [corpus.texts] if corpus.originals is None else [corpus.texts, corpus.originals]
    hashes = [row_hashes([masked(text, masks) for text in texts]) for texts in forms]
    locked = np.array([not names.isdisjoint(row) for row in zip(*hashes, strict=True)], np.bool_)
    own = [as_keys(one) for one in hashes]
    if keys is None and manifest.data[0].fingerprint == corpus.fingerprint:
        keys = own[0][~locked]  # a folder of an earlier version: all rows of its data that it did not lock
    learned = np.zeros(len(locked), np.bool_)
    for one in own:
        learned |= False if keys is None else np.isin(one, keys)
    return Parent(folder.name, locked, learned, keys, masks)
