"""Fixed phrases of texts: every run of a few words or Han characters, in how many rows it stands, and where.

Shapes: N rows, T tokens of all rows one after the other, G phrases, C classes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from textwright.core.ragged import IntArray

MIN_ROWS = 20
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+|[^\w\s]")  # a Han character, a word, or one other sign
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Phrases:
    """Phrases of one length that stand in at least `MIN_ROWS` rows.

    size: tokens in each. rows: (G,) rows that hold it. by_class: (G, C) rows of each class. first, last: (G,)
    share of its occurrences at the very start and end of a text. sample: (G, 2) a row that holds it, and its
    first token there. pairs: (P, 2) phrase and row, for every row of each.
    """

    size: int
    rows: IntArray
    by_class: IntArray
    first: NDArray[np.float64]
    last: NDArray[np.float64]
    sample: IntArray
    pairs: IntArray

    def of(self, phrase: int) -> IntArray:
        """The rows that hold a phrase, by its place."""
        low, high = np.searchsorted(self.pairs[:, 0], [phrase, phrase + 1])
        return self.pairs[low:high, 1]


@dataclass(frozen=True)
class Tokens:
    """Tokens of all rows: `ids` (T,), and where each row begins and ends, (N + 1,).

    `ends` (N,) is where a row ends but for one last sign such as a full stop.
    """

    ids: IntArray
    starts: IntArray
    ends: IntArray


def tokens(texts: Sequence[str]) -> Tokens:
    """Cut texts into tokens; case does not count.

    >>> found = tokens(["So good!", "很so"])
    >>> found.ids.tolist(), found.starts.tolist(), found.ends.tolist()
    ([0, 1, 2, 3, 0], [0, 3, 5], [2, 5])
    """
    known: dict[str, int] = {}
    ids: list[int] = []
    starts, ends = [0], []
    for text in texts:
        own = split(text.lower())
        ids += [known.setdefault(token, len(known)) for token in own]
        starts.append(len(ids))
        ends.append(len(ids) - (len(own) > 1 and not own[-1].isalnum()))
    return Tokens(np.array(ids, np.int64), np.array(starts, np.int64), np.array(ends, np.int64))


def split(text: str) -> list[str]:
    """The tokens of a text as they stand.

    >>> split("So good, 很好")
    ['So', 'good', ',', '很', '好']
    """
    return _TOKEN.findall(text)


def surface(text: str, token: int, size: int) -> str:
    """How a phrase stands in a text that holds it.

    >>> surface("Well. Sent from my tablet", 2, 4)
    'Sent from my tablet'
    """
    spans = [found.span() for found in _TOKEN.finditer(text)][token : token + size]
    return text[spans[0][0] : spans[-1][1]] if spans else ""


def phrases(
    found: Tokens, classes: IntArray, num_classes: int, sizes: Sequence[int], long: Sequence[int]
) -> Iterator[Phrases]:
    """Phrases of `sizes` tokens anywhere, and of the sizes `long` at the start or end of a text."""
    row_of = np.repeat(np.arange(len(found.ends)), np.diff(found.starts))
    hashes = np.zeros(len(found.ids), np.uint64)
    places = np.arange(len(found.ids))
    for size in range(1, max([*sizes, *long], default=0) + 1):
        places = places[places + size <= found.starts[row_of[places] + 1]]
        # Every token that is added mixes the whole, so that phrases of one length meet only by chance.
        mixed = hashes[places] * _FACTOR + (found.ids[places + size - 1].astype(np.uint64) + np.uint64(1))
        hashes[places] = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        if size in sizes or size in long:
            kept = places if size in sizes else _at_ends(places, size, row_of, found)
            yield _counted(hashes, kept, size, row_of, found, classes, num_classes)


def _at_ends(places: IntArray, size: int, row_of: IntArray, found: Tokens) -> IntArray:
    first, last = _where(places, size, row_of, found)
    return places[first | last]


def _where(
    places: IntArray, size: int, row_of: IntArray, found: Tokens
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    rows, ends = row_of[places], places + size
    return places == found.starts[rows], (ends == found.ends[rows]) | (ends == found.starts[rows + 1])


def _counted(
    hashes: NDArray[np.uint64],
    places: IntArray,
    size: int,
    row_of: IntArray,
    found: Tokens,
    classes: IntArray,
    num_classes: int,
) -> Phrases:
    _, inverse, counts = np.unique(hashes[places], return_inverse=True, return_counts=True)
    many = counts >= MIN_ROWS
    kept = many[inverse]
    number = (np.cumsum(many) - 1)[inverse[kept]]
    places, total = places[kept], int(many.sum())
    rows = row_of[places]
    first, last = _where(places, size, row_of, found)
    times = np.maximum(np.bincount(number, minlength=total), 1)
    order = np.lexsort((rows, number))
    number, rows, places = number[order], rows[order], places[order]
    fresh = np.concatenate(
        [np.ones(min(1, len(number)), np.bool_), (number[1:] != number[:-1]) | (rows[1:] != rows[:-1])]
    )
    share_first = np.bincount(number, weights=first[order], minlength=total) / times
    share_last = np.bincount(number, weights=last[order], minlength=total) / times
    number, rows, places = number[fresh], rows[fresh], places[fresh]
    table = np.bincount(number * num_classes + classes[rows], minlength=total * num_classes)
    by_class = table.reshape(total, num_classes)
    begin = np.searchsorted(number, np.arange(total))
    sample = np.stack([rows[begin], places[begin] - found.starts[rows[begin]]], axis=1)
    held = by_class.sum(axis=1)
    enough = np.flatnonzero(held >= MIN_ROWS)
    renamed = np.full(total, -1)
    renamed[enough] = np.arange(len(enough))
    pairs = np.stack([renamed[number], rows], axis=1)
    return Phrases(
        size,
        held[enough],
        by_class[enough],
        share_first[enough],
        share_last[enough],
        sample[enough],
        pairs[pairs[:, 0] >= 0],
    )
