"""The words of sentences, in which extraction counts: words of letters and digits, each ideograph alone.

Shapes: S sentences of D documents, one after the other; T words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from textwright.core.ragged import IntArray, Ragged
from textwright.models.bag.features import word_hashes


@dataclass(frozen=True)
class Words:
    """The words of S sentences by number; the sentences of document d begin at `offsets[d]`."""

    ids: Ragged
    offsets: IntArray

    @classmethod
    def of_tokens(cls, sentences: Sequence[Sequence[str]]) -> Words:
        """The words of one document, cut by any tokenizer.

        >>> Words.of_tokens([["a", "b"], ["b", "c", "b"]]).ids.values.tolist()
        [0, 1, 1, 2, 1]
        """
        numbers: dict[str, int] = {}
        rows = [[numbers.setdefault(word, len(numbers)) for word in sentence] for sentence in sentences]
        return cls(Ragged.from_lists(rows), np.array([0, len(rows)]))

    @classmethod
    def of_codes(cls, codes: Ragged, offsets: IntArray) -> Words:
        """The words of sentences as lower-cased code points; symbols and punctuation are none.

        >>> from textwright.models.extract.words import Words
        >>> codes = Ragged.from_lists([[*map(ord, text)] for text in ["so, so good", "很好 good"]])
        >>> Words.of_codes(codes, np.array([0, 2])).ids.lengths.tolist()
        [3, 3]
        """
        hashes, owners = word_hashes(codes)
        starts = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=len(codes)))])
        _, ids = np.unique(hashes, return_inverse=True)
        return cls(Ragged(ids.astype(np.int32), starts.astype(np.int64)), offsets)

    @classmethod
    def joined(cls, documents: Iterable[Sequence[Sequence[str]]]) -> Words:
        """Those of several documents, each a list of sentences of tokens."""
        listed = [*documents]
        counts = np.cumsum([0, *map(len, listed)])
        return cls(cls.of_tokens([*chain.from_iterable(listed)]).ids, counts)

    @property
    def num_sentences(self) -> int:
        return len(self.ids)

    @cached_property
    def lengths(self) -> IntArray:
        """(S,) words of each sentence."""
        return self.ids.lengths

    @cached_property
    def sizes(self) -> IntArray:
        """(D,) sentences of each document."""
        return np.diff(self.offsets)

    @cached_property
    def documents(self) -> IntArray:
        """(S,) the document of each sentence."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @cached_property
    def places(self) -> IntArray:
        """(S,) the place of each sentence in its document, from 0."""
        return np.arange(self.num_sentences) - self.offsets[:-1][self.documents]

    def counts(self) -> tuple[csr_array, IntArray]:
        """How often each word stands in each sentence, and the document of each column.

        A word has a column of its own in each document, so that sentences of two documents share none.
        """
        rows = np.repeat(np.arange(self.num_sentences), self.lengths)
        width = int(self.ids.values.max(initial=0)) + 1
        keys = self.documents[rows].astype(np.int64) * width + self.ids.values
        kinds, columns = np.unique(keys, return_inverse=True)
        ones = np.ones(len(rows), np.float64)
        found = csr_array((ones, (rows, columns)), shape=(self.num_sentences, len(kinds)))
        found.sum_duplicates()
        return found, kinds // width

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(D,) sums over the sentences of each document."""
        return np.asarray(np.bincount(self.documents, values, len(self.sizes)), np.float64)
