"""Summaries of the sentences of a text: ranked by a method or by what was learned, told in their order.

Nothing is written that the text does not say, and what is taken is told where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textwright.core.errors import ConfigError
from textwright.models.extract.features import Sentences
from textwright.models.extract.model import Extractor
from textwright.models.extract.scorers import SCORERS
from textwright.models.extract.selection import Room, choose
from textwright.text.script import CJK_PATTERN
from textwright.text.sentences import Span, sentences

DEFAULT_METHOD, DEFAULT_SENTENCES = "textrank", 3
# What ranks sentences that was learned, and what made summaries of no sentences of the text.
LEARNED, WRITTEN = "learned", "written"
LENGTHS: Mapping[str, int] = MappingProxyType({"short": 30, "medium": 80, "long": 200})
"""Words of a summary. A Chinese text says the same in 1.6 times as many characters, and gets so many."""
_CHARACTERS_A_WORD = 1.6
# Methods that look for what is central find it more than once; the others are baselines, and stay plain.
_SHARED: Mapping[str, float] = MappingProxyType({"textrank": 0.3, "bm25": 0.3, "early": 0.3, "centroid": 0.3})
# A line break inside a sentence, of a document that was wrapped.
_WRAPPED = re.compile(r"\s*[\r\n]\s*")
_CJK = re.compile(f"[{CJK_PATTERN}，。！？：；、（）《》“”]")


@dataclass(frozen=True)
class Summary:
    """Sentences of a text in their order, where each stands in it, and what chose them.

    Of what a model wrote itself there are no places; `unsupported` are names and numbers in it that the text
    does not say, `score` and `confidence` those of `Rewritten`.
    """

    text: str
    spans: tuple[Span, ...]
    method: str
    unsupported: tuple[str, ...] = ()
    score: float | None = None
    confidence: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "spans": [[span.start, span.end] for span in self.spans],
            "method": self.method,
            "unsupported": [*self.unsupported],
        }


@dataclass(frozen=True)
class Summarizer:
    """How texts are summarized: what ranks their sentences, how long summaries are, what they may repeat.

    `room` is that of texts with blanks between words; `named` says that it is one of `LENGTHS`.
    """

    method: str
    scores: Callable[[Sentences], NDArray[np.float64]]
    room: Room
    max_shared: float = 1.0
    named: bool = False
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        method: str | Extractor = DEFAULT_METHOD,
        *,
        sentences: int | None = None,
        length: str | int | None = None,
        seed: int = 0,
    ) -> Summarizer:
        """The summarizer of a method by name, or of a learned extractor, which has a room of its own.

        Raises ConfigError for a method or a length that there is not.
        """
        own = method.room if isinstance(method, Extractor) else Room(DEFAULT_SENTENCES)
        room, named = room_of(sentences, length, own), length in LENGTHS
        if isinstance(method, Extractor):
            return cls(LEARNED, method.scores, room, method.max_shared, named)
        scorer = SCORERS.get(method)
        return cls(method, lambda found: scorer(found.words, seed), room, _SHARED.get(method, 1.0), named)

    def summarize(self, text: str, readable: str | None = None) -> Summary:
        """The summary of a text; `readable` is as long, with blanks in the place of what may not be taken."""
        return self.summarize_all([text], None if readable is None else [readable])[0]

    def summarize_all(self, texts: Sequence[str], readable: Sequence[str] | None = None) -> list[Summary]:
        """One summary a text. A text that is no longer than its summary would be comes back as it is."""
        spans = [sentences(text) for text in readable or texts]
        cut = [[text[s.start : s.end] for s in found] for text, found in zip(texts, spans, strict=True)]
        of_all = Sentences.of_texts(cut)
        scores, words = self.scores(of_all), of_all.words
        summaries = []
        for number, (text, found) in enumerate(zip(texts, spans, strict=True)):
            first, last = words.offsets[number : number + 2].tolist()
            rows = [words.ids[row] for row in range(first, last)]
            room = self.room_for(text)
            if _fits(rows, room):
                summaries.append(Summary(text, tuple(found), self.method))
                continue
            chosen = [found[row] for row in choose(scores[first:last], rows, room, self.max_shared).tolist()]
            summaries.append(Summary(joined(text, chosen), tuple(chosen), self.method))
        return summaries

    def room_for(self, text: str) -> Room:
        """A length by name is of more characters than words, as far as the text is of characters."""
        if not self.named or self.room.words is None:
            return self.room
        share = _ideographic_share(text)
        return Room(self.room.sentences, round(self.room.words * (1 + (_CHARACTERS_A_WORD - 1) * share)))


def summarize_text(
    text: str,
    *,
    method: str | Extractor = DEFAULT_METHOD,
    sentences: int | None = None,
    length: str | int | None = None,
    seed: int = 0,
) -> Summary:
    """The sentences of a text that tell the most of it, in their order; 3 of them where nothing is said.

    `length` is `short`, `medium` or `long` (30, 80 or 200 words at most), or a number of words; of Chinese a
    number of characters. Sentences are never cut: where none fits, it is the shortest. Methods are those of
    `SCORERS`, or an extractor that has learned. Raises ConfigError.

    >>> text = "The mill burned. Rain fell on the mill. Nobody was in the mill when it burned. It was late."
    >>> summary = summarize_text(text, sentences=1)
    >>> summary.text, summary.spans
    ('Nobody was in the mill when it burned.', (Span(start=40, end=78),))
    >>> summarize_text("桥修好了。桥上又有了行人和车。天晴了。", length=12).text
    '桥修好了。天晴了。'
    """
    return Summarizer.of(method, sentences=sentences, length=length, seed=seed).summarize(text)


def room_of(sentences: int | None, length: str | int | None, default: Room) -> Room:
    """The room that was asked for. Raises ConfigError.

    >>> room_of(None, "short", Room(3)), room_of(2, 50, Room(3)), room_of(None, None, Room(3))
    (Room(sentences=None, words=30), Room(sentences=2, words=50), Room(sentences=3, words=None))
    """
    if sentences is not None and sentences < 1:
        raise ConfigError(f"a summary of {sentences} sentences says nothing", hint="Ask for one at least.")
    if sentences is None and length is None:
        return default
    return Room(sentences, None if length is None else _words(length))


def _words(length: str | int) -> int:
    words = LENGTHS.get(str(length))
    if words is None and str(length).isdecimal():
        words = int(length)
    if not words:
        raise ConfigError(
            f"a summary cannot be {length!r} long",
            hint=f"Known: {', '.join(LENGTHS)}, or a number of words (of Chinese: characters).",
        )
    return words


def _fits(rows: Sequence[NDArray[Any]], room: Room) -> bool:
    """Whether all of a text has room."""
    enough = room.sentences is None or sum(len(row) > 0 for row in rows) <= room.sentences
    return enough and (room.words is None or sum(map(len, rows)) <= room.words)


def joined(text: str, spans: Sequence[Span]) -> str:
    """The text of spans one after the other, parted as each is parted from what stands before it.

    So a summary is never longer than its text: between Chinese sentences there is nothing.

    >>> joined("一。二。 三。", [Span(0, 2), Span(2, 4), Span(5, 7)])
    '一。二。 三。'
    """
    parts: list[str] = []
    for span in spans:
        said = text[span.start : span.end]
        parts += [_gap(text, span.start) if parts else "", _WRAPPED.sub(_unwrapped, said)]
    return "".join(parts)


def _unwrapped(found: re.Match[str]) -> str:
    """A blank in the place of a line break; nothing between Chinese characters."""
    before, after = (
        found.string[found.start() - 1 : found.start()],
        found.string[found.end() : found.end() + 1],
    )
    return "" if _CJK.match(before) and _CJK.match(after) else " "


def _gap(text: str, start: int) -> str:
    """The white space before a place: of several characters the line break, or one of them."""
    first = start
    while first and text[first - 1].isspace():
        first -= 1
    gap = text[first:start]
    return "\n" if "\n" in gap or "\r" in gap else gap[:1]


def _ideographic_share(text: str) -> float:
    words = Sentences.of_texts([[text]])
    count = int(words.words.lengths.sum())
    codes = words.codes.values
    return float(((codes >= 0x3040) & (codes <= 0x9FFF)).sum()) / max(count, 1)
