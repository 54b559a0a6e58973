"""Vocabularies of whole words: counting them as the tokenizer will split them, and looking them up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import tokenizers
from numpy.typing import NDArray
from tokenizers import decoders, models, pre_tokenizers, trainers

from textwright.core.errors import ConfigError, TokenizerError
from textwright.text.tokenizers.base import PAD, UNKNOWN, Tokenizer, TokenizerSettings, portions
from textwright.text.tokenizers.pieces import MARK

MAX_SAMPLE_BYTES = 256_000_000
_TEXTS_PER_CALL = 512
_ALL = 2**31
_SMALL_CORPUS_ROWS = 2_000
_POOR_UNKNOWN_SHARE = 0.05


@dataclass(frozen=True)
class Splitter:
    """How text becomes words: the two steps of the Hugging Face library before the vocabulary is asked."""

    normalizer: tokenizers.normalizers.Normalizer | None
    pre_tokenizer: tokenizers.pre_tokenizers.PreTokenizer

    def around(self, model: tokenizers.models.Model) -> tokenizers.Tokenizer:
        backend = tokenizers.Tokenizer(model)
        if self.normalizer is not None:
            backend.normalizer = self.normalizer
        backend.pre_tokenizer = self.pre_tokenizer
        return backend


@dataclass(frozen=True)
class WordCounts:
    """Different words by falling count, then by alphabet, and the place where each appears first."""

    words: list[str]
    counts: NDArray[np.int64]
    first: NDArray[np.int64]


def batches(texts: list[str]) -> Iterator[list[str]]:
    """Lists of texts: the library reads these in parallel, single texts one after the other."""
    return (texts[start:stop] for start, stop in portions(texts, _TEXTS_PER_CALL))


def frequent_words(
    splitter: Splitter, texts: list[str], *, max_words: int = _ALL, min_count: int = 1
) -> list[str]:
    """The most frequent words by falling count, then by alphabet (the library's trainer sorts so)."""
    backend = splitter.around(models.WordLevel())
    trainer = trainers.WordLevelTrainer(vocab_size=max_words, min_frequency=min_count, show_progress=False)
    backend.train_from_iterator(batches(texts), trainer)
    ids = backend.get_vocab()
    return sorted(ids, key=lambda word: ids[word])


def count_words(splitter: Splitter, texts: list[str]) -> WordCounts:
    """Count all words, in two passes of the library so that no word passes through Python.

    Raises TokenizerError when there are none.
    """
    words = frequent_words(splitter, texts)
    if not words:
        raise _no_words()
    backend = splitter.around(models.WordLevel({word: i for i, word in enumerate(words)}))
    counts, first = np.zeros(len(words), np.int64), np.full(len(words), -1, np.int64)
    num_seen = 0
    for batch in batches(texts):
        encodings = backend.encode_batch_fast(batch, add_special_tokens=False)
        ids = np.fromiter(chain.from_iterable(encoding.ids for encoding in encodings), np.int64)
        found, places, times = np.unique(ids, return_index=True, return_counts=True)
        counts[found] += times
        is_new = first[found] < 0
        first[found[is_new]] = num_seen + places[is_new]
        num_seen += len(ids)
    return WordCounts(words, counts, first)


def common_words(splitter: Splitter, texts: list[str], settings: TokenizerSettings) -> list[str]:
    """The words for a vocabulary: seen twice, so that the model learns what [UNK] is like.

    In a corpus so small that this would make many words unknown, words seen once are taken too.
    """
    max_words = room(settings, 1 if settings.drop_unknown else 2)
    words = frequent_words(splitter, texts, max_words=max_words, min_count=2)
    if len(texts) >= _SMALL_CORPUS_ROWS or not _is_poor(splitter, words, texts):
        return words
    return frequent_words(splitter, texts, max_words=max_words)


def _is_poor(splitter: Splitter, words: list[str], texts: list[str]) -> bool:
    # Both lists are ordered alike, so that the words known are the first ones counted.
    counts = count_words(splitter, texts).counts
    return int(counts[len(words) :].sum()) > _POOR_UNKNOWN_SHARE * int(counts.sum())


def room(settings: TokenizerSettings, num_reserved: int) -> int:
    """How many entries of the vocabulary are free. Raises ConfigError when none is."""
    size = settings.vocabulary_size or 0
    if size <= num_reserved:
        raise ConfigError(
            f"a vocabulary of {size:,} is too small for the tokenizer {settings.kind!r}",
            hint=f"Set vocabulary_size above {num_reserved:,}.",
        )
    return size - num_reserved


def lookup_model(words: list[str], *, drop_unknown: bool) -> tokenizers.models.Model:
    """A model that looks whole words up. Raises TokenizerError when there are none.

    WordLevel has no way to leave unknown words out. BPE without merges and without [UNK] has: it takes a word
    as a whole if it knows it, otherwise the characters it knows; so no longer word may hold an entry of one
    character.
    """
    if not words:
        raise _no_words()
    if drop_unknown:
        ids = {word: i for i, word in enumerate([PAD, *words])}
        return models.BPE(vocab=ids, merges=[], ignore_merges=True)
    return models.WordLevel({word: i for i, word in enumerate([PAD, UNKNOWN, *words])}, unk_token=UNKNOWN)


def word_tokenizer(splitter: Splitter, words: list[str], settings: TokenizerSettings) -> Tokenizer:
    """A tokenizer that looks words up, with a mark before each word where unknown ones are dropped."""
    if not settings.drop_unknown:
        return Tokenizer(splitter.around(lookup_model(words, drop_unknown=False)).to_str(), settings)
    mark = pre_tokenizers.Metaspace(replacement=MARK, prepend_scheme="always", split=False)
    marked = Splitter(splitter.normalizer, pre_tokenizers.Sequence([splitter.pre_tokenizer, mark]))
    # The library puts no mark before a word that begins with one: such a word is looked up without its own.
    entries = [MARK + word for word in words if not word.startswith(MARK)]
    backend = marked.around(lookup_model(entries, drop_unknown=True))
    backend.decoder = decoders.Metaspace(replacement=MARK, prepend_scheme="always", split=False)
    return Tokenizer(backend.to_str(), settings)


def _no_words() -> TokenizerError:
    return TokenizerError("the texts hold no words to learn", hint="Check which column holds the text.")
