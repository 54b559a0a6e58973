"""A corpus encoded once and shared by all candidates: code points for `bag`, token ids for each tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from textwright.core.clock import Clock
from textwright.core.ragged import IntArray, Ragged
from textwright.models.bag.fit import LONG_TEXT
from textwright.tasks.base import TASKS, Array, Decode, Task, one_hot
from textwright.text.codes import code_points
from textwright.text.schema import Schema
from textwright.text.targets import Targets
from textwright.text.tokenizers import Encoded, Tokenizer, TokenizerSettings, default_kind, train_tokenizer

Made = TypeVar("Made")

_TEXTS_PER_CHUNK = 2048
# What a network reads of a text: long enough for nearly all, short enough for a laptop.
_MAX_LENGTH, _LENGTH_QUANTILE = 256, 0.995
_VOCABULARY = {"word": 30_000, "char": 8_000, "classic": 10_000}


def encode_codes(texts: list[str]) -> Ragged:
    """Code points of all texts, made in chunks that stay in the processor's cache."""
    chunks = range(0, max(len(texts), 1), _TEXTS_PER_CHUNK)
    return Ragged.concatenate([code_points(texts[i : i + _TEXTS_PER_CHUNK]) for i in chunks])


@dataclass
class Examples:
    """Rows that may be learned from, never the locked ones; encodings are kept for the next candidate.

    `unlabelled` are texts without labels, for what learns from text alone.
    """

    texts: list[str]
    targets: Targets
    schema: Schema
    seed: int
    unlabelled: Sequence[str] = ()
    _codes: Ragged | None = None
    _tokens: dict[str, tuple[Tokenizer, Encoded]] = field(default_factory=dict)
    _encoded: dict[str, Encoded] = field(default_factory=dict)
    _shared: dict[str, Any] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        return TASKS.get(self.schema.task)

    @property
    def decode(self) -> Decode:
        return self.task.scaling(self.targets)

    def fitted(self) -> Array:
        """Targets as a network fits them: see `Task.fitted`; shares where they are soft."""
        return self.task.fitted(self.targets, self.schema, self.decode)

    def shares(self) -> Array:
        """Targets (N, K), 0 to 1: classes as rows with a single one, label sets; or standardised scores."""
        fitted = self.fitted()
        return one_hot(fitted.astype(np.int64), len(self.schema.labels)) if fitted.ndim == 1 else fitted

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def num_characters(self) -> int:
        return sum(map(len, self.texts))

    @property
    def is_long(self) -> bool:
        """Whether they have more characters than character n-grams are counted of without being asked."""
        return self.num_characters > LONG_TEXT * max(len(self.texts), 1)

    def codes(self) -> Ragged:
        if self._codes is None:
            self._codes = encode_codes(self.texts)
        return self._codes

    def shared(self, key: str, make: Callable[[], Made]) -> Made:
        """What candidates of one kind share, made by the first that asks."""
        if key not in self._shared:
            self._shared[key] = make()
        found: Made = self._shared[key]
        return found

    def tokens(self, settings: TokenizerSettings) -> tuple[Tokenizer, Encoded]:
        """A tokenizer trained on these texts, and the texts as its ids."""
        key = settings.model_dump_json()
        if key not in self._tokens:
            tokenizer = train_tokenizer(self.texts, settings)
            self._tokens[key] = (tokenizer, tokenizer.encode(self.texts))
        return self._tokens[key]

    def encoded(self, tokenizer: Tokenizer) -> Encoded:
        """The texts as ids of a tokenizer that was learned elsewhere."""
        if tokenizer.fingerprint not in self._encoded:
            self._encoded[tokenizer.fingerprint] = tokenizer.encode(self.texts)
        return self._encoded[tokenizer.fingerprint]

    def longest(self, tokenizer: Tokenizer, limit: int | None) -> int:
        """What length in tokens of `tokenizer` nearly all texts have, at most `limit`."""
        lengths = tokenizer.encode(self._sample()).rows.lengths
        longest = int(min(np.quantile(lengths, _LENGTH_QUANTILE), _MAX_LENGTH))
        return max(min(longest, limit or longest), 8)

    def tokenizer_settings(self, asked: TokenizerSettings | str) -> tuple[TokenizerSettings, str]:
        """What was asked, or the right default for the scripts of these texts, with the reason."""
        if isinstance(asked, TokenizerSettings):
            return asked, "as asked"
        kind, reason = default_kind(self.schema.scripts)
        size = _VOCABULARY.get(kind)
        lengths = self._sampled_lengths(TokenizerSettings(kind=kind, vocabulary_size=size, lowercase=True))
        longest = int(min(np.quantile(lengths, _LENGTH_QUANTILE), _MAX_LENGTH))
        settings = TokenizerSettings(
            kind=kind, vocabulary_size=size, lowercase=True, max_length=max(longest, 8), truncate="both"
        )
        return (
            settings,
            f"{kind}: {reason}; the longest 0.5 % of the texts are cut to {max(longest, 8)} tokens at most",
        )

    def _sample(self) -> list[str]:
        return self.texts[:: max(len(self.texts) // 2000, 1)]

    def _sampled_lengths(self, settings: TokenizerSettings) -> IntArray:
        sample = self._sample()
        return train_tokenizer(sample, settings).encode(sample).rows.lengths


@dataclass(frozen=True)
class Job:
    """One candidate to fit: which architecture, on what, until when; the clock is of what comes next."""

    model: str
    examples: Examples
    clock: Clock
    threads: int
