"""Every character a token, line breaks and blanks as they are; a rare one is written in bytes.

Byte-level BPE whose words are single characters: nothing is unknown and every text comes back exactly.
"""

from __future__ import annotations

from collections.abc import Iterable

from textwright.text.tokenizers.base import Tokenizer, TokenizerSettings
from textwright.text.tokenizers.bpe import byte_pieces
from textwright.text.tokenizers.sample import draw_sample
from textwright.text.tokenizers.words import MAX_SAMPLE_BYTES


def train(texts: Iterable[str], settings: TokenizerSettings) -> Tokenizer:
    """Learn the characters that a corpus has twice or more: 16,384 pieces at most unless told otherwise.

    >>> from textwright.text.tokenizers import train_tokenizer
    >>> tokenizer = train_tokenizer(["春眠\\n春"], TokenizerSettings(kind="characters"))
    >>> tokenizer.tokens("春\\n"), tokenizer.decode(tokenizer.encode(["春  眠\\n"]).rows[0])
    (['春', '\\n'], '春  眠\\n')
    """
    settings = settings.filled(vocabulary_size=16_384).replaced({"drop_unknown": False})
    return byte_pieces(draw_sample(texts, MAX_SAMPLE_BYTES).texts, settings, r"[\s\S]")
