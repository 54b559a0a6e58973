"""From code points to a sparse matrix of the n-grams worth keeping, the same bits for any number of threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from textwright.core.ragged import Ragged
from textwright.models.bag.features import NGrams, ngram_hashes

A, B = TypeVar("A"), TypeVar("B")

_CODES_PER_CHUNK = 1 << 20


@dataclass(frozen=True)
class Vocabulary:
    """The buckets that are kept; column j of the matrix is `buckets[j]`, the commonest first."""

    ngrams: NGrams
    bits: int
    buckets: NDArray[np.uint32]

    @cached_property
    def _column_of(self) -> NDArray[np.int32]:
        table = np.full(1 << self.bits, -1, dtype=np.int32)
        table[self.buckets] = np.arange(len(self.buckets), dtype=np.int32)
        return table

    def matrix(self, rows: Ragged, threads: int = 1) -> csr_array:
        """Counts (rows, columns) of the kept n-grams."""
        table = self._column_of

        def count(chunk: Ragged) -> _Counts:
            buckets, owners = _buckets(chunk, self.ngrams, self.bits)
            columns = table[buckets]
            known = columns >= 0
            return _count(columns[known], owners[known], len(chunk))

        return _assemble(parallel(count, _chunks(rows), threads), len(self.buckets))


def learn_vocabulary(rows: Ragged, ngrams: NGrams, *, min_rows: int = 2, max_columns: int = 2_000_000, threads: int = 1) -> tuple[Vocabulary, csr_array]:
    """Keep the n-grams found in at least `min_rows` rows, and count them."""
    bits = _bits_for(rows, ngrams)
    found = parallel(lambda chunk: _buckets(chunk, ngrams, bits), _chunks(rows), threads)
    often = np.bincount(_joined([buckets for buckets, _ in found]), minlength=1 << bits) >= min_rows
    sizes = [len(chunk) for chunk in _chunks(rows)]

    def count(item: tuple[tuple[NDArray[Any], NDArray[Any]], int]) -> _Counts:
        (buckets, owners), size = item
        keep = often[buckets]
        return _count(buckets[keep], owners[keep], size)

    counts = parallel(count, list(zip(found, sizes, strict=True)), threads)
    del found
    num_rows = np.bincount(_joined([part.columns for part in counts]), minlength=1 << bits)
    kept = np.flatnonzero(num_rows >= min_rows)
    order = np.argsort(-num_rows[kept], kind="stable")[:max_columns]
    vocabulary = Vocabulary(ngrams, bits, kept[order].astype(np.uint32))
    return vocabulary, _assemble([_renamed(part, vocabulary._column_of) for part in counts], len(order))


@dataclass(frozen=True)
class _Counts:
    columns: NDArray[Any]
    values: NDArray[np.float32]
    per_row: NDArray[np.int64]


def _bits_for(rows: Ragged, ngrams: NGrams) -> int:
    """About two buckets for each n-gram that could be distinct, between 2^18 and 2^24."""
    widths = ngrams.max_chars - ngrams.min_chars + 1 if ngrams.max_chars else 0
    expected = len(rows.values) * (ngrams.max_words / 3 + widths)
    return int(np.clip(np.ceil(np.log2(max(expected, 1))), 18, 24))


def _joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _chunks(rows: Ragged) -> list[Ragged]:
    """Cuts at row borders that depend on the data only, never on the number of threads."""
    marks = np.arange(0, int(rows.offsets[-1] - rows.offsets[0]), _CODES_PER_CHUNK) + rows.offsets[0]
    cuts = np.unique(np.concatenate([np.searchsorted(rows.offsets, marks), [0, len(rows)]]))
    return [Ragged(rows.values, rows.offsets[a : b + 1]) for a, b in zip(cuts[:-1], cuts[1:], strict=True)]


def _buckets(chunk: Ragged, ngrams: NGrams, bits: int) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    hashes, owners = ngram_hashes(chunk, ngrams)
    return (hashes >> np.uint64(64 - bits)).astype(np.uint32), owners.astype(np.int32)


def _count(columns: NDArray[Any], owners: NDArray[np.int32], num_rows: int) -> _Counts:
    keys = (owners.astype(np.int64) << 32) | columns
    keys.sort()
    first = np.ones(len(keys), dtype=bool)
    first[1:] = keys[1:] != keys[:-1]
    places = np.flatnonzero(first)
    values = np.diff(np.append(places, len(keys))).astype(np.float32)
    unique = keys[places]
    return _Counts((unique & 0xFFFFFFFF).astype(np.int32), values, np.bincount(unique >> 32, minlength=num_rows))


def _renamed(part: _Counts, column_of: NDArray[np.int32]) -> _Counts:
    columns = column_of[part.columns]
    known = columns >= 0
    owners = np.repeat(np.arange(len(part.per_row)), part.per_row)[known]
    return _Counts(columns[known], part.values[known], np.bincount(owners, minlength=len(part.per_row)))


def _assemble(parts: Sequence[_Counts], num_columns: int) -> csr_array:
    lengths = np.concatenate([part.per_row for part in parts]) if parts else np.zeros(0, np.int64)
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    indices = np.concatenate([part.columns for part in parts]) if parts else np.zeros(0, np.int32)
    values = np.concatenate([part.values for part in parts]) if parts else np.zeros(0, np.float32)
    kind = np.int32 if indptr[-1] < 2**31 else np.int64
    return csr_array((values, indices.astype(kind), indptr.astype(kind)), shape=(len(lengths), num_columns))


def parallel(work: Callable[[A], B], items: Sequence[A] | Iterator[A], threads: int) -> list[B]:
    """Map in threads (NumPy and SciPy release the lock); the order of the results is that of the items."""
    if threads <= 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))
