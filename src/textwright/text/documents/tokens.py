"""Documents to tokens on disk: what comes again left out, a part held out to judge on, a tokenizer learned.

The files are read twice, as neither their texts nor their tokens have to fit into memory: first to see what
comes again and to learn the tokenizer, then to write the tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textwright.core.errors import DataError
from textwright.core.seeds import generator
from textwright.text.documents.reading import Document, Documents
from textwright.text.documents.repeats import Repeats, Survey
from textwright.text.documents.shards import Shards, ShardWriter
from textwright.text.rowlog import RowLog
from textwright.text.tokenizers import Tokenizer, TokenizerSettings, train_tokenizer

# What is held out: a share of the documents, no more than it takes to judge well, and so much of the text.
_SHARE, _ENOUGH_BYTES, _LEAST_SHARE = 0.05, 2_000_000, 0.02
# With less text there is nothing to learn a language from.
LEAST_BYTES = 2_000
_TEXTS_PER_CALL, _BYTES_PER_CALL = 256, 8_000_000


@dataclass
class Part:
    """The tokens of one part as they are written; before each document stands the token that ends one."""

    writer: ShardWriter
    tokenizer: Tokenizer
    end_id: int
    num_bytes: int = 0
    num_documents: int = 0
    num_stretches: int = 0
    _held: list[tuple[str, bool]] = field(default_factory=list)
    _held_bytes: int = 0
    _last: int = -2

    def add(self, text: str, number: int, document: Document) -> None:
        """What is left of a document; `number` counts those of all parts: one that goes on from another part
        begins here.
        """
        begins = not (document.goes_on and self._last == number - 1)
        self.num_stretches += document.is_stretch
        self._held.append((text, begins))
        self._last = number
        self.num_documents += begins
        size = len(text.encode("utf-8"))
        self.num_bytes += size
        self._held_bytes += size
        if len(self._held) >= _TEXTS_PER_CALL or self._held_bytes >= _BYTES_PER_CALL:
            self._settle()

    def close(self, about: dict[str, Any]) -> Shards:
        self._settle()
        counted = {
            "bytes": self.num_bytes,
            "documents": self.num_documents,
            "stretches": self.num_stretches,
        }
        return self.writer.close({**about, **counted})

    def _settle(self) -> None:
        if not self._held:
            return
        rows, end = self.tokenizer.whole([text for text, _ in self._held]), np.array([self.end_id])
        begins = [begins for _, begins in self._held]
        self.writer.add(
            np.concatenate([part for ids, new in zip(rows, begins, strict=True) for part in (end[:new], ids)])
        )
        self._held, self._held_bytes = [], 0


@dataclass(frozen=True)
class TokenCorpus:
    """Tokens to learn from and to judge on, and the tokenizer that made them.

    `log` counts the texts and lines that were left out; `about` of both parts has `bytes`, `documents`, and
    how many `stretches` of plain files they are made of.
    """

    train: Shards
    validation: Shards
    tokenizer: Tokenizer
    log: RowLog


def build_tokens(
    documents: Documents,
    folder: Path,
    settings: TokenizerSettings | Tokenizer,
    *,
    finished: Callable[[Tokenizer], Tokenizer] = lambda tokenizer: tokenizer,
    end: str,
    seed: int = 0,
) -> TokenCorpus:
    """Write the tokens of all documents to `folder/train` and `folder/validation`.

    Where no tokenizer is given one is learned; `finished` adds the special tokens of an objective to it.
    `end` is the one of them that stands before each document. Raises DataError for too little text.
    """
    survey, draw = Survey(), HeldOut.drawing(documents, seed)

    def learned_from() -> Iterator[str]:
        for document in documents.read(RowLog()):
            survey.add(document)
            if not draw.add(document):
                yield document.text

    tokenizer = finished(_tokenizer(learned_from(), settings))
    is_held_out = draw.found()
    end_id = tokenizer.vocabulary[end]
    train, held_out = (
        Part(ShardWriter(folder / name, tokenizer.size), tokenizer, end_id)
        for name in ("train", "validation")
    )
    log = RowLog()
    for number, document, text in _left(documents, survey.found(), log):
        part = held_out if is_held_out[number] else train
        part.add(text, number, document)
    about = {"tokenizer": tokenizer.fingerprint, "seed": seed}
    return TokenCorpus(train.close(about), held_out.close(about), tokenizer, log)


@dataclass
class HeldOut:
    """Which documents are held out: by a number drawn for each, so that it is known while they stream by."""

    share: float
    rng: np.random.Generator
    _draws: list[float] = field(default_factory=list)
    _sizes: list[int] = field(default_factory=list)

    @classmethod
    def drawing(cls, documents: Documents, seed: int) -> HeldOut:
        size = sum(path.stat().st_size for path in documents.files if path.exists())
        return cls(min(_SHARE, _ENOUGH_BYTES / max(size, 1)), generator(seed, "documents", "held out"))

    def add(self, document: Document) -> bool:
        """Whether the next document is held out, as far as one knows before the last of them."""
        self._draws.append(self.rng.random())
        self._sizes.append(len(document.text.encode("utf-8")))
        return self._draws[-1] < self.share

    def found(self) -> NDArray[np.bool_]:
        """All of them. Where luck left less than a fiftieth of the text, more are taken, by their draws.

        The tokenizer has seen these. Raises DataError where there is too little text, or but one document.
        """
        draws, sizes = np.array(self._draws), np.array(self._sizes)
        if sizes.sum() < LEAST_BYTES or len(sizes) < 2:
            raise _too_little(int(sizes.sum()))
        order = np.argsort(draws, kind="stable")
        before = np.cumsum(sizes[order]) - sizes[order]
        least = _LEAST_SHARE * min(sizes.sum(), _ENOUGH_BYTES / _SHARE)
        out = draws < self.share
        out[order[(before < least) & (np.arange(len(order)) < len(order) - 1)]] = True
        return out


def _left(documents: Documents, repeats: Repeats, log: RowLog) -> Iterator[tuple[int, Document, str]]:
    for number, document in enumerate(documents.read(log)):
        text = repeats.left(document, log)
        if text:
            yield number, document, text


def _tokenizer(texts: Iterator[str], settings: TokenizerSettings | Tokenizer) -> Tokenizer:
    """Given, or learned from the first pass, of which the rest is made where learning needs no more of it."""
    tokenizer = settings if isinstance(settings, Tokenizer) else train_tokenizer(texts, settings)
    for _ in texts:
        pass
    return tokenizer


def _too_little(size: int) -> DataError:
    return DataError(
        f"{size:,} bytes of text are too little to learn a language from",
        hint=f"Give at least {LEAST_BYTES:,}; a million bytes make a small model that writes words.",
    )
