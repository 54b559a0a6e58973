"""Unigram pieces: the likeliest cut of a word, bytes for rare characters, as SentencePiece's but repeatable.

Follows Kudo 2018 (arXiv 1804.10959) with hard EM: cut all words with the current pieces, count, re-score,
take away the pieces whose loss costs least likelihood, again. Counts are whole numbers, so that the result
depends neither on the number of threads nor on hash order; the trainer of the Hugging Face library (0.23)
gives another vocabulary in every run. Candidates come from a BPE learned on characters.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from itertools import chain

import numpy as np
import tokenizers
from numpy.typing import NDArray
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers

from textwright.text.script import CJK_PATTERN
from textwright.text.tokenizers.base import PAD, Tokenizer, TokenizerSettings
from textwright.text.tokenizers.bpe import usual_size
from textwright.text.tokenizers.pieces import MARK
from textwright.text.tokenizers.sample import draw_sample
from textwright.text.tokenizers.words import Splitter, WordCounts, batches, count_words, room

_MAX_SAMPLE_BYTES = 8_000_000
_MAX_PIECE_LENGTH = 16
_MAX_CJK_LENGTH = 8
# The characters that get a piece: those that cover this share of the text, half of the room at most. More
# leave too little for words (Chinese reviews, 4,096 pieces, bytes per token: half 3.86, three quarters 3.68).
_COVERAGE = 0.9995
_SEEDS_PER_PIECE = 2
_KEPT_PER_ROUND = 0.7
_RESERVED = [PAD, *(f"<0x{byte:02X}>" for byte in range(256))]
_LETTER = rf"[^\p{{P}}\p{{S}}\p{{Z}}\p{{C}}\p{{N}}{CJK_PATTERN}]"
# Marks like < and [ are always cut from letters and digits, so that no text can spell "<0xE6>" or "[PAD]".
_PATTERN = (
    rf"['’]{_LETTER}+|{MARK}?{_LETTER}+|[{CJK_PATTERN}]+|{MARK}?\p{{N}}{{1,2}}"
    rf"|{MARK}?[^{MARK}\p{{L}}\p{{M}}\p{{N}}]+|{MARK}"
)


def train(texts: Iterable[str], settings: TokenizerSettings) -> Tokenizer:
    """Learn the pieces of a corpus; how many goes by its size unless told otherwise."""
    sample = draw_sample(texts, _MAX_SAMPLE_BYTES)
    settings = settings.filled(vocabulary_size=usual_size(sample.num_bytes)).replaced({"drop_unknown": False})
    max_pieces = room(settings, len(_RESERVED))
    splitter = _splitter(lowercase=bool(settings.lowercase))
    counted = count_words(splitter, sample.texts)
    seeds = _seeds(splitter, sample.texts, counted, max_pieces)
    backend = splitter.around(_model(_fit(seeds, counted, max_pieces)))
    steps = [decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    backend.decoder = decoders.Sequence(steps)
    return Tokenizer(backend.to_str(), settings)


def _splitter(*, lowercase: bool) -> Splitter:
    # A text that begins with a word gets a blank before it, so that the word is the same there as elsewhere.
    steps = [
        normalizers.Replace(Regex(rf"[\s{MARK}]+"), " "),
        normalizers.Strip(),
        normalizers.Replace(Regex(rf"\A(?=[^{CJK_PATTERN}])"), " "),
        normalizers.Replace(" ", MARK),
    ]
    normalizer = normalizers.Sequence([normalizers.Lowercase(), *steps] if lowercase else steps)
    return Splitter(normalizer, pre_tokenizers.Split(Regex(_PATTERN), "isolated"))


def _seeds(splitter: Splitter, texts: list[str], counted: WordCounts, max_pieces: int) -> list[str]:
    """Candidates: the commonest characters, half of the room at most, and what BPE makes of them."""
    characters: Counter[str] = Counter()
    for word, count in zip(counted.words, counted.counts.tolist(), strict=True):
        for character in word:
            characters[character] += count
    ordered = sorted(characters, key=lambda c: (-characters[c], c))
    covered = np.cumsum([characters[c] for c in ordered])
    num_kept = int(np.searchsorted(covered, _COVERAGE * covered[-1])) + 1
    alphabet = ordered[: min(num_kept, max(max_pieces // 2, 1))]
    learner = splitter.around(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=len(ordered) + _SEEDS_PER_PIECE * max_pieces,
        min_frequency=2,
        max_token_length=_MAX_PIECE_LENGTH,
        show_progress=False,
    )
    learner.train_from_iterator(batches(texts), trainer)
    known, starts_cjk = set(alphabet), re.compile(f"[{CJK_PATTERN}]").match
    pieces = sorted(piece for piece in learner.get_vocab() if len(piece) > 1 and known.issuperset(piece))
    return alphabet + [piece for piece in pieces if len(piece) <= _MAX_CJK_LENGTH or not starts_cjk(piece)]


def _fit(pieces: list[str], counted: WordCounts, max_pieces: int) -> list[tuple[str, float]]:
    """The best `max_pieces` pieces with their log probabilities. All start equal: the fewest pieces win."""
    scores = np.full(len(pieces), -10.0)
    while True:
        counts = _count_uses(pieces, scores, counted)
        # Half a use for pieces without any: they may be needed when others are gone.
        scores = np.log(np.maximum(counts, 0.5) / counts.sum())
        if len(pieces) <= max_pieces:
            return list(zip(pieces, scores.round(6).tolist(), strict=True))
        num_kept = max(max_pieces, int(_KEPT_PER_ROUND * len(pieces)))
        kept = np.sort(np.argsort(-_losses(pieces, scores, counts), kind="stable")[:num_kept])
        pieces, scores = [pieces[i] for i in kept], scores[kept]


def _count_uses(pieces: list[str], scores: NDArray[np.float64], counted: WordCounts) -> NDArray[np.int64]:
    """How often each piece is used in the likeliest cut of all words."""
    backend = tokenizers.Tokenizer(_model(list(zip(pieces, scores.tolist(), strict=True))))
    uses = np.zeros(len(_RESERVED) + len(pieces), np.int64)
    start = 0
    for words in batches(counted.words):
        encodings = backend.encode_batch_fast(words, add_special_tokens=False)
        ids = np.fromiter(chain.from_iterable(encoding.ids for encoding in encodings), np.int64)
        times = counted.counts[start : start + len(words)]
        np.add.at(uses, ids, np.repeat(times, [len(encoding) for encoding in encodings]))
        start += len(words)
    return uses[len(_RESERVED) :]


def _losses(pieces: list[str], scores: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Log likelihood lost without a piece, its uses cut into others; infinite for single characters."""
    known = dict(zip(pieces, scores.tolist(), strict=True))
    alternatives = np.array([_best_cut(piece, known) if len(piece) > 1 else -math.inf for piece in pieces])
    losses: NDArray[np.float64] = np.maximum(counts, 0.5) * (scores - alternatives)
    return losses


def _best_cut(piece: str, known: dict[str, float]) -> float:
    """The score of the best cut of a piece into two or more others."""
    best = [0.0] + [-math.inf] * len(piece)
    for end in range(1, len(piece) + 1):
        starts = range(1 if end == len(piece) else 0, end)
        best[end] = max(best[start] + known.get(piece[start:end], -math.inf) for start in starts)
    return best[-1]


def _model(pieces: list[tuple[str, float]]) -> tokenizers.models.Model:
    # The reserved entries are never found in a text. The library wants an unknown piece; bytes replace it.
    lowest = min(score for _, score in pieces)
    return models.Unigram([(name, lowest) for name in _RESERVED] + pieces, unk_id=0, byte_fallback=True)
