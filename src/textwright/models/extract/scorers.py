"""What ranks sentences without having learned anything, by name; see `textwright.models.extract.textrank`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from textwright.core.ragged import IntArray
from textwright.core.registry import Registry
from textwright.core.seeds import generator
from textwright.models.extract import textrank as graph
from textwright.models.extract.words import Words

Array = NDArray[np.float64]
Scorer = Callable[[Words, int], Array]

SCORERS: Registry[Scorer] = Registry(
    "method of summarizing",
    {
        name: f"textwright.models.extract.scorers:{name}"
        for name in ("textrank", "bm25", "early", "centroid", "lead", "longest", "random")
    },
)
"""Each takes the words of documents and a seed, and gives (S,) scores: the highest of a document first."""


def lead(words: Words, seed: int = 0) -> Array:
    """The first sentences: what reports are measured against.

    >>> lead(Words.of_tokens([["a"], ["b", "c"]])).tolist()
    [0.0, -1.0]
    """
    return np.asarray(0.0 - words.places, np.float64)


def longest(words: Words, seed: int = 0) -> Array:
    """The sentences of the most words.

    >>> longest(Words.of_tokens([["a"], ["b", "c"]])).tolist()
    [1.0, 2.0]
    """
    return np.asarray(words.lengths, np.float64)


def random(words: Words, seed: int = 0) -> Array:
    """Any sentences; the same ones for the same seed and document, whatever other documents stand beside it.

    >>> alone, beside = Words.joined([[["a"]] * 3]), Words.joined([[["b"]] * 2, [["a"]] * 3])
    >>> random(alone).tolist() == random(beside)[2:].tolist()
    True
    """
    ends = zip(words.offsets[:-1], words.offsets[1:], strict=True)
    drawn = [_drawn(words.lengths[first:last], seed) for first, last in ends]
    return np.concatenate([np.zeros(0), *drawn])


def _drawn(lengths: IntArray, seed: int) -> Array:
    """Numbers by the lengths of the sentences of a document, so that those of two are hardly the same."""
    return generator(seed, "extract", "random", lengths.astype("<i8").tobytes().hex()).random(len(lengths))


def centroid(words: Words, seed: int = 0) -> Array:
    """The sentences most like all of the document (Radev et al. 2004)."""
    return graph.centrality(words)


def textrank(words: Words, seed: int = 0) -> Array:
    """Central sentences by the cosine of their words."""
    return graph.textrank(words)


def early(words: Words, seed: int = 0) -> Array:
    """The same as `bm25`, but a walk begins anew near the beginning, where reports say the most."""
    return graph.textrank(words, weighting="bm25", restart=1 / (1 + words.places))


def bm25(words: Words, seed: int = 0) -> Array:
    """Central sentences by BM25 (Barrios et al. 2016)."""
    return graph.textrank(words, weighting="bm25")
