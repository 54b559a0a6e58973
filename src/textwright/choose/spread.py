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
# A row nearer than this (as a cosine) to one that was picked is a near copy of it.
_NEAR = 0.8


def text_vectors(texts: Sequence[str]) -> csr_array:
    """(N, D) rows of length 1: which 2 to 4 characters a text holds, rare ones counting more.

    The n-grams run inside words, and are hashed to 65,536 columns; a text without any is a row of zeros.

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
    counts = np.bincount(found.indices, minlength=shape[1])
    found.data = np.log((1 + len(texts)) / counts[found.indices]).astype(np.float32)
    lengths = np.sqrt(np.bincount(np.repeat(np.arange(len(texts)), np.diff(found.indptr)), found.data**2, len(texts)))
    found.data /= np.repeat(np.maximum(lengths, 1e-9), np.diff(found.indptr)).astype(np.float32)
    return found


def pick_spread(vectors: csr_array, weights: FloatArray, count: int, rng: np.random.Generator) -> IntArray:
    """The numbers (K,) of `count` rows of `vectors` (N, D), in the order in which they were picked.

    Each is drawn with a chance of its weight (N,) times its squared distance to the nearest one picked, as
    k-means++ does (Arthur & Vassilvitskii 2007); near copies of one picked come last. The farthest first
    instead would pick the strange ones: see docs/log.md.

    >>> x = text_vectors(["good food", "good food", "bad service", "good food"])
    >>> sorted(pick_spread(x, np.ones(4), 2, np.random.default_rng(0)) == 2)
    [False, True]
    """
    count = min(count, vectors.shape[0])
    nearest = np.zeros(vectors.shape[0])
    is_free = np.ones(vectors.shape[0], np.bool_)
    picked: list[int] = []
    while len(picked) < count:
        chances = np.where(is_free & (nearest < _NEAR), weights * np.square(1 - nearest), 0)
        if not chances.sum() > 0:  # near copies, or rows without a weight, are all that is left
            chances = is_free.astype(np.float64)
        chosen = int(rng.choice(len(chances), p=chances / chances.sum()))
        picked.append(chosen)
        is_free[chosen] = False
        similar = np.asarray((vectors @ vectors[[chosen]].T).todense()).ravel()
        nearest = np.minimum(np.maximum(nearest, similar), 1)
    return np.array(picked, np.int64)
