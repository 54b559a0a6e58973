"""Words: runs of letters and digits; every punctuation mark, Han character and kana is a word of its own."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Regex, normalizers, pre_tokenizers

from textwright.text.script import CJK_PATTERN
from textwright.text.tokenizers.base import Tokenizer, TokenizerSettings
from textwright.text.tokenizers.sample import draw_sample
from textwright.text.tokenizers.words import MAX_SAMPLE_BYTES, Splitter, common_words, word_tokenizer

_IN_WORD = rf"[^\p{{P}}\p{{S}}\p{{Z}}\p{{C}}{CJK_PATTERN}]"
# Combining marks stay with what they stand on (❤️, が in two characters); joiners and controls are left out.
WORD_PATTERN = rf"{_IN_WORD}+(?:['’]{_IN_WORD}+)*|[^\s\p{{Cc}}\p{{Cf}}]\p{{M}}*"


def train(texts: Iterable[str], settings: TokenizerSettings) -> Tokenizer:
    """Learn the words of a corpus: 30,000 at most and in lower case unless told otherwise."""
    settings = settings.filled(vocabulary_size=30_000, lowercase=True)
    split = pre_tokenizers.Split(Regex(WORD_PATTERN), "removed", invert=True)
    splitter = Splitter(normalizers.Lowercase() if settings.lowercase else None, split)
    words = common_words(splitter, draw_sample(texts, MAX_SAMPLE_BYTES).texts, settings)
    return word_tokenizer(splitter, words, settings)
