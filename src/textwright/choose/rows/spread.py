"""Rows that are unlike each other: a weighted draw by distance between hashed character n-grams.

Shapes: N texts, D hashed n-grams, K rows to pick.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from textwright.core.ragged import IntArray
from textwright.measure.base import FloatArray
from textwright.models.bag.features import NGrams, ngram_hashes
from textwright.tasks.examples import encode_codes

_NGRAMS = NGrams(0, 2, 4)
_BITS = 16
# Enough of a text to tell it from others.
_CHARACTERS = 2000
# A row nearer than this (as a cosine) to another is a near copy of it.
_NEAR = 0.8
_BLOCK = 512


def text_vectors(texts: Sequence[str]) -> csr_array:
    """(N, D) rows of length 1: which 2 to 4 characters a text holds, all of them counting the same.

    The n-grams run inside words, and are hashed to 65,536 columns; a text without any is a row of zeros.
    Rare ones do not count more: of many copies of a template, all would look unlike by what differs.

    >>> x = text_vectors(["good food", "good food!", "很好吃", "terrible"])
    >>> similar = (x @ x.T).toarray()
    >>> bool(similar[0, 1] > 0.7), float(similar[0, 2])
    (True, 0.0)
    """
    hashes, rows = ngram_hashes(encode_codes([text[:_CHARACTERS] for text in texts]), _NGRAMS)
    columns = (hashes >> np.uint64(64 - _BITS)).astype(np.int64)
    shape = (len(texts), 1 << _BITS)
    found = csr_array((np.ones(len(columns), np.float32), (rows, columns)), shape=shape)
    found.sum_duplicates()
    counts = np.diff(found.indptr)
    found.data = np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
    return found


def without_near_copies(vectors: csr_array, count: int) -> IntArray:
    """The first `count` rows (K,) of `vectors` (N, D) that are no near copies of one before them.

    >>> without_near_copies(text_vectors(["good food 1", "bad service", "good food 2", "cold"]), 3).tolist()
    [0, 1, 3]
    """
    kept: list[int] = []
    for start in range(0, vectors.shape[0], _BLOCK):
        block = vectors[start : start + _BLOCK]
        is_near = np.zeros(block.shape[0], np.bool_)
        for first in range(0, len(kept), _BLOCK):
            similar = (block @ vectors[kept[first : first + _BLOCK]].T).toarray()
            is_near |= (similar >= _NEAR).any(axis=1)
        inside = (block @ block.T).toarray() >= _NEAR
        for place in range(block.shape[0]):
            if not is_near[place]:
                kept.append(start + place)
                is_near[place + 1 :] |= inside[place, place + 1 :]
        if len(kept) >= count:
            break
    return np.array(kept[:count], np.int64)


def pick_spread(vectors: csr_array, weights: FloatArray, count: int, rng: np.random.Generator) -> IntArray:
    """The numbers (K,) of `count` rows of `vectors` (N, D), in the order in which they were picked.

    Each is drawn with a chance of its weight (N,) times its squared distance to the nearest one picked, as
    k-means++ does (Arthur & Vassilvitskii 2007). The farthest first instead would pick the strange ones: see
    docs/log.md.

    >>> x = text_vectors(["good food", "good food", "bad service", "good food"])
    >>> 2 in pick_spread(x, np.ones(4), 2, np.random.default_rng(0))
    True
    """
    count = min(count, vectors.shape[0])
    nearest, is_free = np.zeros(vectors.shape[0]), np.ones(vectors.shape[0], np.bool_)
    picked: list[int] = []
    while len(picked) < count:
        chances = np.where(is_free, weights * np.square(1 - nearest), 0)
        if not chances.sum() > 0:  # rows without a weight, or copies, are all that is left
            chances = is_free.astype(np.float64)
        chosen = int(rng.choice(len(chances), p=chances / chances.sum()))
        picked.append(chosen)
        is_free[chosen] = False
        similar = np.asarray((vectors @ vectors[[chosen]].T).todense()).ravel()
        nearest = np.clip(np.maximum(nearest, similar), 0, 1)
    return np.array(picked, np.int64)
