"""Which rows are twins: the same text but for case, width, blanks and punctuation, or nearly the same text.

Near twins share most of their character n-grams: MinHash with banding proposes pairs, the exact Jaccard
similarity of their n-gram sets decides. The hashing is our own and in NumPy, so that the groups, and with
them a locked test part, are the same on every machine and with every version of every library.

Shapes: N rows, U different texts, G n-grams, K hashes in a signature, P pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from textwright.core.errors import ConfigError
from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.text.clean import fold
from textwright.text.script import code_points

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.floating]

NUM_HASHES = 60  # K: many divisors, so that bands of any height use all of it
MAX_MISSED = 0.01  # share of the pairs exactly at the threshold that banding may overlook
MIN_CHARS = 8  # a shorter text is a twin only of its exact equal,
MIN_GRAMS = 6  # and so is one with fewer n-grams: a single changed word would be most of it
MAX_CHUNK_CHARS = 1 << 19  # the n-gram hashes of a chunk stay in the processor's cache
NEIGHBOURS = (1, 2, 3)  # in a bucket a text meets the first one and these before it, so the cost is linear
_AT_ONCE = 1 << 20  # hashes that are compared at once
_FEW = 64  # hashes by which a pair is looked at first, where there are more
MAX_COMPARED = 4  # exact comparisons a text, so that boilerplate costs no more


@dataclass(frozen=True)
class Likeness:
    """When two texts count as near twins: pairs are (scripts with spaces, Chinese and its like).

    grams: characters of an n-gram; thresholds: the least Jaccard similarity; num_hashes: of a signature;
    height: rows of a band, None for the highest bands that overlook 1 % of the pairs at the threshold;
    min_chars, min_grams: a text with fewer has exact twins only.
    """

    grams: tuple[int, int] = (5, 3)
    thresholds: tuple[float, float] = (0.8, 0.8)
    num_hashes: int = NUM_HASHES
    height: int | None = None
    min_chars: int = MIN_CHARS
    min_grams: int = MIN_GRAMS

    def size(self, text: str) -> int:
        """The n-grams of a text; 0 when it is too short for near twins."""
        # Han, kana and Hangul take three bytes a character in UTF-8, Latin and Cyrillic one and two.
        size = self.grams[len(text.encode("utf-8", "surrogatepass")) > 2 * len(text)]
        return size if len(text) >= max(self.min_chars, self.min_grams + size - 1) else 0

    def threshold(self, size: int) -> float:
        """Of texts with n-grams of this size."""
        return self.thresholds[size == self.grams[1]]


@dataclass(frozen=True)
class Twins:
    """Rows grouped by twinship.

    group: (N,) the smallest row number among a row and its twins, and their twins.
    num_exact: rows whose folded text equals that of an earlier row.
    num_near: other rows that share the group of an earlier row.
    links: (P, 2) pairs of rows found to be twins, the earlier one first.
    similarity: (P,) the Jaccard similarity of each pair.
    """

    group: IntArray
    num_exact: int
    num_near: int
    links: IntArray = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    similarity: FloatArray = field(default_factory=lambda: np.zeros(0))

    def pairs(self, max_pairs: int = 20) -> list[tuple[int, int, float]]:
        """List twins as (row, row, similarity) for a person to judge: the least similar first."""
        order = np.argsort(self.similarity, kind="stable")[:max_pairs]
        return [(*self.links[p].tolist(), float(self.similarity[p])) for p in order]


def find_twins(
    texts: Sequence[str], *, threshold: float = 0.8, seed: int = 0, likeness: Likeness | None = None
) -> Twins:
    """Group the rows that are exact or near twins.

    Texts are compared after `fold`. Near twins have a Jaccard similarity of at least `threshold` over their
    sets of character 5-grams (3-grams in Chinese and other scripts whose characters say more). Of the pairs
    right at the threshold about 1 % are overlooked, far fewer above it. Texts below 8 characters or 6 n-grams
    have exact twins only. `likeness` says otherwise of all these.
    Follows Broder 1997 and Lee et al. 2022 (arXiv:2107.06499). Raises ConfigError for
    a threshold outside (0, 1].

    >>> twins = find_twins(["Good!", "Bad.", "good", "再来一次", "再来一次。"])
    >>> twins.group.tolist(), twins.num_exact, twins.num_near
    ([0, 1, 0, 3, 3], 2, 0)
    """
    if not 0 < threshold <= 1:
        raise ConfigError(f"the threshold for twins is {threshold}", hint="Choose one above 0 and up to 1.")
    alike = likeness or Likeness(thresholds=(threshold, threshold))
    folded = [fold(text) for text in texts]
    seen: dict[str, int] = {}
    first = np.array([seen.setdefault(text, row) for row, text in enumerate(folded)], dtype=np.int64)
    rows = np.flatnonzero(first == np.arange(len(first)))
    near, similarity = _near_twins([folded[row] for row in rows], alike, seed)
    copies = np.flatnonzero(first != np.arange(len(first)))
    links = np.concatenate([np.stack([first[copies], copies], axis=1), rows[near]])
    group = components(len(first), links)
    num_near = int(np.count_nonzero(group != np.arange(len(group)))) - len(copies)
    return Twins(group, len(copies), num_near, links, np.concatenate([np.ones(len(copies)), similarity]))


def cross_twins(
    train_texts: Sequence[str], other_texts: Sequence[str], *, threshold: float = 0.8, seed: int = 0
) -> BoolArray:
    """Mark the rows of `other_texts` that have a twin in `train_texts`, directly or through each other.

    >>> cross_twins(["Good!", "Bad."], ["fine", "GOOD"]).tolist()
    [False, True]
    """
    group = find_twins([*train_texts, *other_texts], threshold=threshold, seed=seed).group
    return group[len(train_texts) :] < len(train_texts)


def signatures(texts: Sequence[str], *, seed: int = 0) -> NDArray[np.uint32]:
    """MinHash signatures (N, K) of texts, by which near twins are found when the texts are gone.

    That of a text too short for near twins is all zeros. Of two texts the share of
    equal hashes estimates the Jaccard similarity of their n-grams, with a standard error of 0.05 at 0.8.
    """
    folded = [fold(text) for text in texts]
    sizes = np.array([Likeness().size(text) for text in folded], dtype=np.int64)
    out = np.zeros((len(texts), NUM_HASHES), np.uint32)
    for size in np.unique(sizes[sizes > 0]).tolist():
        rows = np.flatnonzero(sizes == size)
        out[rows] = _signatures([folded[row] for row in rows], size, seed)
    return out


def twins_by_signature(signatures: NDArray[np.uint32], *, threshold: float = 0.85) -> IntArray:
    """For each of N signatures (N, K) the smallest number among it and its near twins, by their agreement.

    Signatures of zeros are those of texts too short, and twins of none.

    >>> found = signatures(["an example of a text.", "short", "An example of a text", "another of them"])
    >>> twins_by_signature(found).tolist()
    [0, 1, 0, 3]
    """
    rows = np.flatnonzero(signatures.any(axis=1))
    some = signatures if len(rows) == len(signatures) else signatures[rows]
    pairs = _candidates(some, threshold, _band_height(threshold))
    links = rows[pairs[_agreement(some, pairs) >= threshold]]
    return components(len(signatures), links)


def _near_twins(texts: list[str], alike: Likeness, seed: int) -> tuple[IntArray, FloatArray]:
    """Pairs (P, 2) of different texts and their similarity (P,)."""
    sizes = np.array([alike.size(text) for text in texts], dtype=np.int64)
    links: list[IntArray] = [np.zeros((0, 2), np.int64)]
    similarities: list[FloatArray] = [np.zeros(0)]
    for size in np.unique(sizes[sizes > 0]).tolist():
        rows = np.flatnonzero(sizes == size)
        pairs, similarity = _near_of_size([texts[row] for row in rows], size, alike, seed)
        links.append(rows[pairs])
        similarities.append(similarity)
    return np.concatenate(links), np.concatenate(similarities)


def _near_of_size(texts: list[str], size: int, alike: Likeness, seed: int) -> tuple[IntArray, FloatArray]:
    threshold = alike.threshold(size)
    height = alike.height or _band_height(threshold)
    pairs = _candidates(_signatures(texts, size, seed, alike.num_hashes), threshold, height)
    similarity = _similarities(texts, pairs, size)
    is_twin = similarity >= threshold
    return pairs[is_twin], similarity[is_twin]


def _candidates(signatures: NDArray[np.uint32], threshold: float, height: int) -> IntArray:
    """Pairs (P, 2) of rows that may reach the threshold: the most promising few for each second row."""
    num_texts, num_hashes = signatures.shape
    codes: list[IntArray] = [np.zeros(0, np.int64)]
    # Of many hashes a byte of the first ones, in a line of the cache, spares most pairs the rest.
    sketches = signatures[:, :_FEW].astype(np.uint8) if num_hashes > _FEW else None
    for band in range(0, num_hashes - height + 1, height):
        pairs = _bucket_pairs(signatures[:, band : band + height])
        if sketches is not None:
            pairs = pairs[_agreement(sketches, pairs) >= _least(threshold, _FEW)]
        pairs = pairs[_agreement(signatures, pairs) >= _least(threshold, num_hashes)]
        codes.append(pairs[:, 0] * num_texts + pairs[:, 1])
    distinct = np.sort(np.concatenate(codes))  # np.unique of NumPy 2.4 would take ten times as long
    distinct = distinct[np.diff(distinct, prepend=-1) > 0]
    pairs = np.stack(np.divmod(distinct, num_texts), axis=1)
    pairs = pairs[np.lexsort((-_agreement(signatures, pairs), pairs[:, 1]))]
    return pairs[_places(pairs[:, 1]) < MAX_COMPARED]


def _least(threshold: float, num_hashes: int) -> float:
    """Pairs four standard errors below the threshold are spared the exact comparison."""
    return float(threshold - 4 * np.sqrt(threshold * (1 - threshold) / num_hashes))


def _band_height(threshold: float) -> int:
    """The highest bands, which propose the fewest pairs, that still find a pair at the threshold."""
    heights = [r for r in range(2, NUM_HASHES + 1) if (1 - threshold**r) ** (NUM_HASHES // r) <= MAX_MISSED]
    return max(heights, default=1)


def _signatures(texts: list[str], size: int, seed: int, num_hashes: int = NUM_HASHES) -> NDArray[np.uint32]:
    """MinHash signatures (U, K): the smallest value over the n-grams under each of K permutations."""
    factors = generator(seed, "twins").integers(0, 2**31, num_hashes, dtype=np.uint32) * 2 + 1
    out = np.empty((len(texts), num_hashes), np.uint32)
    for rows in _chunks([len(text) for text in texts]):
        grams, starts = _gram_hashes(texts[rows], size)
        permuted = np.empty_like(grams)
        for k, factor in enumerate(factors):
            # An odd factor permutes the 32-bit numbers.
            np.multiply(grams, factor, out=permuted)
            out[rows, k] = np.minimum.reduceat(permuted, starts)
    return out


def _chunks(lengths: list[int]) -> Iterator[slice]:
    """Neighbouring rows with about MAX_CHUNK_CHARS characters together."""
    chunk = np.cumsum(lengths) // MAX_CHUNK_CHARS
    edges = [0, *(np.flatnonzero(np.diff(chunk)) + 1).tolist(), len(lengths)]
    return (slice(low, high) for low, high in pairwise(edges))


def _gram_hashes(texts: list[str], size: int) -> tuple[NDArray[np.uint32], IntArray]:
    """Hashes (G,) of the n-grams of all texts, one after the other, and where each text begins (U,)."""
    hashes, starts = _full_hashes(texts, size)
    return (hashes >> np.uint64(32)).astype(np.uint32), starts


def _full_hashes(texts: list[str], size: int) -> tuple[NDArray[np.uint64], IntArray]:
    """The same with all 64 bits."""
    codes = code_points("".join(texts)).astype(np.uint64)
    ends = np.cumsum([len(text) for text in texts])
    hashes = np.zeros(len(codes) - size + 1, np.uint64)
    for k in range(size):
        hashes *= np.uint64(0x9E3779B97F4A7C15)
        hashes += codes[k : len(hashes) + k]
    # The high half, mixed once more: every character of the n-gram has reached it.
    hashes ^= hashes >> np.uint64(32)
    hashes *= np.uint64(0xD6E8FEB86659FD93)
    is_inside = np.ones(len(codes), np.bool_)
    for k in range(1, size):
        is_inside[ends - k] = False
    starts = np.concatenate([[0], ends[:-1]]) - (size - 1) * np.arange(len(texts))
    return hashes[is_inside[: len(hashes)]], starts


def _bucket_pairs(band: NDArray[np.uint32]) -> IntArray:
    """Pairs (P, 2), the smaller first, of rows that are equal in one band (U, height)."""
    keys = np.zeros(len(band), np.uint64)
    for values in band.T:
        keys = keys * np.uint64(0x9E3779B97F4A7C15) + values
        keys ^= keys >> np.uint64(29)
    order = np.argsort(keys, kind="stable")
    places = _places(keys[order])
    later = np.flatnonzero(places)
    partners = [later - np.minimum(lag, places[later]) for lag in (*NEIGHBOURS, len(keys))]
    return np.stack([order[np.concatenate(partners)], order[np.tile(later, len(partners))]], axis=1)


def _places(values: NDArray[np.integer]) -> IntArray:
    """How many neighbours before it are equal to each value of a sorted array."""
    rows = np.arange(len(values))
    is_first = np.concatenate([rows[:1] == 0, values[1:] != values[:-1]])
    places: IntArray = rows - np.maximum.accumulate(np.where(is_first, rows, 0))
    return places


def _agreement(signatures: NDArray[np.unsignedinteger], pairs: IntArray) -> FloatArray:
    """The share of equal hashes (P,): an estimate of the Jaccard similarity."""
    share = np.empty(len(pairs))
    step = max(_AT_ONCE // max(signatures.shape[1], 1), 1)
    for start in range(0, len(pairs), step):
        first, second = pairs[start : start + step].T
        equal = np.take(signatures, first, axis=0) == np.take(signatures, second, axis=0)
        share[start : start + step] = np.count_nonzero(equal, axis=1) / signatures.shape[1]
    return share


def _similarities(texts: list[str], pairs: IntArray, size: int) -> FloatArray:
    """The Jaccard similarity (P,) of each pair, exact but for clashes of 64-bit hashes: see `jaccard`."""
    found = np.empty(len(pairs))
    lengths = np.array([len(text) for text in texts])[pairs].sum(axis=1)
    chunk = np.cumsum(lengths) // MAX_CHUNK_CHARS
    edges = [0, *(np.flatnonzero(np.diff(chunk)) + 1).tolist(), len(pairs)]
    for low, high in pairwise(edges):
        found[low:high] = _chunk_similarities(texts, pairs[low:high], size)
    return found


def _chunk_similarities(texts: list[str], pairs: IntArray, size: int) -> FloatArray:
    if not len(pairs):
        return np.zeros(0)
    count = len(pairs)
    sides = []
    for side in pairs.T.tolist():
        grams, starts = _full_hashes([texts[row] for row in side], size)
        pair = np.zeros(len(grams), np.int64)
        pair[starts[1:]] = 1
        pair = np.cumsum(pair)
        keys = grams ^ (pair.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
        order = np.argsort(keys)
        keys, pair = keys[order], pair[order]
        is_first = np.concatenate([[True], keys[1:] != keys[:-1]])
        sides.append((keys[is_first], pair[is_first]))
    (keys_a, pair_a), (keys_b, pair_b) = sides
    places = np.searchsorted(keys_b, keys_a)
    places[places == len(keys_b)] = 0
    shared = np.bincount(pair_a[keys_b[places] == keys_a], minlength=count)
    total = np.bincount(pair_a, minlength=count) + np.bincount(pair_b, minlength=count)
    out: FloatArray = shared / (total - shared)
    return out


def jaccard(a: str, b: str, size: int) -> float:
    """How much two texts share of their n-grams.

    >>> jaccard("abcd", "abce", 3)
    0.3333333333333333
    """
    grams_a = {a[i : i + size] for i in range(len(a) - size + 1)}
    grams_b = {b[i : i + size] for i in range(len(b) - size + 1)}
    shared = len(grams_a & grams_b)
    return shared / (len(grams_a) + len(grams_b) - shared)


def components(num_rows: int, links: IntArray) -> IntArray:
    """For each row the smallest row that links (P, 2) lead to, (num_rows,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(links), np.bool_), (links[:, 0], links[:, 1])), shape=(num_rows, num_rows))
    labels = connected_components(graph, directed=False)[1]
    smallest: IntArray = np.unique(labels, return_index=True)[1][labels]
    return smallest
