"""Which sentences of a document its summary should have: those that greedily gain ROUGE against a reference.

Sentences are taken one at a time while the sum of ROUGE-1 and ROUGE-2 (F1) grows (Nallapati et al. 2017,
arXiv:1611.04230). Words are those of `Words`, without stemming: for labels to learn from, not for reports.

Shapes: S sentences of D documents; C kinds of words or of pairs that the reference of a document has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from textwright.core.ragged import IntArray, Ragged
from textwright.models.extract.words import Words

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Oracle:
    """(S,) whether a sentence is one of those that gain, and its ROUGE-1 and -2 alone (summed, 0 to 2)."""

    chosen: NDArray[np.bool_]
    alone: Array


def oracle(words: Words, references: Ragged, max_sentences: int = 5) -> Oracle:
    """The best sentences of each document by its reference; `references` (D) are words by the same numbers.

    >>> words = Words.of_tokens([["a", "b"], ["c", "d"], ["a", "e"]])
    >>> found = oracle(words, Ragged.from_lists([[0, 1, 2, 3]]))
    >>> found.chosen.tolist(), found.alone.round(2).tolist()
    ([True, True, False], [1.17, 1.17, 0.33])
    """
    chosen, alone = np.zeros(words.num_sentences, np.bool_), np.zeros(words.num_sentences)
    for document, reference in enumerate(references):
        first, last = words.offsets[document : document + 2]
        rows = [words.ids[row] for row in range(first, last)]
        orders = _orders(rows, reference)
        alone[first:last] = sum(order.scores(np.zeros_like(order.wanted), 0) for order in orders)
        chosen[first + _greedy(orders, max_sentences)] = True
    return Oracle(chosen, alone)


def agreement(summary: Sequence[IntArray], reference: IntArray) -> float:
    """The sum of ROUGE-1 and ROUGE-2 (F1, 0 to 2) of the sentences of a summary.

    >>> agreement([np.array([0, 1]), np.array([2])], np.array([0, 1, 2])) == 2
    True
    """
    joined = np.concatenate([np.zeros(0, np.int64), *summary])
    return float(
        sum(order.scores(np.zeros_like(order.wanted), 0)[0] for order in _orders([joined], reference))
    )


@dataclass(frozen=True)
class _Overlap:
    """How often kinds of n-grams stand in each sentence (S, C) and the reference (C,); how long all are."""

    counts: Array
    wanted: Array
    sizes: Array

    @classmethod
    def of(cls, rows: list[IntArray], reference: IntArray) -> _Overlap:
        kinds, wanted = np.unique(reference, return_counts=True)
        sizes = np.array([len(row) for row in rows], np.float64)
        values = np.concatenate([np.zeros(0, np.int64), *rows])
        owners = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        columns = np.minimum(np.searchsorted(kinds, values), max(len(kinds) - 1, 0))
        known = kinds[columns] == values if len(kinds) else np.zeros(len(values), np.bool_)
        counts = np.zeros((len(rows), len(kinds)))
        np.add.at(counts, (owners[known], columns[known]), 1)
        return cls(counts, wanted.astype(np.float64), sizes)

    def scores(self, held: Array, size: float) -> Array:
        """(S,) F1 of what is held (C,) of `size` n-grams with each sentence beside it."""
        shared = np.minimum(held + self.counts, self.wanted).sum(axis=1)
        return 2 * shared / np.maximum(size + self.sizes + self.wanted.sum(), 1)


def _orders(rows: list[IntArray], reference: IntArray) -> tuple[_Overlap, _Overlap]:
    """Of single words, and of each two in a row."""
    return _Overlap.of(rows, reference), _Overlap.of([_pairs(row) for row in rows], _pairs(reference))


def _greedy(orders: tuple[_Overlap, _Overlap], max_sentences: int) -> IntArray:
    """The sentences that gain, in the order in which they were taken."""
    held, sizes = [np.zeros_like(order.wanted) for order in orders], [0.0, 0.0]
    chosen: list[int] = []
    best = 0.0
    while len(chosen) < min(max_sentences, len(orders[0].sizes)):
        scores: Array = sum(
            (o.scores(h, s) for o, h, s in zip(orders, held, sizes, strict=True)),
            np.zeros(len(orders[0].sizes)),
        )
        scores[chosen] = -1
        row = int(scores.argmax())
        if scores[row] <= best + 1e-9:
            break
        best = float(scores[row])
        chosen.append(row)
        held = [h + order.counts[row] for order, h in zip(orders, held, strict=True)]
        sizes = [s + order.sizes[row] for order, s in zip(orders, sizes, strict=True)]
    return np.array(chosen, np.int64)


def _pairs(row: IntArray) -> IntArray:
    """Each two words in a row as one number."""
    return row[:-1].astype(np.int64) << 32 | row[1:]
