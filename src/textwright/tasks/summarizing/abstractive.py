"""Summaries that a model writes in words of its own: what it reads at once is chosen from a long text first.

Nothing makes such a summary true: names and numbers in it that do not stand in the text are told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from textwright.measure.support import unsupported
from textwright.tasks.rewriting.lengths import has_marks
from textwright.tasks.rewriting.long import rewrite_long
from textwright.tasks.rewriting.model import Rewriter, Rewritten
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.tasks.summarizing.extractive import WRITTEN, Summarizer, Summary

# Sentences of a long text are chosen by how near its beginning and how central they are (docs/log.md);
# so many words are tried first for each token that the model reads, and less each time they are too many.
_CHOSEN_BY, _WORDS_A_TOKEN, _LESS = "early", 0.9, 0.8


@dataclass(frozen=True)
class Abstractive:
    """The model of a folder that `train --task summarize` made, called as a `Summarizer` is.

    >>> Abstractive.load("minutes").summarize("Anna: ... Ben: ...").text  # doctest: +SKIP
    'Ben asks Anna to call the plumber.'
    """

    model: Rewriter
    settings: DecodeSettings
    method: str = WRITTEN

    @classmethod
    def load(cls, path: str | Path, settings: Mapping[str, Any] = MappingProxyType({})) -> Abstractive:
        """The model of a folder, with settings in the place of its own.

        Raises BundleError, MissingExtra; ConfigError for a setting that there is not.
        """
        model = Rewriter.load(path, "summarize")
        return cls(model, model.settings.replaced(dict(settings), where="--set "))

    @property
    def notes(self) -> list[str]:
        """What a person should know of what was asked."""
        if self.settings.length is None or has_marks(self.model.schema):
            return []
        return [
            "the model has not learned what short and long summaries are: its own are only stretched or cut"
        ]

    def summarize(self, text: str, readable: str | None = None) -> Summary:
        """The summary of a text; `readable` is as long, with blanks in the place of what may not be taken."""
        return self.summarize_all([text], None if readable is None else [readable])[0]

    def summarize_all(self, texts: Sequence[str], readable: Sequence[str] | None = None) -> list[Summary]:
        """One summary a text, with what in it the text does not say; of nothing there is none."""
        read = [self._fitting(text) for text in readable or texts]
        found = rewrite_long(self.model, read, self.settings)
        return [self._summary(text, made) for text, made in zip(texts, found, strict=True)]

    def _summary(self, text: str, made: Rewritten) -> Summary:
        claims = tuple(part.text for part in unsupported(text, made.text))
        return Summary(made.text, (), self.method, claims, made.score, made.confidence)

    def _fitting(self, text: str) -> str:
        """The text where it fits into the window, else the sentences of it that tell the most and do."""
        room = self.model.room - 2  # its end, and the mark of a length
        if self._length(text) <= room:
            return text
        words, chosen = room * _WORDS_A_TOKEN, text
        while self._length(chosen) > room and words >= 1:
            limited = replace(self._chooser, room=replace(self._chooser.room, words=int(words)))
            chosen = limited.summarize(text).text
            words *= _LESS
        return chosen

    @cached_property
    def _chooser(self) -> Summarizer:
        return Summarizer.of(_CHOSEN_BY, length=self.model.room)

    def _length(self, text: str) -> int:
        return int(self.model.tokenizer.whole([text]).lengths[0])
