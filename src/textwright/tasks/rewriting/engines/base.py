"""What every engine does, whatever runs it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from textwright.core.pairframe import PairFrame
from textwright.core.ragged import Ragged
from textwright.tasks.rewriting.settings import DecodeSettings

# An answer is no longer than this for each token of its source, and these more.
TIMES, MORE = 3, 20


@dataclass(frozen=True)
class Told:
    """An answer, without its end: its tokens, the mean of their log-probabilities that it was chosen by, and
    whether it came to its end. `mean` and `lowest` are of the log-probabilities of its tokens, whatever it
    was chosen by, and not a number where the engine does not tell them.
    """

    ids: list[int]
    score: float
    is_whole: bool
    mean: float = float("nan")
    lowest: float = float("nan")

    def sure(self, shares: NDArray[np.float64]) -> Told:
        """With the log-probabilities of its tokens and of its end, which one that was cut has not told."""
        known = shares if self.is_whole else shares[:-1]
        mean, lowest = (float(known.mean()), float(known.min())) if len(known) else (0.0, 0.0)
        return replace(self, mean=mean, lowest=lowest)


class Engine(Protocol):
    """Sources (N,) are tokens with their end; answers have none. `frame` is what stands around them."""

    @property
    def frame(self) -> PairFrame: ...

    def decode(self, sources: Ragged, settings: DecodeSettings) -> list[list[Told]]:
        """The answers of each source, best first, `settings.answers` of them."""
        ...

    def score(self, sources: Ragged, targets: Ragged) -> list[NDArray[np.float64]]:
        """The log-probability of each token of each target, its end too, from the true ones before it."""
        ...


def most_tokens(settings: DecodeSettings, length: int, room: int) -> int:
    """Tokens of an answer at most, of a source of so many, the ends left out.

    >>> most_tokens(DecodeSettings(), 5, 500), most_tokens(DecodeSettings(max_tokens=9), 5, 500)
    (35, 9)
    """
    return min(settings.max_tokens or room, TIMES * length + MORE, room - 1)


def told_of(ids: list[int], score: float, end_id: int, most: int) -> Told:
    """The answer in what an engine gave; of several texts at once it may be longer than its own source lets
    it be.
    """
    is_whole = end_id in ids
    ids = ids[: ids.index(end_id)] if is_whole else ids
    return Told(ids[:most], score, is_whole and len(ids) <= most)
