"""Byte-level BPE: pieces of words made of bytes; nothing is unknown and every text comes back exactly.

Follows GPT-2's byte alphabet, with words split much as GPT-4 does, at most two digits together (nanochat),
and Han and kana apart from letters, so that no piece mixes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers

from textwright.text.script import CJK_PATTERN, script_shares
from textwright.text.tokenizers.base import PAD, Tokenizer, TokenizerSettings
from textwright.text.tokenizers.sample import Sample, draw_sample
from textwright.text.tokenizers.words import Splitter, batches, room

_MAX_SAMPLE_BYTES = 64_000_000
# Between two marks Han and kana are one long word that hardly comes again, and is learned from at a price.
_MAX_RUNS_BYTES, _MANY_RUNS = 12_000_000, 0.3
_MAX_PIECE_BYTES = 24  # eight Han characters
_LETTER = rf"[^\p{{P}}\p{{S}}\p{{Z}}\p{{C}}\p{{N}}{CJK_PATTERN}]"
_PATTERN = (
    rf"['’]{_LETTER}+| ?{_LETTER}+|[{CJK_PATTERN}]+| ?\p{{N}}{{1,2}}"
    r"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_SIZES = ((1_000_000, 2_048), (10_000_000, 4_096), (100_000_000, 8_192))


def usual_size(num_bytes: int) -> int:
    """The usual number of pieces for a corpus of so many bytes.

    >>> usual_size(500_000), usual_size(26_000_000)
    (2048, 8192)
    """
    return next((size for limit, size in _SIZES if num_bytes <= limit), 16_384)


def train(texts: Iterable[str], settings: TokenizerSettings) -> Tokenizer:
    """Learn the pieces of a corpus; how many goes by its size unless told otherwise."""
    sample = _enough(draw_sample(texts, _MAX_SAMPLE_BYTES))
    settings = settings.filled(vocabulary_size=usual_size(sample.num_bytes)).replaced({"drop_unknown": False})
    return byte_pieces(sample.texts, settings, _PATTERN, _MAX_PIECE_BYTES)


def byte_pieces(
    texts: list[str], settings: TokenizerSettings, pattern: str, longest: int | None = None
) -> Tokenizer:
    """Pieces of the bytes of words, which `pattern` finds, of `longest` bytes at most."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    num_reserved = 1 + len(alphabet)
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    normalizer = normalizers.Lowercase() if settings.lowercase else None
    splitter = Splitter(normalizer, pre_tokenizers.Sequence([split, to_bytes]))
    learner = splitter.around(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=num_reserved + room(settings, num_reserved),
        min_frequency=2,
        special_tokens=[PAD],
        initial_alphabet=alphabet,
        max_token_length=longest,
        show_progress=False,
    )
    learner.train_from_iterator(batches(texts), trainer)
    # A new backend leaves out the special tokens of the trainer, which would be found in texts.
    backend = splitter.around(learner.model)
    backend.decoder = decoders.ByteLevel()
    return Tokenizer(backend.to_str(), settings)


def _enough(sample: Sample) -> Sample:
    """Less of a sample whose letters are Han or kana."""
    shares = script_shares(sample.texts)
    if shares.get("han", 0.0) + shares.get("kana", 0.0) < _MANY_RUNS:
        return sample
    return replace(sample, texts=draw_sample(sample.texts, _MAX_RUNS_BYTES).texts)
