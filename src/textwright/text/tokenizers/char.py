"""Characters: each one a token, and each run of blanks one too."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Regex, decoders, normalizers, pre_tokenizers

from textwright.text.tokenizers.base import Tokenizer, TokenizerSettings
from textwright.text.tokenizers.sample import draw_sample
from textwright.text.tokenizers.words import MAX_SAMPLE_BYTES, Splitter, common_words, lookup_model


def train(texts: Iterable[str], settings: TokenizerSettings) -> Tokenizer:
    """Learn the characters of a corpus: 10,000 at most unless told otherwise, capitals kept."""
    settings = settings.filled(vocabulary_size=10_000)
    blanks = normalizers.Replace(Regex(r"\s+"), " ")
    normalizer = normalizers.Sequence([normalizers.Lowercase(), blanks]) if settings.lowercase else blanks
    splitter = Splitter(normalizer, pre_tokenizers.FixedLength(length=1))
    characters = common_words(splitter, draw_sample(texts, MAX_SAMPLE_BYTES).texts, settings)
    backend = splitter.around(lookup_model(characters, drop_unknown=bool(settings.drop_unknown)))
    backend.decoder = decoders.Fuse()
    return Tokenizer(backend.to_str(), settings)
