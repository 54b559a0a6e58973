"""Words by the company they keep: vectors of words from what stands near them, and of texts from their words.

Positive pointwise mutual information of words within some places of each other (Levy, Goldberg and Dagan
2015, TACL Q15-1016), decomposed; a text is the mean of its words, common ones weighing less, with the one
direction taken out that all texts share (Arora, Liang and Ma 2017).

Shapes: T words of all texts one after the other, V kinds of words, N texts, D directions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from textwright.core.ragged import Ragged
from textwright.models.bag.features import NGrams, ngram_hashes
from textwright.models.bag.matrix import chunks, parallel
from textwright.models.latent.directions import Array, leading, unit

Ids = NDArray[np.int32]

_MOST_WORDS, _LEAST_SEEN = 20_000, 5
# Pairs so far apart are counted, each one over the distance.
_REACH = 8
# Frequencies of the words around are evened out, so that rare pairs do not weigh too much.
_SMOOTHING = 0.75
# A word so frequent weighs half.
_COMMON = 1e-3


@dataclass(frozen=True)
class Words:
    """The words of all texts (T,) by number, which text each stands in (T,), and how often each is seen."""

    ids: Ids
    texts: Ids
    counts: NDArray[np.int64]
    num_texts: int


def words_of(rows: Ragged, *, pairs: bool = False, threads: int = 1) -> Words:
    """The commonest words of lower-cased code points, or two in a row as one.

    Each Chinese or Japanese character is a word, so that two of them are what is a word there.

    >>> rows = Ragged.from_lists([[*map(ord, text)] for text in ["to be or not to be"] * 5])
    >>> words_of(rows).counts.tolist(), words_of(rows, pairs=True).counts.tolist()
    ([10, 10, 5, 5], [10, 5, 5, 5])
    """
    found = parallel(lambda chunk: _hashes(chunk[1], chunk[0], pairs), chunks(rows), threads)
    hashes = np.concatenate([np.zeros(0, np.uint64), *(h for h, _ in found)])
    texts = np.concatenate([np.zeros(0, np.int64), *(t for _, t in found)]).astype(np.int32)
    _, ids, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_MOST_WORDS]
    order = order[counts[order] >= _LEAST_SEEN]
    number = np.full(len(counts), -1, np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    numbered = number[ids] if len(ids) else ids.astype(np.int32)
    known = numbered >= 0
    return Words(numbered[known], texts[known], counts[order], len(rows))


def _hashes(rows: Ragged, first: int, pairs: bool) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Of all words in order, and the text each stands in; those of pairs come after those of words."""
    hashes, owners = ngram_hashes(rows, NGrams(1 + pairs))
    start = len(ngram_hashes(rows, NGrams(1))[0]) if pairs else 0
    return hashes[start:], owners[start:] + first


def company(words: Words, size: int, seed: int, threads: int = 1) -> Array:
    """Texts (N, D) by the company that their words keep; D is at most `size`."""
    if len(words.counts) < 2:
        return np.zeros((words.num_texts, 0), np.float32)
    places, spread = leading(_surprise(words), size, seed, threads)
    vectors = unit(places * np.sqrt(spread))
    share = words.counts / words.counts.sum()
    weight = (_COMMON / (_COMMON + share)).astype(np.float32)[words.ids]
    shape = (words.num_texts, len(words.counts))
    texts = unit(csr_array((weight, (words.texts, words.ids)), shape=shape) @ vectors)
    texts = texts - texts.mean(axis=0)
    shared = np.linalg.eigh(texts.T @ texts)[1][:, -1:]
    return unit(texts - texts @ shared @ shared.T)


def _surprise(words: Words) -> csr_array:
    """How much likelier two words (V, V) stand near each other than by chance: a logarithm, 0 at least."""
    num = len(words.counts)
    near = csr_array((num, num), dtype=np.float32)
    for distance in range(1, min(_REACH, len(words.ids) - 1) + 1):
        here = words.texts[distance:] == words.texts[:-distance]
        pairs = (words.ids[:-distance][here], words.ids[distance:][here])
        counted = np.full(len(pairs[0]), 1 / distance, np.float32)
        near = near + csr_array((counted, pairs), shape=near.shape)
    both = (near + near.T).tocoo()
    rows, columns = both.coords
    often = np.asarray(both.sum(axis=1), np.float64).ravel()
    around = often**_SMOOTHING
    chance = often[rows] * (around / max(around.sum(), 1e-12))[columns]
    gain = np.log(both.data / np.maximum(chance, 1e-12))
    kept = gain > 0
    return csr_array((gain[kept].astype(np.float32), (rows[kept], columns[kept])), shape=near.shape)
