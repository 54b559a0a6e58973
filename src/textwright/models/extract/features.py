"""What is known of a sentence beside its words: its place, how central it is, who speaks, what is in it.

Shapes: S sentences of D documents, one after the other; P properties; T characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from textwright.core.ragged import IntArray, Ragged
from textwright.models.extract.textrank import centrality, similarities_to_neighbours, textrank, typical
from textwright.models.extract.words import Words

Array = NDArray[np.float64]

# A speaker is named before the first colon, within so many characters of the beginning of a sentence.
_LONGEST_NAME = 24
_COLONS, _QUESTIONS, _SHOUTS = (0x3A, 0xFF1A), (0x3F, 0xFF1F), (0x21, 0xFF01)


@dataclass(frozen=True)
class Sentences:
    """S sentences as they are written, in code points; those of document d begin at `offsets[d]`."""

    codes: Ragged
    offsets: IntArray

    @classmethod
    def of_texts(cls, documents: Sequence[Sequence[str]]) -> Sentences:
        """Of documents as lists of sentences.

        >>> Sentences.of_texts([["One.", "二。"], ["Three."]]).offsets.tolist()
        [0, 2, 3]
        """
        rows = [sentence for document in documents for sentence in document]
        codes = np.frombuffer("".join(rows).encode("utf-32-le", "surrogatepass"), "<u4")
        return cls(Ragged(codes, np.cumsum([0, *map(len, rows)])), np.cumsum([0, *map(len, documents)]))

    @cached_property
    def lowered(self) -> Ragged:
        return Ragged(lowered(self.codes.values), self.codes.offsets)

    @property
    def is_ideographic(self) -> bool:
        """Whether most of what words are made of is ideographs."""
        codes = self.codes.values
        han = int(((codes >= 0x3040) & (codes <= 0x9FFF)).sum())
        latin = int(((codes | 0x20 >= 0x61) & (codes | 0x20 <= 0x7A)).sum())
        return han > latin

    def numbered(self, references: Ragged) -> tuple[Words, Ragged]:
        """The words of the sentences, and those of lower-cased references (D) by the same numbers."""
        both = Ragged.concatenate([self.lowered, references])
        ids = Words.of_codes(both, np.array([0, len(both)])).ids
        count = len(self.codes)
        border = ids.offsets[count]
        own = Ragged(ids.values[:border], ids.offsets[: count + 1])
        return Words(own, self.offsets), Ragged(ids.values[border:], ids.offsets[count:] - border)

    def take(self, documents: IntArray) -> Sentences:
        """Those of some documents, in the order given."""
        sizes = np.diff(self.offsets)[documents]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        shift = np.repeat(self.offsets[:-1][documents] - offsets[:-1], sizes)
        return Sentences(self.codes.take(np.arange(offsets[-1]) + shift), offsets)

    @cached_property
    def words(self) -> Words:
        return Words.of_codes(self.lowered, self.offsets)


@lru_cache(maxsize=1)
def _lower_table() -> NDArray[np.uint32]:
    """The lower case of each code point below 0x10000, where it is one character."""
    return np.array(
        [ord(low) if len(low := chr(code).lower()) == 1 else code for code in range(0x10000)], np.uint32
    )


def lowered(codes: IntArray) -> NDArray[np.uint32]:
    """Code points in lower case, one for one."""
    table = _lower_table()
    return np.where(codes < 0x10000, table[np.minimum(codes, 0xFFFF)], codes).astype(np.uint32)


def properties(sentences: Sentences) -> dict[str, Array]:
    """(S,) each property of the sentences, by its name."""
    words = sentences.words
    size = words.sizes[words.documents].astype(np.float64)
    before, first = similarities_to_neighbours(words)
    rank, centre = textrank(words) * size, centrality(words)
    lengths = words.lengths.astype(np.float64)
    frequency, rarity = typical(words)
    return {
        "place": words.places.astype(np.float64),
        "place_from_end": size - 1 - words.places,
        "relative_place": words.places / np.maximum(size - 1, 1),
        "sentences": size,
        "words": lengths,
        "length_rank": _ranks(words, lengths),
        "textrank": rank,
        "textrank_rank": _ranks(words, rank),
        "centrality": centre,
        "centrality_rank": _ranks(words, centre),
        "like_first": first,
        "like_before": before,
        "frequency": frequency,
        "rarity": rarity,
        **_marks(sentences),
        **_speakers(sentences),
    }


def _ranks(words: Words, values: Array) -> Array:
    """(S,) the share of the document's sentences whose value is higher."""
    order = np.lexsort((-values, words.documents))
    ranks = np.empty(len(values))
    ranks[order] = np.arange(len(values)) - words.offsets[:-1][words.documents]
    return ranks / np.maximum(words.sizes, 1)[words.documents]


def _marks(sentences: Sentences) -> dict[str, Array]:
    codes, owners = sentences.codes.values, _owners(sentences.codes)
    count = len(sentences.codes)

    def counted(found: NDArray[np.bool_]) -> Array:
        return np.bincount(owners[found], minlength=count).astype(np.float64)

    is_capital = sentences.lowered.values != codes
    begins = np.ones(len(codes), np.bool_)
    begins[1:] = (codes[:-1] <= 0x40) | (owners[1:] != owners[:-1])
    return {
        "digits": counted((codes >= 0x30) & (codes <= 0x39)),
        "names": counted(is_capital & begins),
        "capitals": counted(is_capital & ~begins),
        "questions": counted(np.isin(codes, _QUESTIONS)),
        "shouts": counted(np.isin(codes, _SHOUTS)),
        "characters": sentences.codes.lengths.astype(np.float64),
    }


def _speakers(sentences: Sentences) -> dict[str, Array]:
    """A name and a colon begin a turn, which lasts until the next: which turn, which sentence of it."""
    heads = _heads(sentences.codes)
    words = sentences.words
    places = np.arange(words.num_sentences)
    starts = np.where(heads > 0, places, -1)
    begun = np.maximum.accumulate(starts)
    is_known = begun >= sentences.offsets[:-1][words.documents]
    turns = np.cumsum(heads > 0)
    before = np.concatenate([[0], turns])[sentences.offsets[:-1]][words.documents]
    return {
        "turn": np.where(is_known, turns - before, 0).astype(np.float64),
        "in_turn": np.where(is_known, places - begun, -1).astype(np.float64),
        "begins_turn": (heads > 0).astype(np.float64),
    }


def _heads(codes: Ragged) -> IntArray:
    """(S,) the place of the colon behind a name, 0 where there is none."""
    window = np.arange(1, _LONGEST_NAME)
    inside = window < codes.lengths[:, None]
    found = (
        codes.values[np.where(inside, codes.offsets[:-1, None] + window, 0)] if len(codes.values) else inside
    )
    is_colon = np.isin(found, _COLONS) & inside
    return np.where(is_colon.any(axis=1), is_colon.argmax(axis=1) + 1, 0)


def _owners(rows: Ragged) -> IntArray:
    return np.repeat(np.arange(len(rows)), rows.lengths)
