"""TextRank: a sentence is central when central ones share its words (Mihalcea & Tarau 2004, ACL W04-3252).

Sentences are nodes, their similarity is the weight of an edge, and a random walk over the graph stands on a
sentence as often as it is central. The similarities are products of two sparse matrices, sentences by words,
and the matrix of all pairs is never formed: a step of the walk costs what the words of the text cost, and all
documents walk at once.

Shapes: S sentences of D documents; F words, each document with columns of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from textwright.core.ragged import IntArray
from textwright.models.extract.words import Words

Array = NDArray[np.float64]
Weighting = Literal["tfidf", "bm25"]

DAMPING = 0.85
_TOLERANCE, _MAX_STEPS = 1e-7, 200
# Robertson's constants, as Barrios et al. 2016 (arXiv:1602.03606) took them for sentences.
_SATURATION, _LENGTH_SHARE = 1.2, 0.75


@dataclass(frozen=True)
class Graph:
    """Weights `left @ right.T` without the diagonal, never formed; `degrees` (S,) are the sums of columns."""

    left: csr_array
    right: csr_array
    diagonal: Array
    degrees: Array

    @classmethod
    def of(cls, left: csr_array, right: csr_array) -> Graph:
        diagonal = np.asarray(left.multiply(right).sum(axis=1), np.float64).ravel()
        degrees = right @ (left.T @ np.ones(left.shape[0])) - diagonal
        return cls(left, right, diagonal, np.where(degrees > 1e-9, degrees, 0.0))

    def passed(self, ranks: Array) -> Array:
        """(S,) what each sentence gets when all hand on their rank along their edges."""
        given = np.divide(ranks, self.degrees, out=np.zeros_like(ranks), where=self.degrees > 0)
        return np.maximum(self.left @ (self.right.T @ given) - self.diagonal * given, 0)


def textrank(
    words: Words,
    *,
    weighting: Weighting = "tfidf",
    damping: float = DAMPING,
    restart: Array | None = None,
) -> Array:
    """(S,) how central each sentence is; those of a document add up to 1.

    `restart` (S,) are weights of where a walk begins anew (all alike where nothing is said): a prior on the
    place of sentences, or what a person asks for. Raises ValueError for a damping that is not within 0 and 1.

    >>> words = Words.of_tokens([["cat", "sat"], ["cat", "sat", "mat"], ["dog"]])
    >>> textrank(words).round(2).tolist()
    [0.47, 0.47, 0.07]
    """
    if not 0 <= damping <= 1:
        raise ValueError(f"a damping of {damping} is not within 0 and 1")
    graph = _similarities(words, weighting)
    begun = _shares(words, np.ones(words.num_sentences) if restart is None else restart)
    ranks = begun
    for _ in range(_MAX_STEPS):
        held = words.sums(np.where(graph.degrees > 0, 0, ranks))[words.documents]  # of nodes without an edge
        fresh = (1 - damping + damping * held) * begun + damping * graph.passed(ranks)
        change = np.abs(fresh - ranks).max(initial=0)
        ranks = fresh
        if change < _TOLERANCE:
            break
    return _shares(words, ranks)


def centrality(words: Words) -> Array:
    """(S,) the cosine of each sentence and its document, words weighted by rarity (Radev et al. 2004)."""
    rows = _weighted(words)
    sums = rows.T @ np.ones(words.num_sentences)
    squares = np.bincount(words.counts()[1], weights=sums**2, minlength=len(words.sizes))
    lengths = np.sqrt(np.maximum(squares, 1e-12))[words.documents]
    return np.asarray(rows @ sums / lengths, np.float64)


def similarities_to_neighbours(words: Words) -> tuple[Array, Array]:
    """(S,) the cosines of each sentence with the one before it and with the first; 0 for the first itself."""
    rows = _weighted(words)
    first = words.offsets[:-1][words.documents]
    before = np.maximum(np.arange(words.num_sentences) - 1, first)
    found = [
        np.asarray(rows.multiply(rows[other]).sum(axis=1), np.float64).ravel() for other in (before, first)
    ]
    is_other = words.places > 0
    return found[0] * is_other, found[1] * is_other


def typical(words: Words) -> tuple[Array, Array]:
    """(S,) how often a word of the sentence stands in its document, and how rare it is there, on average."""
    found, documents = words.counts()
    per_word = 1 / np.maximum(words.lengths, 1)
    often = np.asarray(found.sum(axis=0), np.float64).ravel()
    share = often / np.maximum(words.sums(words.lengths.astype(np.float64)), 1)[documents]
    return found @ share * per_word, found @ _rarities(words, found, documents) * per_word


def _shares(words: Words, weights: Array) -> Array:
    """The weights as shares of their document; all alike where there are none."""
    sums = words.sums(weights)[words.documents]
    even = 1 / np.maximum(words.sizes, 1)[words.documents]
    return np.where(sums > 0, weights / np.maximum(sums, 1e-300), even)


def _similarities(words: Words, weighting: Weighting) -> Graph:
    rows = _weighted(words)
    if weighting == "tfidf":
        return Graph.of(rows, rows)
    found, documents = words.counts()
    mean = words.sums(words.lengths.astype(np.float64)) / np.maximum(words.sizes, 1)
    relative = words.lengths / np.maximum(mean, 1e-12)[words.documents]
    norm = _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * relative)
    by_row = np.repeat(norm, np.diff(found.indptr))
    gains = found.copy()
    gains.data = found.data * (_SATURATION + 1) / (found.data + by_row)
    return Graph.of(csr_array(gains @ diags_array(_rarities(words, found, documents))), found)


def _weighted(words: Words) -> csr_array:
    """Counts times rarity, each sentence of length 1."""
    found, documents = words.counts()
    rows = csr_array(found @ diags_array(_rarities(words, found, documents)))
    squares = np.asarray(rows.multiply(rows).sum(axis=1), np.float64).ravel()
    return csr_array(diags_array(1 / np.sqrt(np.maximum(squares, 1e-12))) @ rows)


def _rarities(words: Words, found: csr_array, documents: IntArray) -> Array:
    """(F,) by how many sentences of its document a word is in; positive also where all have it."""
    held = np.bincount(found.indices, minlength=found.shape[1])
    rarities: Array = np.log1p((words.sizes[documents] - held + 0.5) / (held + 0.5))
    return rarities
