"""Every character a token, line breaks and blanks as they are; a rare one is written in bytes.

Byte-level BPE whose words are single characters: nothing is unknown and every text comes back exactly.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers

from textwright.text.tokenizers.base import PAD, Tokenizer, TokenizerSettings
from textwright.text.tokenizers.sample import draw_sample
from textwright.text.tokenizers.words import MAX_SAMPLE_BYTES, Splitter, batches, room


def train(texts: Iterable[str], settings: TokenizerSettings) -> Tokenizer:
    """Learn the characters that a corpus has twice or more: 16,384 pieces at most unless told otherwise.

    >>> from textwright.text.tokenizers import train_tokenizer
    >>> tokenizer = train_tokenizer(["春眠\\n春"], TokenizerSettings(kind="characters"))
    >>> tokenizer.tokens("春\\n"), tokenizer.decode(tokenizer.encode(["春  眠\\n"]).rows[0])
    (['春', '\\n'], '春  眠\\n')
    """
    settings = settings.filled(vocabulary_size=16_384).replaced({"drop_unknown": False})
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    num_reserved = 1 + len(alphabet)
    split = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    splitter = Splitter(
        normalizers.Lowercase() if settings.lowercase else None,
        pre_tokenizers.Sequence([split, to_bytes]),
    )
    learner = splitter.around(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=num_reserved + room(settings, num_reserved),
        min_frequency=2,
        special_tokens=[PAD],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    learner.train_from_iterator(batches(draw_sample(texts, MAX_SAMPLE_BYTES).texts), trainer)
    backend = splitter.around(learner.model)
    backend.decoder = decoders.ByteLevel()
    return Tokenizer(backend.to_str(), settings)
