"""What a language is learned from where nobody says: pieces of words; of Han and kana characters, where
pieces would hardly be longer.

Classical Chinese has few words of two characters, and verse counts its characters: poems of the Tang were
learned better, and written more regularly, by characters. Modern Chinese is a third shorter in pieces, and
learned as well (docs/log.md).
"""

from __future__ import annotations

from collections.abc import Iterable

from textwright.text.script import script_shares
from textwright.text.tokenizers import bpe, characters
from textwright.text.tokenizers.base import Tokenizer, TokenizerSettings
from textwright.text.tokenizers.sample import draw_sample

# Characters of a piece on average, below which single ones are taken; seen on so many bytes.
_LEAST_LENGTH, _SEEN_BYTES = 1.2, 1_000_000
_MAX_SAMPLE_BYTES = 64_000_000


def train(texts: Iterable[str], settings: TokenizerSettings) -> Tokenizer:
    """Learn the pieces or the characters of a corpus; `settings.kind` of what is made says which.

    >>> settings = TokenizerSettings(kind="language")
    >>> train(["the cat sat on the mat. "] * 9, settings).settings.kind
    'bpe'
    >>> train(["春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。"], settings).settings.kind
    'characters'
    """
    sample = draw_sample(texts, _MAX_SAMPLE_BYTES)
    pieces = bpe.train(sample.texts, settings.replaced({"kind": "bpe"}))
    shares = script_shares(sample.texts)
    if shares.get("han", 0.0) + shares.get("kana", 0.0) < bpe.MANY_RUNS:
        return pieces
    seen = draw_sample(sample.texts, _SEEN_BYTES).texts
    if sum(map(len, seen)) >= _LEAST_LENGTH * int(pieces.whole(seen).lengths.sum()):
        return pieces
    return characters.train(sample.texts, settings.replaced({"kind": "characters"}))
