"""What any summary is measured against: the first sentences, the longest, and the most central ones.

Each is as long as did best on pairs that were learned from: else a difference may be one of length alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from textwright.core.ragged import Ragged
from textwright.core.seeds import generator
from textwright.models.extract.features import Sentences, lowered
from textwright.models.extract.model import best_room
from textwright.models.extract.scorers import SCORERS
from textwright.models.extract.selection import Room
from textwright.tasks.summarizing.extractive import Summarizer
from textwright.text.sentences import sentences

BASELINES = ("lead", "longest", "textrank")
# Pairs that a length is chosen on: of more it is the same.
_MOST_PAIRS = 400


@dataclass(frozen=True)
class Baseline:
    """A method that learned nothing but how long its summaries are."""

    method: str
    room: Room

    @property
    def summarizer(self) -> Summarizer:
        """What makes its summaries."""
        return Summarizer.of(self.method, sentences=self.room.sentences, length=self.room.words)

    def to_json(self) -> dict[str, Any]:
        return {"method": self.method, **asdict(self.room)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Baseline:
        return cls(str(record["method"]), Room(record["sentences"], record["words"]))


def baselines_of(
    texts: Sequence[str], summaries: Sequence[str], methods: Sequence[str] = BASELINES, seed: int = 0
) -> list[Baseline]:
    """Each method with the length that agrees best with these summaries, or with 400 of them.

    Raises ConfigError for a method that there is not.

    >>> baselines_of(["It rained. It was cold."] * 3, ["It rained."] * 3, ["lead"])
    [Baseline(method='lead', room=Room(sentences=1, words=None))]
    """
    chosen = range(len(texts))
    if len(texts) > _MOST_PAIRS:
        drawn = generator(seed, "extract", "baselines").permutation(len(texts))[:_MOST_PAIRS]
        chosen = sorted(drawn.tolist())  # type: ignore[assignment]
    of_all = cut([texts[i] for i in chosen])
    references = Sentences.of_texts([[summaries[i]] for i in chosen]).codes
    words, wanted = of_all.numbered(Ragged(lowered(references.values), references.offsets))
    found = []
    for method in methods:
        scores = np.asarray(SCORERS.get(method)(of_all.words, seed), np.float64)
        room, _ = best_room(words, scores, wanted, [Summarizer.of(method).max_shared])
        found.append(Baseline(method, room))
    return found


def cut(texts: Sequence[str]) -> Sentences:
    """The sentences of texts."""
    return Sentences.of_texts([[text[span.start : span.end] for span in sentences(text)] for text in texts])
