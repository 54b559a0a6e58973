"""Hashed word and character n-grams of code points, by whole-array operations.

A word is a run of letters and digits; every other visible character is a word of its own, and so is every
Chinese or Japanese character: for those scripts word n-grams are character n-grams, and mixed texts work.
Character n-grams run inside blank-separated words with a blank at both ends, as scikit-learn's `char_wb`.
Hashes are polynomial over the ring of 64-bit integers, so that any window costs one subtraction.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from textwright.core.ragged import Ragged

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
Codes = NDArray[np.uint32]
Kinds = NDArray[np.uint8]
Flags = NDArray[np.bool_]
Hashes = tuple[U64, I64]

_BASE = np.uint64(0x9E3779B97F4A7C15)
_BLANK, _LETTER, _SYMBOL, _IDEOGRAPH = range(4)
_IDEOGRAPHS = (
    (0x2E80, 0x2FDF),
    (0x3005, 0x3007),
    (0x3040, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
)


@dataclass(frozen=True)
class NGrams:
    """Which are taken: the longest word n-gram, the shortest and longest character n-gram (0 = none)."""

    max_words: int
    min_chars: int = 0
    max_chars: int = 0


@lru_cache(maxsize=1)
def _classes() -> NDArray[np.uint8]:
    """The class of each code point below 0x10000."""
    table = np.full(0x10000, _SYMBOL, dtype=np.uint8)
    for code in range(0x10000):
        character = chr(code)
        if character.isspace() or not (character.isprintable() or 0xD800 <= code < 0xE000):
            table[code] = _BLANK
        elif character.isalnum() or 0x300 <= code < 0x370:
            table[code] = _LETTER
    for low, high in _IDEOGRAPHS:
        table[low : high + 1] = _IDEOGRAPH
    return table


def _classify(codes: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Code points beyond the first plane are ideographs (planes 2 and 3) or symbols such as emoji."""
    kinds = _classes()[np.minimum(codes, 0xFFFF)]
    beyond = codes > 0xFFFF
    if beyond.any():
        kinds[beyond] = np.where(codes[beyond] >= 0x20000, _IDEOGRAPH, _SYMBOL)
    return kinds


def mix(values: U64) -> U64:
    """Stafford's finalizer: every input bit reaches every output bit."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


class _Windows:
    """Hashes of windows: differences of prefix sums of value times power, over the power at the start."""

    def __init__(self, values: U64) -> None:
        count = len(values)
        self._prefix = np.zeros(count + 1, dtype=np.uint64)
        np.cumsum(values * _powers(_BASE, count), out=self._prefix[1:])
        self._inverse = _powers(np.uint64(pow(int(_BASE), -1, 1 << 64)), count)

    def __call__(self, starts: I64, ends: I64) -> U64:
        return mix((self._prefix[ends] - self._prefix[starts]) * self._inverse[starts])

    def every(self, width: int) -> U64:
        """The windows of this width at each start."""
        sums = self._prefix[width:] - self._prefix[:-width]
        return mix(sums * self._inverse[: len(sums)])


def _powers(base: np.uint64, count: int) -> U64:
    size = 1 << max(count - 1, 1).bit_length()
    return _power_table(int(base), size)[:count]


@lru_cache(maxsize=4)
def _power_table(base: int, size: int) -> U64:
    table = np.full(size, base, dtype=np.uint64)
    table[0] = 1
    return np.cumprod(table, dtype=np.uint64)


def ngram_hashes(rows: Ragged, ngrams: NGrams) -> Hashes:
    """64-bit hashes of all n-grams of all rows, grouped by kind, and the row each belongs to."""
    codes = rows.values[rows.offsets[0] : rows.offsets[-1]].astype(np.uint32, copy=False)
    row_of = np.repeat(np.arange(len(rows)), rows.lengths)
    kinds = _classify(codes)
    parts = [_word_ngrams(codes, kinds, row_of, ngrams.max_words)] if ngrams.max_words else []
    if ngrams.max_chars:
        parts.append(_char_ngrams(codes, kinds, row_of, ngrams))
    return np.concatenate([h for h, _ in parts]), np.concatenate([r for _, r in parts])


def word_hashes(rows: Ragged) -> Hashes:
    """The hash of each word of letters, digits or one ideograph, in order, and the row each belongs to.

    >>> hashes, owners = word_hashes(Ragged.from_lists([[*map(ord, "no, no")], [*map(ord, "好 no")]]))
    >>> owners.tolist(), len(set(hashes.tolist()))
    ([0, 0, 1, 1], 2)
    """
    codes = rows.values[rows.offsets[0] : rows.offsets[-1]].astype(np.uint32, copy=False)
    row_of = np.repeat(np.arange(len(rows)), rows.lengths)
    kinds = _classify(codes)
    starts, ends = _word_bounds(kinds, row_of)
    is_word = kinds[starts] != _SYMBOL
    starts, ends = starts[is_word], ends[is_word]
    if not len(starts):
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    return _Windows(codes.astype(np.uint64))(starts, ends), row_of[starts]


def _word_ngrams(codes: Codes, kinds: Kinds, row_of: I64, longest: int) -> Hashes:
    starts, ends = _word_bounds(kinds, row_of)
    if not len(starts):
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    words = _Windows(codes.astype(np.uint64))(starts, ends)
    rows = row_of[starts]
    windows = _Windows(words)
    hashes, owners = [words], [rows]
    for width in range(2, min(longest, len(words)) + 1):
        inside = rows[width - 1 :] == rows[: 1 - width]
        hashes.append((windows.every(width) + np.uint64(width))[inside])
        owners.append(rows[width - 1 :][inside])
    return np.concatenate(hashes), np.concatenate(owners)


def _word_bounds(kinds: Kinds, row_of: I64) -> tuple[I64, I64]:
    """First and last-plus-one positions of the words."""
    if not len(kinds):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    change = np.ones(len(kinds) + 1, dtype=bool)
    change[1:-1] = (kinds[1:] != kinds[:-1]) | (kinds[1:] >= _SYMBOL) | (row_of[1:] != row_of[:-1])
    bounds = np.flatnonzero(change)
    starts, ends = bounds[:-1], bounds[1:]
    visible = kinds[starts] != _BLANK
    return starts[visible], ends[visible]


def _char_ngrams(codes: Codes, kinds: Kinds, row_of: I64, ngrams: NGrams) -> Hashes:
    codes, blank, row_of = _with_blanks(codes, kinds == _BLANK, row_of)
    if not len(codes):
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    windows = _Windows(codes.astype(np.uint64))
    blanks_before = np.concatenate([[0], np.cumsum(blank, dtype=np.int32)])
    hashes, owners = [], []
    for width in range(ngrams.min_chars, ngrams.max_chars + 1):
        if width > len(codes):
            break
        # No blank strictly inside; and not blanks alone, which only one or two characters can be.
        inside = blanks_before[width - 1 : len(codes)] == blanks_before[1 : len(codes) - width + 2]
        if width <= 2:
            inside &= ~(blank[: len(codes) - width + 1] & blank[width - 1 :])
        keep = np.flatnonzero(inside)
        hashes.append(windows(keep, keep + width))
        owners.append(row_of[keep])
    return np.concatenate(hashes), np.concatenate(owners)


def _with_blanks(codes: Codes, blank: Flags, row_of: I64) -> tuple[Codes, Flags, I64]:
    """One blank between words, and one at both ends of every row."""
    if not len(codes):
        return codes, blank, row_of
    first = np.ones(len(codes), dtype=bool)
    first[1:] = row_of[1:] != row_of[:-1]
    keep = ~blank
    keep[1:] |= blank[1:] & ~blank[:-1] & ~first[1:]
    codes, blank, row_of = np.where(blank, 32, codes)[keep].astype(np.uint32), blank[keep], row_of[keep]
    heads = np.flatnonzero(np.concatenate([[True], row_of[1:] != row_of[:-1]]))
    # Two blanks between rows keep every window inside one row.
    where = np.stack([heads, np.append(heads[1:], len(codes))], axis=1).ravel()
    owners = np.repeat(row_of[heads], 2)
    return np.insert(codes, where, 32), np.insert(blank, where, True), np.insert(row_of, where, owners)
