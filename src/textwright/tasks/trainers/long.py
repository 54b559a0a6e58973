"""How an engine reads texts that are longer than its window: cut, or in chunks whose outputs are pooled.

Shapes: N texts, M chunks, K outputs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from textwright.core.ragged import IntArray, Ragged
from textwright.core.settings import Settings
from textwright.tasks.base import Array, FloatArray
from textwright.text.chunks import OVERLAP, Chunks, Reading, chunked
from textwright.text.tokenizers.base import Keep, Tokenizer, truncated


class Long(Settings):
    """What an engine does, kept in the model folder.

    `cut` keeps what the tokenizer's settings say. `mean` is the mean of the outputs of all chunks, each
    token counting once; `first_last` that of the first and the last chunk, without overlap. `max` is the
    greatest over the chunks: of the log-odds of each label where a text may have several, and of the
    log-probability of each class where classes exclude each other (`competes`), as the level of the outputs
    of a softmax differs from chunk to chunk and means nothing.
    """

    name: Reading = "cut"
    overlap: float = OVERLAP
    competes: bool = False

    @property
    def is_chunked(self) -> bool:
        return self.name != "cut"

    def limit(self, tokenizer: Tokenizer) -> tuple[int | None, Keep]:
        """How many tokens of a text are read in all (None: each), and which."""
        window = tokenizer.window
        if self.name == "cut" or not window:
            return window, tokenizer.settings.truncate or "head"
        return (2 * window if self.name == "first_last" else None), "both"

    def chunks(self, rows: Ragged, tokenizer: Tokenizer) -> Chunks:
        """The chunks of N whole texts, as ids without a frame; one a text where texts are cut."""
        read = truncated(rows, *self.limit(tokenizer))
        if self.name == "cut" or not tokenizer.window:
            return chunked(read, None)
        return chunked(read, tokenizer.window, 0.0 if self.name == "first_last" else self.overlap)

    def pooled(self, outputs: Array, chunks: Chunks) -> Array:
        """(N, K) outputs of texts from those (M, K) of their chunks; a text of one chunk keeps that one's."""
        if chunks.is_trivial:
            return outputs
        firsts = chunks.offsets[:-1]
        if self.name != "max":
            weighed = outputs * chunks.shares[:, None]
            return np.add.reduceat(weighed, firsts, axis=0).astype(outputs.dtype)
        found = outputs[firsts]
        many = chunks.counts > 1
        found[many] = _collapsed(np.maximum.reduceat(self._voices(outputs), firsts, axis=0), outputs)[many]
        return found

    def slopes(self, outputs: Array, chunks: Chunks, slope: FloatArray) -> FloatArray:
        """(M, K) how a number of each text changes with the outputs of its chunks.

        `slope` (N, K) is how it changes with the pooled outputs.
        """
        of_text: FloatArray = slope[chunks.texts]
        if self.name != "max":
            return of_text * chunks.shares[:, None]
        voices = self._voices(outputs)
        is_top = _is_first_top(voices, chunks)
        single = (chunks.counts == 1)[chunks.texts]
        if not self.competes:
            return np.where(single[:, None], of_text, of_text * is_top)
        if outputs.shape[1] == 1:  # the output is the second log-probability minus the first
            of_text = np.concatenate([-of_text, of_text], axis=1)
        heard = of_text * is_top
        turned = heard - np.exp(voices) * heard.sum(axis=1, keepdims=True)
        if outputs.shape[1] == 1:
            turned = turned[:, 1:]
        return np.where(single[:, None], slope[chunks.texts], turned)

    def votes(self, outputs: Array, chunks: Chunks, columns: IntArray, factors: FloatArray) -> FloatArray:
        """(M,) how much each chunk counts for one output a text (N,), turned by its factor (N,); they add
        up to 1 for each text.
        """
        if self.name != "max":
            return chunks.shares
        voices = self._voices(outputs)
        if self.competes and outputs.shape[1] == 1:
            columns = (factors > 0).astype(np.int64)
        is_top = _is_first_top(voices, chunks)
        votes: FloatArray = is_top[np.arange(len(voices)), columns[chunks.texts]].astype(np.float64)
        return votes

    def _voices(self, outputs: Array) -> FloatArray:
        """What is compared between chunks: log-odds (M, K), or log-probabilities of all classes."""
        rows = outputs.astype(np.float64)
        if not self.competes:
            return rows
        if rows.shape[1] == 1:
            rows = np.concatenate([np.zeros_like(rows), rows], axis=1)
        top = rows.max(axis=1, keepdims=True)
        out: FloatArray = rows - top - np.log(np.exp(rows - top).sum(axis=1, keepdims=True))
        return out


CUT = Long()


def _collapsed(voices: FloatArray, outputs: Array) -> Array:
    """In the form of outputs: two classes are one."""
    if voices.shape[1] != outputs.shape[1]:
        voices = voices[:, 1:] - voices[:, :1]
    return voices.astype(outputs.dtype)


def _is_first_top(voices: FloatArray, chunks: Chunks) -> NDArray[np.bool_]:
    """(M, K) whether a chunk has the greatest value of its text; of equals the first."""
    top = np.maximum.reduceat(voices, chunks.offsets[:-1], axis=0)[chunks.texts]
    is_top = voices == top
    before = np.cumsum(is_top, axis=0) - is_top
    found: NDArray[np.bool_] = is_top & (before == before[chunks.offsets[:-1]][chunks.texts])
    return found
