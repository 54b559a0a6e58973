"""The words of the classic Keras text program, so that its results can be reproduced id by id.

Follows `keras.preprocessing.text.Tokenizer` (keras-preprocessing 1.1): its filters, lower case, words by
falling count and then by first appearance, unknown words left out, the end of a long text kept as by
`pad_sequences`. Han characters of the basic block are split apart first, as people do who use it for Chinese.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from tokenizers import Regex, normalizers, pre_tokenizers

from textwright.text.tokenizers.base import Tokenizer, TokenizerSettings
from textwright.text.tokenizers.sample import draw_sample
from textwright.text.tokenizers.words import MAX_SAMPLE_BYTES, Splitter, count_words, room, word_tokenizer

_FILTERS = r"!\"#$%&()*+,\-./:;<=>?@\[\\\]\^_`{|}~"
# Python's str.split takes the separators 1C to 1F for blanks, Oniguruma's \s does not.
_PATTERN = rf"[一-鿿]|[^\s\x1c-\x1f一-鿿{_FILTERS}]+"


def train(texts: Iterable[str], settings: TokenizerSettings) -> Tokenizer:
    """Learn the words as `Tokenizer(num_words=10000)` does: ids 1 to 9,999, with 0 for padding."""
    settings = settings.filled(vocabulary_size=10_000, truncate="tail", drop_unknown=True, lowercase=True)
    split = pre_tokenizers.Split(Regex(_PATTERN), "removed", invert=True)
    splitter = Splitter(normalizers.Lowercase() if settings.lowercase else None, split)
    max_words = room(settings, 1 if settings.drop_unknown else 2)
    counted = count_words(splitter, draw_sample(texts, MAX_SAMPLE_BYTES).texts)
    order = np.lexsort((counted.first, -counted.counts))[:max_words]
    return word_tokenizer(splitter, [counted.words[i] for i in order], settings)
