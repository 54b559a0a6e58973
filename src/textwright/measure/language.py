"""How well a language is known: bits per byte, by which any two models compare, and perplexity per token.

A model that tells a text well needs few bits for it (Shannon 1951). Counted by the byte it does not matter
into which tokens the text was cut; perplexity is by the token, and compares models of one tokenizer only.

Shapes: N parts of the text.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from textwright.core.errors import DataError
from textwright.core.records import Score
from textwright.core.seeds import generator
from textwright.measure.base import Array
from textwright.measure.bootstrap import GroupedSums, make_score


class LanguageMeter:
    """Takes in the parts of a text: what they cost, in nats, how many tokens were told and how many bytes.

    A part is a document, or a window of one: what varies in a bootstrap is which parts there are.

    >>> meter = LanguageMeter()
    >>> meter.update([2 * math.log(2), 6 * math.log(2)], [2, 2], [4, 4])
    >>> scores = meter.scores()
    >>> round(scores["bits_per_byte"].value, 6), round(scores["perplexity"].value, 6), meter.num_bytes
    (1.0, 4.0, 8)
    """

    def __init__(self) -> None:
        self._sums = GroupedSums(3)

    def update(self, nats: Array | list[float], tokens: Array | list[int], sizes: Array | list[int]) -> None:
        """The cost (N,), the tokens (N,) and the bytes (N,) of each part."""
        self._sums.add(np.column_stack([np.asarray(nats, np.float64), tokens, sizes]))

    @property
    def num_bytes(self) -> int:
        return int(self._sums.total()[3])

    def scores(self, *, seed: int = 0, replicates: int = 1000) -> dict[str, Score]:
        """Both with 95 % intervals over parts; `n` counts these. Raises DataError where no byte was told."""
        _, nats, tokens, size = self._sums.total()
        if not size or not tokens:
            raise DataError("there is no text to measure on", hint="Give a file with text.")
        drawn = self._sums.resampled(replicates, generator(seed, "measure", "language"))[:, 1:]
        n = self._sums.num_rows
        by_byte = drawn[:, 0] / np.maximum(drawn[:, 2], 1) / math.log(2)
        by_token = np.exp(drawn[:, 0] / np.maximum(drawn[:, 1], 1))
        return {
            "bits_per_byte": make_score(float(nats / size / math.log(2)), by_byte, n, "lower"),
            "perplexity": make_score(float(np.exp(nats / tokens)), by_token, n, "lower"),
        }

    def details(self, *, seed: int = 0) -> dict[str, Any]:
        _, nats, tokens, size = self._sums.total()
        return {"bytes": int(size), "tokens": int(tokens), "bits": float(nats / math.log(2))}
