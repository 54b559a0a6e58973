"""Texts that are longer than what a network reads at once, cut into overlapping parts.

Shapes: N texts, M chunks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from textwright.core.ragged import IntArray, Ragged
from textwright.core.settings import Settings

Reading = Literal["cut", "mean", "max", "first_last"]
OVERLAP = 0.125


class LongSettings(Settings):
    """What a person may say about texts beyond `tokenizer.max_length`."""

    name: Reading | Literal["auto"] = Field(
        "auto",
        description="how answers read texts beyond tokenizer.max_length: cut; in chunks, by the mean of "
        "their outputs or the max of each label; first_last: by two chunks; auto measures the first three",
    )
    overlap: float = Field(
        OVERLAP, ge=0, le=0.5, description="of mean and max: share of a chunk that the one before has too"
    )


@dataclass(frozen=True)
class Chunks:
    """M chunks of N texts in their order: those of text i are rows `offsets[i]` to `offsets[i + 1]`.

    `rows` are their token ids without a frame, `starts` (M,) where each begins in its text, in tokens.
    `shares` (M,) say how much of its text a chunk stands for: they add up to 1 for each text, and every token
    counts once, also where two chunks hold it.
    """

    rows: Ragged
    offsets: IntArray
    starts: IntArray
    shares: NDArray[np.float64]

    @property
    def counts(self) -> IntArray:
        """(N,) chunks of each text."""
        return np.diff(self.offsets)

    @property
    def texts(self) -> IntArray:
        """(M,) the text of each chunk."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.counts)

    @property
    def is_trivial(self) -> bool:
        """Whether every text is one chunk."""
        return int(self.offsets[-1]) == len(self.offsets) - 1


def chunked(rows: Ragged, window: int | None, overlap: float = 0.0) -> Chunks:
    """Cut each of N rows that is longer than `window` tokens into chunks of exactly so many.

    As few of them as share at least `overlap` (of a chunk, below 1) with the one before; they are spread
    evenly, so that none is a short rest that says little. A row that fits, an empty one too, is one chunk as
    it stands. Raises ValueError for a window of no token.

    >>> found = chunked(Ragged.from_lists([[1, 2, 3, 4, 5, 6, 7], [8]]), window=4, overlap=0.25)
    >>> [row.tolist() for row in found.rows], found.starts.tolist(), found.shares.tolist()
    ([[1, 2, 3, 4], [4, 5, 6, 7], [8]], [0, 3, 0], [0.5, 0.5, 1.0])
    """
    if window is not None and window < 1:
        raise ValueError(f"a window of {window} tokens holds no text")
    lengths = rows.lengths.astype(np.int64)
    size = int(lengths.max(initial=1)) if window is None else window
    step = max(size - round(overlap * size), 1)
    beyond = np.maximum(lengths - size, 0)  # of the first chunk
    counts = -(-beyond // step) + 1
    offsets = np.concatenate([[0], np.cumsum(counts)])
    texts = np.repeat(np.arange(len(rows)), counts)
    places = np.arange(offsets[-1]) - offsets[:-1][texts]
    starts = places * beyond[texts] // np.maximum(counts[texts] - 1, 1)
    sizes = np.minimum(lengths[texts], size)
    return Chunks(
        _parts(rows, rows.offsets[:-1][texts] + starts, sizes),
        offsets,
        starts,
        _shares(starts, sizes, texts, np.maximum(lengths, 1)),
    )


def _parts(rows: Ragged, begins: IntArray, sizes: IntArray) -> Ragged:
    """The values from each of `begins` on, as many as `sizes` says."""
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    shift = np.repeat(begins - offsets[:-1], sizes)
    return Ragged(rows.values[np.arange(offsets[-1]) + shift], offsets)


def _shares(starts: IntArray, sizes: IntArray, texts: IntArray, lengths: IntArray) -> NDArray[np.float64]:
    """What two chunks both hold is shared in its middle: each token counts for the chunk it is deeper in."""
    is_next = texts[1:] == texts[:-1]
    borders = (starts[1:] + starts[:-1] + sizes[:-1]) / 2
    begins, ends = np.zeros(len(texts)), lengths[texts].astype(np.float64)
    begins[1:][is_next] = borders[is_next]
    ends[:-1][is_next] = borders[is_next]
    shares: NDArray[np.float64] = (ends - begins) / lengths[texts]
    return shares
