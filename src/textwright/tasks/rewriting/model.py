"""A model that makes one text of another, opened from its folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from textwright.bundle.folder import load_verified
from textwright.bundle.manifest import ENGINE, PAIRS, ROOM, Manifest
from textwright.core.errors import BundleError
from textwright.core.pairframe import PairFrame
from textwright.core.ragged import Ragged
from textwright.models.language.registry import EXTRACTOR
from textwright.tasks.rewriting.confidence import Confidence
from textwright.tasks.rewriting.engines.base import Engine, Told
from textwright.tasks.rewriting.lengths import LengthAsked, length_asked
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.tasks.rewriting.signs import Answer
from textwright.tasks.writing.model import LanguageModel, never_told, pair_frame_of, vocabulary_of
from textwright.text.tokenizers import Tokenizer


@dataclass(frozen=True)
class Rewritten:
    """What was made of a text: the best answer, its score, and the other answers, best first.

    `score` is the mean log-probability of its tokens, to the power that `length_penalty` says; `is_whole` is
    false where it was cut off. `confidence` is the chance that it is at least as close to what a person would
    write as half of the answers to the held-out pairs were; None of a folder that learned none.
    """

    text: str
    score: float
    is_whole: bool
    others: tuple[str, ...] = ()
    confidence: float | None = None


@dataclass
class Rewriter:
    """The model of a folder that `train --task translate` or `summarize` made, or that was exported from one.

    >>> Rewriter.load("en-zh").rewrite(["Good morning."])[0].text  # doctest: +SKIP
    '早上好。'
    """

    engine: Engine
    tokenizer: Tokenizer
    room: int
    task: str
    settings: DecodeSettings
    schema: dict[str, Any]
    confidence: Confidence | None = None

    @classmethod
    def load(cls, path: str | Path, task: str | None = None) -> Rewriter:
        """Open a model folder, its hashes checked, for one task where that is named.

        Raises BundleError; MissingExtra where it needs one.
        """
        folder = Path(path)
        manifest = load_verified(folder)
        if manifest.task not in PAIRS:
            raise BundleError(
                f"{folder}: is a model for {manifest.task}, not for {' or '.join(PAIRS)}",
                hint="Make one: textwright train PAIRS --task translate --out DIR",
            )
        if manifest.architecture == EXTRACTOR:
            raise BundleError(
                f"{folder}: holds an extractor, which picks sentences and writes nothing",
                hint=f"Use it: textwright summarize {folder} FILE",
            )
        if task not in (None, manifest.task):
            raise BundleError(
                f"{folder}: is a model for {manifest.task}, not for {task}",
                hint=f"Use it: textwright {manifest.task} {folder} FILE",
            )
        decode = dict(manifest.decode)
        name, room = decode.pop(ENGINE, "library"), decode.pop(ROOM, None)
        tokenizer = Tokenizer.load(folder)
        engine, length = _engine(name, folder, manifest, tokenizer, room)
        settings = DecodeSettings.parse(decode)
        confidence = Confidence.load(folder)
        return cls(engine, tokenizer, length, manifest.task, settings, manifest.data_schema, confidence)

    def rewrite(self, texts: Sequence[str], settings: DecodeSettings | None = None) -> list[Rewritten]:
        """What is made of each text; of one longer than the window, of its beginning."""
        if not texts:
            return []
        settings = settings or self.settings
        asked = length_asked(settings, self.task, self.schema, self.tokenizer, texts)
        sources = self.sources(texts, asked.mark)
        found = self.engine.decode(sources, asked.settings)
        made = [_ended(self._said(answers), asked) for answers in found]
        if self.confidence is None:
            return made
        told = surely([answers[0] for answers in found], sources, self.engine)
        return self._rated(texts, told, made, is_asked=settings.length is not None)

    def _rated(
        self, texts: Sequence[str], told: list[Told], made: list[Rewritten], *, is_asked: bool
    ) -> list[Rewritten]:
        """The answers with their confidence."""
        assert self.confidence is not None
        chances = self.confidence.of(
            [
                Answer(text, one.text, best.mean, best.lowest, one.is_whole, is_asked)
                for text, one, best in zip(texts, made, told, strict=True)
            ]
        )
        return [replace(one, confidence=float(chance)) for one, chance in zip(made, chances, strict=True)]

    def sources(self, texts: Sequence[str], mark: int | None = None) -> Ragged:
        """The tokens of texts, each with its end, and with a mark before it where there is one."""
        if mark is None:
            return ended(self.tokenizer, texts, self.engine.frame, self.room)
        rows = ended(self.tokenizer, texts, self.engine.frame, self.room - 1)
        return Ragged.from_lists([[mark, *row.tolist()] for row in rows])

    def _said(self, answers: list[Told]) -> Rewritten:
        # Pieces of bytes that make no character are nobody's words.
        texts = [self.tokenizer.decode(told.ids).replace("\ufffd", "").strip() for told in answers]
        return Rewritten(texts[0], answers[0].score, answers[0].is_whole, tuple(texts[1:]))


def _ended(found: Rewritten, asked: LengthAsked) -> Rewritten:
    """An answer that is longer than asked for, or was cut there, up to the end of a whole sentence."""
    text = asked.finished(found.text, is_whole=found.is_whole)
    return found if text is None else replace(found, text=text, is_whole=True)


def surely(told: list[Told], sources: Ragged, engine: Engine) -> list[Told]:
    """Answers with the log-probabilities of their tokens, which an engine is asked for that has not told."""
    if not any(np.isnan(one.mean) for one in told):
        return told
    shares = engine.score(sources, Ragged.from_lists([[*one.ids, engine.frame.end_id] for one in told]))
    return [one.sure(share) for one, share in zip(told, shares, strict=True)]


def ended(tokenizer: Tokenizer, texts: Sequence[str], frame: PairFrame, room: int) -> Ragged:
    """The tokens of texts, each with its end; with what stands around it, `room` at most."""
    end, most = np.array([frame.end_id]), room - 1 - frame.size
    found = (ids[ids != frame.end_id] for ids in tokenizer.whole(list(texts)))
    rows = [np.concatenate([ids[:most], end]) for ids in found]
    return Ragged.from_lists([row.tolist() for row in rows])


def _engine(
    name: str, folder: Path, manifest: Manifest, tokenizer: Tokenizer, room: int | None
) -> tuple[Engine, int]:
    """What runs the folder, and how many tokens it reads at once."""
    if name == "ctranslate2":
        from textwright.tasks.rewriting.engines.ctranslate2 import CTranslate2Engine, vocabulary_in

        never, read = never_told(tokenizer, len(vocabulary_in(folder))), int(room or 0)
        frame = pair_frame_of(manifest.data_schema) or PairFrame.usual(vocabulary_of(tokenizer).end_id)
        return CTranslate2Engine.open(folder, frame, never, read), read
    from textwright.tasks.rewriting.engines.library import LibraryEngine

    model = LanguageModel.load(folder, PAIRS)
    return LibraryEngine.of(model), model.length


def pieces_of(tokenizer: Tokenizer) -> list[str]:
    """The names of the tokens by their ids, as the exported vocabulary has them."""
    import tokenizers

    backend = tokenizers.Tokenizer.from_str(tokenizer.content)
    return [backend.id_to_token(i) or "" for i in range(tokenizer.size)]
