"""A model that makes one text of another, opened from its folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from textwright.bundle.folder import load_verified
from textwright.bundle.manifest import ENGINE, PAIRS, ROOM, Manifest
from textwright.core.errors import BundleError
from textwright.core.pairframe import PairFrame
from textwright.core.ragged import Ragged
from textwright.models.language.registry import EXTRACTOR
from textwright.tasks.rewriting.engines.base import Engine, Told
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.tasks.writing.model import LanguageModel, never_told, pair_frame_of, vocabulary_of
from textwright.text.tokenizers import Tokenizer


@dataclass(frozen=True)
class Rewritten:
    """What was made of a text: the best answer, its score, and the other answers, best first.

    `score` is the mean log-probability of its tokens, to the power that `length_penalty` says; `is_whole` is
    false where it was cut off.
    """

    text: str
    score: float
    is_whole: bool
    others: tuple[str, ...] = ()


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

    @classmethod
    def load(cls, path: str | Path) -> Rewriter:
        """Open a model folder, its hashes checked. Raises BundleError; MissingExtra where it needs one."""
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
        decode = dict(manifest.decode)
        name, room = decode.pop(ENGINE, "library"), decode.pop(ROOM, None)
        tokenizer = Tokenizer.load(folder)
        engine, length = _engine(name, folder, manifest, tokenizer, room)
        settings = DecodeSettings.parse(decode)
        return cls(engine, tokenizer, length, manifest.task, settings, manifest.data_schema)

    def rewrite(self, texts: Sequence[str], settings: DecodeSettings | None = None) -> list[Rewritten]:
        """What is made of each text; of one longer than the window, of its beginning."""
        if not texts:
            return []
        found = self.engine.decode(self.sources(texts), settings or self.settings)
        return [self._said(answers) for answers in found]

    def sources(self, texts: Sequence[str]) -> Ragged:
        """The tokens of texts, each with its end."""
        return ended(self.tokenizer, texts, self.engine.frame, self.room)

    def _said(self, answers: list[Told]) -> Rewritten:
        # Pieces of bytes that make no character are nobody's words.
        texts = [self.tokenizer.decode(told.ids).replace("\ufffd", "").strip() for told in answers]
        return Rewritten(texts[0], answers[0].score, answers[0].is_whole, tuple(texts[1:]))


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
        from textwright.tasks.rewriting.engines.ctranslate2 import CTranslate2Engine

        never, read = never_told(tokenizer, tokenizer.size), int(room or 0)
        frame = pair_frame_of(manifest.data_schema) or PairFrame.usual(vocabulary_of(tokenizer).end_id)
        return CTranslate2Engine.open(folder, pieces_of(tokenizer), frame, never, read), read
    from textwright.tasks.rewriting.engines.library import LibraryEngine

    model = LanguageModel.load(folder, PAIRS)
    return LibraryEngine.of(model), model.length


def pieces_of(tokenizer: Tokenizer) -> list[str]:
    """The names of the tokens by their ids, as the exported vocabulary has them."""
    import tokenizers

    backend = tokenizers.Tokenizer.from_str(tokenizer.content)
    return [backend.id_to_token(i) or "" for i in range(tokenizer.size)]
