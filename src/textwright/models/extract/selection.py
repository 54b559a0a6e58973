"""Which of the ranked sentences make a summary: as many as there is room for, without saying a thing twice.

Shapes: S sentences of one document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from textwright.core.ragged import IntArray


@dataclass(frozen=True)
class Room:
    """How much a summary may hold: sentences, words (each ideograph is one), or both; None sets no limit."""

    sentences: int | None = None
    words: int | None = None


def choose(
    scores: NDArray[np.float64], rows: Sequence[IntArray], room: Room, max_shared: float = 1.0
) -> IntArray:
    """The sentences of one document that go into its summary, in the order of the document.

    They are taken by falling score, earlier ones first where scores are the same. One with more than
    `max_shared` of its triples of words in those that were taken is passed by: 0 is trigram blocking (Paulus
    et al. 2017, arXiv:1705.04304), 1 takes all. So is one that is longer than the room that is left, until
    half of the room is used: then it ends the summary, which is not filled up with what says little. Where no
    sentence fits, the shortest with a word is taken.

    >>> rows = [np.array(row) for row in ([1, 2, 3], [1, 2, 3, 4], [5, 6])]
    >>> choose(np.array([3.0, 2.0, 1.0]), rows, Room(sentences=2), max_shared=0.4).tolist()
    [0, 2]
    """
    lengths = np.array([len(row) for row in rows], np.int64)
    left = space = int(lengths.sum()) if room.words is None else room.words
    most = len(rows) if room.sentences is None else room.sentences
    told: set[bytes] = set()
    chosen: list[int] = []
    for row in np.argsort(-scores, kind="stable").tolist():
        if len(chosen) >= most or (lengths[row] > left and 2 * left < space):
            break
        if not 0 < lengths[row] <= left:
            continue
        triples = _triples(rows[row])
        if len(triples & told) > max_shared * len(triples):
            continue
        chosen.append(row)
        told |= triples
        left -= int(lengths[row])
    if not chosen and lengths.any() and most:
        chosen = [int(np.where(lengths > 0, lengths, lengths.max() + 1).argmin())]
    return np.array(sorted(chosen), np.int64)


def _triples(row: IntArray) -> set[bytes]:
    """Each three words in a row."""
    packed = np.ascontiguousarray(row, np.int64)
    return {packed[place : place + 3].tobytes() for place in range(len(packed) - 2)}
