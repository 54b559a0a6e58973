"""From code points to a sparse matrix of the n-grams worth keeping, the same bits for any number of threads.

An occurrence is one 64-bit key, the upper 40 bits of the n-gram's hash above 24 bits of row number: one sort
drops repetitions and brings every n-gram's rows together. Two n-grams in ten million share 40 bits by chance
about fifty times, so nothing else needs to be kept of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from textwright.core.errors import DataError
from textwright.core.ragged import Ragged
from textwright.models.bag.features import U64, NGrams, ngram_hashes

A = TypeVar("A")
B = TypeVar("B")

_ROW_BITS = np.uint64(24)
_ROW_MASK = np.uint64((1 << 24) - 1)
_CODES_PER_CHUNK = 1 << 18
_PART_BITS = 4


@dataclass(frozen=True)
class Vocabulary:
    """The n-grams that are kept; column j is the one with the 40-bit hash `hashes[j]` (sorted)."""

    ngrams: NGrams
    hashes: U64

    def matrix(self, rows: Ragged) -> csr_array:
        """Ones (rows, columns) where a row holds a kept n-gram."""
        keys = _keys(rows, self.ngrams, 0)
        hashes = keys >> _ROW_BITS
        columns = np.searchsorted(self.hashes, hashes)
        known = np.append(self.hashes, np.uint64(1 << 40))[columns] == hashes
        row_of = (keys[known] & _ROW_MASK).astype(np.int32)
        ones = np.ones(len(row_of), dtype=np.float32)
        shape = (len(rows), len(self.hashes))
        return csr_array((ones, (row_of, columns[known].astype(np.int32))), shape=shape)


def learn_vocabulary(
    rows: Ragged, ngrams: NGrams, *, min_rows: int = 2, max_columns: int = 2_000_000, threads: int = 1
) -> tuple[Vocabulary, csr_array]:
    """Keep the n-grams of at least `min_rows` rows, the commonest if they are too many; and their matrix.

    Raises DataError beyond 16,777,216 rows.
    """
    if len(rows) > int(_ROW_MASK) + 1:
        what = f"a bag learns from at most {int(_ROW_MASK) + 1:,} rows, got {len(rows):,}"
        raise DataError(what, hint="Train on a sample of the rows, or choose another model.")
    keys = parallel(lambda chunk: _keys(chunk[1], ngrams, chunk[0]), chunks(rows), threads)
    borders = np.arange(1, 1 << _PART_BITS, dtype=np.uint64) << np.uint64(64 - _PART_BITS)
    cuts = [np.concatenate([[0], np.searchsorted(k, borders), [len(k)]]) for k in keys]

    def merged(part: int) -> tuple[U64, NDArray[np.int64], NDArray[np.int32]]:
        return _columns([k[c[part] : c[part + 1]] for k, c in zip(keys, cuts, strict=True)], min_rows)

    parts = parallel(merged, range(1 << _PART_BITS), threads)
    hashes, num_rows, row_of = (np.concatenate([part[i] for part in parts]) for i in range(3))
    ones = np.ones(len(row_of), dtype=np.float32)
    by_column = csc_array((ones, row_of, np.append(0, np.cumsum(num_rows))), shape=(len(rows), len(hashes)))
    if len(hashes) > max_columns:
        kept = np.sort(np.argsort(-num_rows, kind="stable")[:max_columns])
        hashes, by_column = hashes[kept], by_column[:, kept]
    return Vocabulary(ngrams, hashes), by_column.tocsr()


def chunks(rows: Ragged) -> list[tuple[int, Ragged]]:
    """Parts of the rows with the number of the first; cuts depend on the data only, never on the threads."""
    marks = np.arange(0, int(rows.offsets[-1] - rows.offsets[0]), _CODES_PER_CHUNK) + rows.offsets[0]
    cuts = np.unique(np.concatenate([np.searchsorted(rows.offsets, marks), [0, len(rows)]]))
    return [(int(a), Ragged(rows.values, rows.offsets[a : b + 1])) for a, b in pairwise(cuts)]


def parallel(work: Callable[[A], B], items: Sequence[A], threads: int) -> list[B]:
    """Map in threads (NumPy and SciPy release the lock); the order of the results is that of the items."""
    if threads <= 1 or len(items) <= 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))


def _keys(chunk: Ragged, ngrams: NGrams, first_row: int) -> U64:
    """Sorted keys of a chunk, each n-gram once a row."""
    hashes, owners = ngram_hashes(chunk, ngrams)
    keys = (hashes & ~_ROW_MASK) | (owners + first_row).astype(np.uint64)
    keys.sort()
    return keys[_changes(keys)]


def _changes(values: U64) -> NDArray[np.bool_]:
    """True where a sorted array holds another value than just before."""
    change = np.ones(len(values), dtype=bool)
    change[1:] = values[1:] != values[:-1]
    return change


def _columns(keys: list[U64], min_rows: int) -> tuple[U64, NDArray[np.int64], NDArray[np.int32]]:
    """Hashes that enough rows hold, the number of those rows, and the rows one hash after the other."""
    ordered = np.concatenate([np.zeros(0, np.uint64), *keys])
    ordered.sort()
    hashes = ordered >> _ROW_BITS
    starts = np.flatnonzero(_changes(hashes))
    num_rows = np.diff(np.append(starts, len(hashes)))
    often = num_rows >= min_rows
    row_of = (ordered[np.repeat(often, num_rows)] & _ROW_MASK).astype(np.int32)
    return hashes[starts[often]], num_rows[often], row_of
