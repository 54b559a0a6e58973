"""Byte-level BPE: pieces of words made of bytes; nothing is unknown and every text comes back exactly.

Follows GPT-2's byte alphabet, with words split much as GPT-4 does, at most two digits together (nanochat),
and Han and kana apart from letters, so that no piece mixes them. Where a text is written in these, pieces are
made of characters: each that is not rare is one before any two are, and only rare ones are left in bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from itertools import chain

import numpy as np
import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers

from textwright.text.script import CJK_PATTERN, script_shares
from textwright.text.tokenizers.base import PAD, Tokenizer, TokenizerSettings
from textwright.text.tokenizers.pieces import byte_level
from textwright.text.tokenizers.sample import draw_sample
from textwright.text.tokenizers.words import Splitter, batches, room

_MAX_SAMPLE_BYTES = 64_000_000
# Between two marks Han and kana are one long word that hardly comes again, and is learned from at a price.
MANY_RUNS, _MAX_RUNS_BYTES = 0.3, 12_000_000
_MAX_PIECE_BYTES = 24  # eight Han characters
_LETTER = rf"[^\p{{P}}\p{{S}}\p{{Z}}\p{{C}}\p{{N}}{CJK_PATTERN}]"
_PATTERN = (
    rf"['’]{_LETTER}+| ?{_LETTER}+|[{CJK_PATTERN}]+| ?\p{{N}}{{1,2}}"
    r"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())
# The characters that are pieces: those that cover this share of the text; with what they begin with they take
# no more of the room than this.
_COVERAGE, _MOST_CHARACTERS = 0.995, 0.75
_SIZES = ((1_000_000, 2_048), (10_000_000, 4_096), (100_000_000, 8_192))


def usual_size(num_bytes: int) -> int:
    """The usual number of pieces for a corpus of so many bytes.

    >>> usual_size(500_000), usual_size(26_000_000)
    (2048, 8192)
    """
    return next((size for limit, size in _SIZES if num_bytes <= limit), 16_384)


def train(texts: Iterable[str], settings: TokenizerSettings) -> Tokenizer:
    """Learn the pieces of a corpus; how many goes by its size unless told otherwise."""
    sample = draw_sample(texts, _MAX_SAMPLE_BYTES)
    settings = settings.filled(vocabulary_size=usual_size(sample.num_bytes)).replaced({"drop_unknown": False})
    shares = script_shares(sample.texts)
    if shares.get("han", 0.0) + shares.get("kana", 0.0) < MANY_RUNS:
        return byte_pieces(sample.texts, settings, _PATTERN, _MAX_PIECE_BYTES)
    return train_characters(sample.texts, settings)


def train_characters(texts: Iterable[str], settings: TokenizerSettings) -> Tokenizer:
    """Pieces that are made of characters, for texts of which a part is written in Han or kana."""
    sample = draw_sample(texts, _MAX_RUNS_BYTES)
    settings = settings.filled(vocabulary_size=usual_size(sample.num_bytes)).replaced({"drop_unknown": False})
    less = sample.texts
    return _whole_characters([text.lower() for text in less] if settings.lowercase else less, settings)


def _whole_characters(texts: list[str], settings: TokenizerSettings) -> Tokenizer:
    """Pieces made of characters; what a rare character has in common with others is one piece, then bytes."""
    counts, free = Counter(chain.from_iterable(texts)), room(settings, 1 + len(_ALPHABET))
    kept: list[str] = []
    merges: dict[tuple[str, str], None] = {}
    for character in _common_characters(counts):
        spelled = byte_level(character)
        steps = [(spelled[:end], spelled[end]) for end in range(1, len(spelled))]
        new = [step for step in steps if step not in merges]
        if len(merges) + len(new) > _MOST_CHARACTERS * free:
            break
        kept.append(character)
        merges.update(dict.fromkeys(new))
    alphabet = [*filter(str.isascii, counts), *kept]
    for one, other in _merges_of_characters(texts, alphabet, free - len(merges)):
        merges.setdefault((byte_level(one), byte_level(other)))
    pieces = dict.fromkeys([PAD, *_ALPHABET, *(one + other for one, other in merges)])
    model = models.BPE({piece: i for i, piece in enumerate(pieces)}, [*merges])
    return _finished(_splitter(settings, _PATTERN).around(model), settings)


def _common_characters(counts: Counter[str]) -> list[str]:
    """Those of several bytes that cover nearly all of what is written with such, by falling count; none that
    is seen but once, of which a model learns next to nothing.
    """
    ordered = sorted((c for c in counts if not c.isascii()), key=lambda c: (-counts[c], c))
    covered = np.cumsum([counts[c] for c in ordered])
    enough = int(np.searchsorted(covered, _COVERAGE * covered[-1])) + 1
    return [c for c in ordered[:enough] if counts[c] > 1]


def _merges_of_characters(texts: list[str], alphabet: list[str], most: int) -> list[tuple[str, str]]:
    """Which pieces BPE joins when it begins with characters; of Han and kana no more than eight."""
    split = pre_tokenizers.Split(Regex(_PATTERN), "isolated")
    learner = Splitter(None, split).around(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=len(alphabet) + most,
        min_frequency=2,
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        max_token_length=_MAX_PIECE_BYTES,
        show_progress=False,
    )
    learner.train_from_iterator(batches(texts), trainer)
    merges = json.loads(learner.to_str())["model"]["merges"]
    return [(one, other) for one, other in merges if len((one + other).encode()) <= _MAX_PIECE_BYTES]


def byte_pieces(
    texts: list[str], settings: TokenizerSettings, pattern: str, longest: int | None = None
) -> Tokenizer:
    """Pieces of the bytes of words, which `pattern` finds, of `longest` bytes at most."""
    num_reserved = 1 + len(_ALPHABET)
    splitter = _splitter(settings, pattern)
    learner = splitter.around(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=num_reserved + room(settings, num_reserved),
        min_frequency=2,
        special_tokens=[PAD],
        initial_alphabet=_ALPHABET,
        max_token_length=longest,
        show_progress=False,
    )
    learner.train_from_iterator(batches(texts), trainer)
    # A new backend leaves out the special tokens of the trainer, which would be found in texts.
    return _finished(splitter.around(learner.model), settings)


def _splitter(settings: TokenizerSettings, pattern: str) -> Splitter:
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    normalizer = normalizers.Lowercase() if settings.lowercase else None
    return Splitter(normalizer, pre_tokenizers.Sequence([split, to_bytes]))


def _finished(backend: tokenizers.Tokenizer, settings: TokenizerSettings) -> Tokenizer:
    backend.decoder = decoders.ByteLevel()
    return Tokenizer(backend.to_str(), settings)
